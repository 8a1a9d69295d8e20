/**
 * The result of a load as a page with plots.
 */
import { formatBytes, formatCount, formatDuration } from "../arguments/units.ts";
import { escapeHtml, page } from "../report/page.ts";
import { type Line, plot } from "../report/plot.ts";
import type { Percentiles } from "./histogram.ts";
import { isGood } from "./report-text.ts";
import type { LoadResult } from "./run-load.ts";
import type { Sample } from "./tally.ts";

export function reportHtml(url: string, result: LoadResult): string {
  const { plan, samples, order, steady, self } = result;
  const failed = Object.entries(result.failures);
  const seconds = Math.max(0.001, steady.ms / 1000);
  const rows: [string, string][] = [
    [
      "Connections",
      `${formatCount(result.open)} open at the end, ${formatCount(result.mostOpen)} at most, ${failed.length === 0 ? "0 failed" : `failed: ${failed.map(([why, count]) => `${why} ${formatCount(count)}`).join(", ")}`}, ${formatCount(result.disconnects)} disconnected`,
    ],
    [
      "Messages",
      `${formatCount(result.messages)} (${formatBytes(result.bytes)}); held: ${formatCount(steady.messages / seconds)}/s, ${formatBytes(steady.bytes / seconds)}/s`,
    ],
    [
      "By cursor",
      order.counted === 0
        ? "not counted: messages have no ids that can be ordered"
        : `${formatCount(order.lost)} lost, ${formatCount(order.doubled)} doubled, ${formatCount(order.outOfOrder)} out of order, ${formatCount(order.behind)} still on their way, ${formatCount(result.gapsTold)} gaps told`,
    ],
    ...result.storms.map(({ connections, allBackMs, backMs }, at): [string, string] => [
      `Storm ${at + 1}`,
      allBackMs === undefined
        ? `${formatCount(backMs.count)} of ${formatCount(connections)} came back`
        : `${formatCount(connections)} back after ${formatDuration(allBackMs)}`,
    ]),
    [
      "Load generator",
      `event loop p99 ${formatDuration(self.loopP99Ms)}, ${Math.round(self.cpuShare * 100)} % of a core, ${formatBytes(self.rssBytes)}`,
    ],
  ];
  const time = (ms: number): string =>
    ms < 60_000 ? `${Number((ms / 1000).toFixed(1))} s` : formatDuration(ms);
  const over = (name: string, color: Line["color"], y: (sample: Sample) => number | undefined): Line => ({
    name,
    color,
    points: samples.map((sample) => ({ x: sample.atMs, y: y(sample) })),
  });
  const perSecond = samples.length > 1 ? 1000 / (samples[1]!.atMs - samples[0]!.atMs) : 2;
  // The last of them is not over.
  const whole = (sample: Sample, value: number): number | undefined =>
    sample === samples.at(-1) ? undefined : value * perSecond;
  const label =
    result.latencyIs === "spread" ? "Latency, from the first arrival anywhere" : "Latency, from sending";
  const curve = result.latencyCurve;
  const plots = [
    plot({
      title: "Open connections",
      lines: [over("open", "blue", ({ open }) => open)],
      xLabel: time,
      yLabel: formatCount,
    }),
    plot({
      title: "Messages a second",
      lines: [over("messages", "blue", (sample) => whole(sample, sample.messages))],
      xLabel: time,
      yLabel: formatCount,
    }),
    plot({
      title: label,
      lines: [
        over("p50", "blue", ({ latency }) => latency?.at(0.5)),
        over("p99", "orange", ({ latency }) => latency?.at(0.99)),
      ],
      xLabel: time,
      yLabel: formatDuration,
      logarithmic: true,
    }),
    plot({
      title: "Latency by percentile",
      lines: [{ name: "latency", color: "blue", points: curve.map(({ ms }, x) => ({ x, y: ms })) }],
      xLabel: String,
      yLabel: formatDuration,
      logarithmic: true,
      xNames: curve.map(({ share }) => (share === 1 ? "max" : String(Number((share * 100).toFixed(3))))),
    }),
    plot({
      title: "New connections and losses a second",
      lines: [
        over("connected", "blue", (sample) => whole(sample, sample.connects)),
        over("lost or failed", "orange", (sample) => whole(sample, sample.lost + sample.failed)),
      ],
      xLabel: time,
      yLabel: formatCount,
    }),
  ];
  return page(
    `Load of ${url}`,
    `<h1>${escapeHtml(url)}</h1>
<p class="dim">${formatCount(plan.connections)} connections over ${formatDuration(plan.rampMs)}, held ${formatDuration(plan.holdMs)}</p>
<p class="${isGood(result) ? "good" : "bad"}">${isGood(result) ? "nothing lost, nothing refused" : "not all is well"}</p>
<table>${rows.map(([name, text]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(text)}</td></tr>`).join("")}</table>
<h2>Percentiles</h2>
<table><tr><th></th>${["p50", "p90", "p99", "p99.9", "max", "samples"].map((name) => `<th>${name}</th>`).join("")}</tr>
${percentileRow("Connect", result.connectMs)}${percentileRow(label, result.latencyMs)}</table>
<h2>Over time</h2>
<div class="plots">${plots.join("\n")}</div>`,
  );
}

function percentileRow(name: string, { count, p50, p90, p99, p999, max }: Percentiles): string {
  const cells = [p50, p90, p99, p999, max].map(formatDuration);
  return `<tr><th>${escapeHtml(name)}</th>${[...cells, formatCount(count)].map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}
