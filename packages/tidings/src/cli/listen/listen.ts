/**
 * `tidings listen`: reads an event stream and shows it, as people, programs or wire-readers want it.
 */
import { connect, type Connection, type EventStreamError, type Verdict } from "../../client/index.ts";
import { createParser } from "../../wire/parser.ts";
import type { Command, Input } from "../arguments/command.ts";
import { PROTOCOL_OPTIONS, protocolOf, REQUEST_OPTIONS, requestOf } from "../arguments/request-options.ts";
import { formatBytes, parseCount, parseDuration } from "../arguments/units.ts";
import { reasonOf, UsageError } from "../arguments/usage-error.ts";
import { exchangeFetch, type FetchTap } from "../http/exchange-fetch.ts";
import { startLiveLine } from "../terminal/live-line.ts";
import type { Io } from "../terminal/io.ts";
import { harmless, stylesFor } from "../terminal/style.ts";
import { DIALECTS, type DialectName } from "./dialects.ts";
import type { Printer } from "./heard.ts";
import { parseJsonPath } from "./json-path.ts";
import { type AnswerPrinter, answerPrinter } from "./print-answer.ts";
import { ndjsonPrinter, prettyPrinter } from "./print-messages.ts";
import { rawPrinter } from "./print-raw.ts";
import { createRecorder } from "./recorder.ts";
import { sentAtMs } from "./sent-time.ts";
import { Traffic } from "./traffic.ts";

export const listen: Command = {
  name: "listen",
  summary: "Show an event stream: pretty, as NDJSON, raw, or a model's answer as text",
  usage: "URL",
  words: [1, 1],
  options: {
    ...REQUEST_OPTIONS,
    event: { short: "e", value: "TYPE", multiple: true, about: "Only messages of this event type" },
    json: { short: "j", value: "PATH", about: "Only this part of the JSON: choices[0].delta" },
    as: { value: "DIALECT", choices: DIALECTS, about: `Print an answer's text: ${DIALECTS.join(", ")}` },
    raw: { about: "Bytes as they arrive, with chunk boundaries" },
    ndjson: { about: "One JSON object per line (as in pipes); readable" },
    pretty: { sameLineAs: "ndjson", about: "Readable (as on terminals)" },
    head: { short: "i", about: "Response headers too; comments (heartbeats) too" },
    comments: { sameLineAs: "head", about: "Comments (heartbeats) too" },
    time: { value: "PATH", about: "Where data says when it was sent, for latency" },
    "last-event-id": { value: "ID", about: "Continue after this ID" },
    "no-reconnect": { about: "Stop when the response ends" },
    wait: { about: "Keep trying if the server does not answer" },
    until: { value: "TYPE", about: "Stop after an event type, N messages, or 30s" },
    count: { short: "n", value: "N", sameLineAs: "until", about: "Stop after N messages" },
    for: { value: "TIME", sameLineAs: "until", about: "Stop after a time such as 30s" },
    record: { value: "FILE", about: "Save one response and its timing, for replay" },
    ...PROTOCOL_OPTIONS,
  },
  examples: ["tidings listen URL --as openai -d @chat.json"],
  run: runListen,
};

