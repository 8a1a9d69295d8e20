/**
 * `tidings doctor`: says in words what a path does to an event stream, and what mends it.
 */
import type { Command, Input } from "../arguments/command.ts";
import { PROTOCOL_OPTIONS, protocolOf, REQUEST_OPTIONS, requestOf } from "../arguments/request-options.ts";
import { formatDuration, parseCount, parseDuration } from "../arguments/units.ts";
import { UsageError } from "../arguments/usage-error.ts";
import { startLiveLine } from "../terminal/live-line.ts";
import type { Io } from "../terminal/io.ts";
import { stylesFor } from "../terminal/style.ts";
import { diagnose } from "./diagnose.ts";
import type { Evidence } from "./evidence.ts";
import { examinePath } from "./examine/examine-path.ts";
import { examineStream } from "./examine/examine-stream.ts";
import { type ProfileName, profiles } from "./profiles.ts";
import { writeReport } from "../report/page.ts";
import { reportHtml } from "./report/report-html.ts";
import { reportJson } from "./report/report-json.ts";
import { reportText } from "./report/report-text.ts";
import type { Target } from "./examine/requests.ts";

export const doctor: Command = {
  name: "doctor",
  summary: "Find out what breaks an event stream, and how to fix it",
  usage: "URL",
  words: [1, 1],
  options: {
    ...REQUEST_OPTIONS,
    token: { value: "TOKEN", about: "The URL is a doctorEndpoint(): finds more" },
    bare: { about: "The endpoint sends no headers for proxies" },
    direct: { value: "URL", about: "Your server without proxies, to compare with" },
    profile: {
      value: "NAME",
      choices: Object.keys(profiles),
      about: "Expected format: sse, ai-sdk, openai, mcp…",
    },
    origin: { value: "ORIGIN", about: "Check CORS for pages of this origin" },
    watch: { value: "TIME", about: "How long to watch. Default: 10s" },
    long: { value: "TIME", about: "Look for time limits: 70s finds most, 330s all" },
    streams: { value: "N", about: "Open N streams at once, to find limits" },
    flood: { about: "With --token: test backpressure" },
    json: { about: "Print the findings as JSON" },
    report: { value: "FILE", about: "Write an HTML page with timelines" },
    strict: { about: "Exit with status 1 for warnings too" },
    ...PROTOCOL_OPTIONS,
  },
  examples: ["tidings doctor https://example.com/events"],
  run: runDoctor,
};

async function runDoctor(input: Input, io: Io): Promise<number> {
  const { dim } = stylesFor(io.color.err);
  const request = requestOf(input);
  const profile = profiles[(input.get("profile") ?? "sse") as ProfileName];
  const token = input.get("token");
  const longMs = durationOf("long");
  const streams =
    input.get("streams") === undefined ? undefined : parseCount("streams", input.get("streams")!, 2, 1000);
  for (const name of ["bare", "flood"]) {
    if (input.has(name) && token === undefined)
      throw new UsageError(`--${name} is for a doctor endpoint, expected --token too.`);
  }
  const origin = input.get("origin");
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).origin !== origin)) {
    throw new UsageError(
      `--origin is ${JSON.stringify(origin)}, expected one such as https://app.example.com`,
    );
  }
  const watchMs = durationOf("watch") ?? 10_000;
  const examine = (target: Target): Promise<Evidence> =>
    token === undefined
      ? examineStream(target, profile, { watchMs, longMs, origin, streams })
      : examinePath(target, { token, bare: input.has("bare"), longMs, flood: input.has("flood") });

  const report = input.get("report");
  if (report !== undefined) writeReport(report, "");
  const startMs = performance.now();
  const live = startLiveLine(
    io,
    () => dim(`watching, ${formatDuration(performance.now() - startMs)}`),
    io.err,
  );
  const target: Target = { ...request, protocol: protocolOf(input), signal: io.signal };
  const evidence = await examine(target);
  const direct = input.get("direct");
  const directEvidence =
    direct === undefined ? undefined : await examine({ ...target, url: requestOf(input, direct).url });
  live.end();
  if (io.signal.aborted) return 130;

  const findings = diagnose(evidence, directEvidence);
  io.out(input.has("json") ? reportJson(evidence, findings) : reportText(evidence, findings, io));
  if (report !== undefined) writeReport(report, reportHtml(evidence, findings));
  const bad = input.has("strict") ? /error|warning/ : /error/;
  return findings.some(({ severity }) => bad.test(severity)) ? 1 : 0;

  function durationOf(name: string): number | undefined {
    const text = input.get(name);
    return text === undefined ? undefined : parseDuration(name, text);
  }
}
