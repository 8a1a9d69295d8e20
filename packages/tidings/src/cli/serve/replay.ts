/**
 * `tidings replay`: serves a recording to each who asks, with the timing it was recorded with.
 */
import { readFileSync } from "node:fs";
import { type ServerResponse, validateHeaderName, validateHeaderValue } from "node:http";
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";
import { parseRecording, type Recording } from "../../testing/index.ts";
import type { Command, Input } from "../arguments/command.ts";
import { formatDuration, plural } from "../arguments/units.ts";
import { systemProblem, UsageError } from "../arguments/usage-error.ts";
import type { Io } from "../terminal/io.ts";
import { stylesFor } from "../terminal/style.ts";
import { SERVER_OPTIONS, startServer } from "./http-server.ts";

export const replay: Command = {
  name: "replay",
  summary: "Serve a recording with its original timing",
  usage: "FILE",
  words: [1, 1],
  completes: "file",
  options: {
    speed: { value: "N", about: "How much faster than recorded. Default: 1" },
    quiet: { short: "q", about: "Say nothing of who comes and goes" },
    ...SERVER_OPTIONS,
  },
  notes: ["Make a recording with: tidings listen URL --record FILE"],
  examples: ["tidings replay chat.sse --speed 4"],
  run: runReplay,
};

async function runReplay(input: Input, io: Io): Promise<number> {
  const file = input.words[0]!;
  const recording = readRecording(file);
  const speed = Number(input.get("speed") ?? "1");
  if (!(speed > 0))
    throw new UsageError(`--speed is ${JSON.stringify(input.get("speed"))}, expected a number above 0.`);
  const { dim, strong } = stylesFor(io.color.err);
  const say = (text: string): void => void (input.has("quiet") || io.err(text));
  let readers = 0;
  const server = await startServer(input, io.env, (_request, response, headers) => {
    const number = ++readers;
    say(dim(`+ reader ${number}\n`));
    response.on("close", () => say(dim(`- reader ${number}\n`)));
    play(recording, speed, response, headers);
  });
  const lastMs = recording.ending?.atMs ?? recording.chunks.at(-1)?.atMs ?? 0;
  io.err(
    `${strong(server.url)} ${dim(`replays ${file}: ${plural(recording.chunks.length, "chunk")}, ${formatDuration(lastMs / speed)}`)}\n`,
  );
  await new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    io.signal.addEventListener("abort", () => resolve());
  });
  await server.stop();
  return 0;
}

function readRecording(file: string): Recording {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw systemProblem(`Cannot read ${file}`, error);
  }
  try {
    const recording = parseRecording(bytes);
    for (const [name, value] of Object.entries(recording.headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return recording;
  } catch (error) {
    throw new UsageError(
      `Cannot read ${file}: ${(error as Error).message}`,
      "To make a recording: tidings listen URL --record FILE",
      1,
    );
  }
}

function play(
  { status, headers, chunks, ending }: Recording,
  speed: number,
  response: ServerResponse,
  more: Record<string, string>,
): void {
  response.writeHead(status, {
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    ...headers,
    ...more,
  });
  response.flushHeaders();
  const startMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  response.on("close", () => clearTimeout(timer));
  // One timer after the other, by the time since the start, so that late timers do not add up.
  const next = (index: number): void => {
    const chunk = chunks[index];
    const atMs = chunk?.atMs ?? ending?.atMs;
    if (atMs === undefined) return;
    timer = setTimeout(
      () => {
        if (chunk === undefined) return void (ending!.how === "end" ? response.end() : response.destroy());
        if (response.write(chunk.bytes)) next(index + 1);
        else response.once("drain", () => next(index + 1));
      },
      Math.min(LONGEST_TIMER_MS, Math.max(0, atMs / speed - (performance.now() - startMs))),
    );
  };
  next(0);
}
