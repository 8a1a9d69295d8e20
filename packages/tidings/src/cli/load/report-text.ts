/**
 * The result of a load for people.
 */
import { formatBytes, formatCount, formatDuration, plural } from "../arguments/units.ts";
import type { Io } from "../terminal/io.ts";
import { harmless, stylesFor } from "../terminal/style.ts";
import type { Percentiles } from "./histogram.ts";
import type { LoadResult } from "./run-load.ts";

/** Above these, the generator may measure itself. */
const BUSY_LOOP_MS = 50;
const BUSY_SHARE = 0.9;

export function reportText(url: string, result: LoadResult, io: Io): string {
  const { strong, dim, good, warn, bad } = stylesFor(io.color.out);
  const { plan, order, steady, failures, self, storms } = result;
  const failed = Object.entries(failures);
  const failedCount = failed.reduce((sum, [, count]) => sum + count, 0);
  const seconds = Math.max(0.001, steady.ms / 1000);
  const mark = (count: number, text: string): string => (count === 0 ? text : bad(text));
  const row = (name: string, text: string): string => `${strong(name.padEnd(13))}${text}`;
  const busy = self.loopP99Ms > BUSY_LOOP_MS || self.cpuShare > BUSY_SHARE;

  return [
    `${strong(harmless(url))} ${dim(`${plural(plan.connections, "connection")} over ${formatDuration(plan.rampMs)}, held ${formatDuration(plan.holdMs)}`)}`,
    "",
    row(
      "connections",
      [
        `${formatCount(result.open)} open at the end, ${formatCount(result.mostOpen)} at most`,
        mark(
          failedCount,
          `${formatCount(failedCount)} failed${failed.length === 0 ? "" : ` (${failed.map(([why, count]) => `${harmless(why)}: ${formatCount(count)}`).join(", ")})`}`,
        ),
        mark(result.disconnects, `${formatCount(result.disconnects)} disconnected`),
      ].join(", "),
    ),
    ...(result.mostOpen === 0 ? [] : measured()),
    "",
    isGood(result) ? good("all connections held, nothing lost") : bad("problems found, see above"),
    "",
  ].join("\n");

  /** What there is to say of connections that were open. */
  function measured(): string[] {
    return [
      row("connect", percentiles(result.connectMs)),
      row(
        "messages",
        `${formatCount(result.messages)}, ${formatBytes(result.bytes)}; held: ${formatCount(steady.messages / seconds)}/s, ${formatBytes(steady.bytes / seconds)}/s`,
      ),
      row("latency", result.latencyIs === undefined ? dim("no messages") : percentiles(result.latencyMs)),
      ...(result.latencyIs === "spread"
        ? [row("", dim("from the first arrival anywhere: the data does not say when it was sent (--time)"))]
        : []),
      row(
        "by cursor",
        order.counted === 0
          ? dim("not counted: messages have no ids that can be ordered")
          : [
              mark(order.lost, `${formatCount(order.lost)} lost`),
              mark(order.doubled, `${formatCount(order.doubled)} doubled`),
              mark(order.outOfOrder, `${formatCount(order.outOfOrder)} out of order`),
              `${formatCount(order.behind)} still on their way`,
              ...(result.gapsTold === 0 ? [] : [`${plural(result.gapsTold, "gap")} told`]),
            ].join(", "),
      ),
      ...storms.map(({ connections, allBackMs, backMs }, at) =>
        row(
          `storm ${at + 1}`,
          allBackMs === undefined
            ? bad(`${formatCount(backMs.count)} of ${formatCount(connections)} came back`)
            : `${formatCount(connections)} back after ${formatDuration(allBackMs)} (${percentiles(backMs)})`,
        ),
      ),
      row(
        "this process",
        (busy ? warn : dim)(
          `event loop p99 ${formatDuration(self.loopP99Ms)}, ${Math.round(self.cpuShare * 100)} % of a core, ${formatBytes(self.rssBytes)}`,
        ),
      ),
      ...(busy
        ? [
            row(
              "",
              warn("it was busy, which adds to the latencies. Use fewer connections, or several processes"),
            ),
          ]
        : []),
    ];
  }
}

/** Whether every connection opened and stayed, and no message went wrong. */
export function isGood({ failures, disconnects, order, storms }: LoadResult): boolean {
  return (
    Object.keys(failures).length === 0 &&
    disconnects === 0 &&
    order.lost + order.doubled + order.outOfOrder === 0 &&
    storms.every(({ allBackMs }) => allBackMs !== undefined)
  );
}

function percentiles({ p50, p90, p99, p999, max }: Percentiles): string {
  return [
    `p50 ${formatDuration(p50)}`,
    `p90 ${formatDuration(p90)}`,
    `p99 ${formatDuration(p99)}`,
    `p99.9 ${formatDuration(p999)}`,
    `max ${formatDuration(max)}`,
  ].join(", ");
}