async function runListen(input: Input, io: Io): Promise<number> {
  const request = requestOf(input);
  const once = input.has("no-reconnect") || input.has("record");
  const count =
    input.get("count") === undefined ? Infinity : parseCount("count", input.get("count")!, 1, 1e9);
  const forMs = input.get("for") === undefined ? undefined : parseDuration("for", input.get("for")!);
  const timePath = input.get("time") === undefined ? undefined : parseJsonPath("time", input.get("time")!);
  const recorder = input.get("record") === undefined ? undefined : createRecorder(input.get("record")!);
  const { dim, bad, warn } = stylesFor(io.color.err);

  const traffic = new Traffic();
  let state = "connecting";
  const live = startLiveLine(
    io,
    () => `${warn("●")} ${state} · ${traffic.toString()}`,
    io.out,
    !input.has("as"),
  );
  const printer = printerFor(input, io, live.above);
  const say = (text: string): void => {
    live.clear();
    io.err(text);
  };

  let requestedAtMs = 0;
  let wasOpen = false;
  let shown = 0;
  let reading = false;
  let over = false;
  const parser = createParser({
    onComment(text) {
      traffic.comments++;
      printer.comment?.(text, Date.now());
    },
    onMessage({ event, id, data }) {
      if (over) return;
      const wallMs = performance.timeOrigin + performance.now();
      const sentMs = sentAtMs(data, timePath, wallMs);
      const latencyMs = sentMs === undefined ? undefined : wallMs - sentMs;
      traffic.add(1, 0, latencyMs);
      if (printer.message?.({ wallMs, event, id, data, latencyMs }) !== false) shown++;
      if (
        shown >= count ||
        event === input.get("until") ||
        (printer as Partial<AnswerPrinter>).ended === true
      ) {
        over = true;
        finish();
      }
    },
  });
  const tap: FetchTap = {
    onRequest: () => void (requestedAtMs = performance.now()),
    onRedirect: (status, to) => say(`${dim(`${status}, redirected to ${harmless(to)}`)}\n`),
    onHead(head, url) {
      reading = head.status === 200;
      parser.reset();
      recorder?.head(head);
      printer.head?.(head, url, requestedAtMs);
    },
    onChunk(bytes, atMs) {
      recorder?.chunk(bytes, atMs);
      traffic.add(0, bytes.length);
      printer.chunk?.(bytes, performance.timeOrigin + atMs);
      try {
        if (reading) parser.push(bytes);
      } catch {
        // A message too long: the connection, which reads the same, says so.
        reading = false;
      }
      return io.drained();
    },
    onEnd(how) {
      recorder?.end(how);
      printer.bodyEnd?.(how);
    },
  };

  const connection: Connection = connect(request.url, {
    method: request.method,
    headers: request.headers,
    body: request.body,
    fetch: exchangeFetch({ protocol: protocolOf(input), insecure: request.insecure }, tap),
    signal: io.signal,
    ...(input.get("last-event-id") !== undefined && { lastEventId: input.get("last-event-id")! }),
    ...(once && { retry: false as const }),
    // What comes is shown above; this only keeps the queue empty.
    onMessage() {},
    onOpen() {
      wasOpen = true;
      state = "open";
    },
    onState: (phase) => void (state = phase),
    onError(error) {
      if (error.willRetry === true && !wasOpen && !input.has("wait")) {
        failure = error;
        return finish();
      }
      if (error.willRetry === true) say(`${warn("lost")} ${wordsOf(error)}${dim("; reconnecting")}\n`);
    },
  });
  let failure: EventStreamError | undefined;
  function finish(): void {
    // After the chunk in which it was found.
    queueMicrotask(() => connection.close());
  }
  const timer = forMs === undefined ? undefined : setTimeout(finish, forMs);
  const unwatch = io.watchReader();
  const verdict = await connection.ended;
  unwatch();
  clearTimeout(timer);
  live.end();

  const saved = recorder?.save();
  if (saved !== undefined) io.err(`${dim(`recorded ${formatBytes(saved)} in ${input.get("record")!}`)}\n`);
  const good = printer.verdict?.() ?? true;
  if (failure !== undefined) {
    io.err(`${bad("failed")} ${wordsOf(failure)}\n${dim("--wait keeps trying")}\n`);
    return 1;
  }
  return Math.max(good || io.signal.aborted ? 0 : 1, summary(verdict, io, printer, traffic));
}

/** @returns The exit status that the verdict asks for. */
function summary(verdict: Verdict, io: Io, printer: Printer, traffic: Traffic): number {
  const { dim, bad } = stylesFor(io.color.err);
  if (verdict.reason === "gave-up" || verdict.reason === "truncated" || verdict.reason === "failed") {
    // A dialect has its own word for it.
    if (printer.verdict !== undefined && verdict.reason === "truncated") return 1;
    io.err(`${bad(verdict.reason === "truncated" ? "truncated" : "failed")} ${wordsOf(verdict.cause)}\n`);
    const { body } = verdict.cause;
    if (body) io.err(`${dim(harmless(body.trim().slice(0, 600)))}\n`);
    return 1;
  }
  if (io.isTerminal.err && io.signal.reason !== "closed")
    io.err(`${dim(`${verdict.reason} · ${traffic.toString()}`)}\n`);
  return 0;
}

function printerFor(input: Input, io: Io, above: (text: string) => void): Printer {
  const forms = ["raw", "ndjson", "pretty", "as"].filter((name) => input.has(name));
  if (forms.length > 1) throw new UsageError(`--${forms.join(" and --")} exclude each other, expected one.`);
  const path = input.get("json");
  const filter = {
    events: new Set(input.all("event")),
    path: path === undefined ? undefined : parseJsonPath("json", path),
  };
  if (input.has("raw")) return rawPrinter(io, above);
  if (input.has("as")) return answerPrinter(input.get("as") as DialectName, io, above);
  if (input.has("ndjson") || (!input.has("pretty") && !io.isTerminal.out))
    return ndjsonPrinter(filter, above);
  return prettyPrinter(filter, io, above, { comments: input.has("comments"), head: input.has("head") });
}

function wordsOf(error: EventStreamError): string {
  const { code, url, status, cause } = error;
  const where = url === undefined ? "" : `${harmless(url)}: `;
  if (code === "status") return `${where}the server said ${status}`;
  if (code === "ended") return `${where}the server ended the response`;
  if (code === "network" && cause !== undefined) return `${where}${harmless(reasonOf(cause))}`;
  return harmless(error.message);
}
