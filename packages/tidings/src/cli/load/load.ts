/**
 * `tidings load`: many readers of one stream, and what happens to them.
 */
import type { Command, Input } from "../arguments/command.ts";
import { REQUEST_OPTIONS, requestOf } from "../arguments/request-options.ts";
import { formatBytes, formatCount, formatDuration, parseCount, parseDuration } from "../arguments/units.ts";
import { parseJsonPath } from "../listen/json-path.ts";
import { startLiveLine } from "../terminal/live-line.ts";
import type { Io } from "../terminal/io.ts";
import { stylesFor } from "../terminal/style.ts";
import { writeReport } from "../report/page.ts";
import { reportHtml } from "./report-html.ts";
import { isGood, reportText } from "./report-text.ts";
import { type LoadPlan, type LoadResult, runLoad } from "./run-load.ts";
import type { Tally } from "./tally.ts";
import { toTarget } from "./target.ts";

export const load: Command = {
  name: "load",
  summary: "Open many connections to a stream, and measure what happens",
  usage: "URL",
  words: [1, 1],
  options: {
    ...REQUEST_OPTIONS,
    connections: { short: "n", value: "N", about: "How many to open. Default: 100" },
    ramp: { value: "TIME", about: "Time in which to open them. Default: 1s per 1000" },
    hold: { value: "TIME", about: "Time to hold them. Default: 10s" },
    storm: { value: "N", about: "Cut all at once and let them reconnect, N times" },
    time: { value: "PATH", about: "Where data says when it was sent, for latency" },
    "no-reconnect": { about: "Do not reopen lost connections" },
    json: { about: "Print the result as JSON" },
    report: { value: "FILE", about: "Write an HTML page with plots" },
    "yes-i-own-it": { about: "Required if the target is another machine" },
  },
  examples: ["tidings load localhost:3000/events -n 10000 --hold 30s"],
  run: runLoadCommand,
};

async function runLoadCommand(input: Input, io: Io): Promise<number> {
  const connections = parseCount("connections", input.get("connections") ?? "100", 1, 100_000);
  const path = input.get("time");
  const plan: LoadPlan = {
    connections,
    rampMs: input.get("ramp") === undefined ? connections : parseDuration("ramp", input.get("ramp")!),
    holdMs: parseDuration("hold", input.get("hold") ?? "10s"),
    storms: parseCount("storm", input.get("storm") ?? "0", 0, 100),
    reconnect: !input.has("no-reconnect"),
    timePath: path === undefined ? undefined : parseJsonPath("time", path),
  };
  const target = await toTarget(requestOf(input), input.has("yes-i-own-it"));

  const report = input.get("report");
  if (report !== undefined) writeReport(report, "");

  let line = "";
  const { dim } = stylesFor(io.color.err);
  const live = startLiveLine(io, () => line, io.err);
  let toldMs = performance.now();
  const result = await runLoad(target, plan, io.signal, (tally, phase) => {
    line = progressOf(tally, phase, plan);
    // Where there is no live line, a line every few seconds says that it goes on.
    if (!io.isTerminal.err && !input.has("json") && performance.now() - toldMs > 5000) {
      toldMs = performance.now();
      io.err(`${dim(line)}\n`);
    }
  });
  live.end();
  io.out(input.has("json") ? reportJson(target.url, result) : reportText(target.url, result, io));
  if (report !== undefined) writeReport(report, reportHtml(target.url, result));
  if (io.signal.aborted) return 130;
  return isGood(result) ? 0 : 1;
}

function progressOf(tally: Tally, phase: string, { connections }: LoadPlan): string {
  const { samples, open, messages, latency } = tally;
  const last = samples.slice(-3, -1);
  const rate = (last.reduce((sum, sample) => sum + sample.messages, 0) / Math.max(1, last.length)) * 2;
  const bytes = (last.reduce((sum, sample) => sum + sample.bytes, 0) / Math.max(1, last.length)) * 2;
  const failed = [...tally.failures.values()].reduce((sum, count) => sum + count, 0);
  return [
    `${phase} ${formatDuration(performance.now() - tally.startMs)}`,
    `${formatCount(open)} of ${formatCount(connections)} open`,
    ...(failed === 0 ? [] : [`${formatCount(failed)} failed`]),
    `${formatCount(messages)} messages, ${formatCount(rate)}/s, ${formatBytes(bytes)}/s`,
    ...(latency.count === 0 ? [] : [`p99 ${formatDuration(latency.at(0.99))}`]),
  ].join(" · ");
}

function reportJson(url: string, { samples, ...result }: LoadResult): string {
  const series = samples.map(({ latency, ...sample }) => ({
    ...sample,
    latencyP50Ms: latency?.at(0.5) ?? null,
    latencyP99Ms: latency?.at(0.99) ?? null,
  }));
  return `${JSON.stringify({ url, ...result, series }, undefined, 2)}\n`;
}
