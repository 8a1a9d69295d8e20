/**
 * Makes recordings of responses, and plays them again.
 * This module is browser compatible.
 */
import { tell } from "../guard/foreign.ts";
import { ignore } from "../guard/ignore.ts";
import { atLeast } from "../guard/least.ts";
import type { Clock } from "../client/index.ts";
import { type Answer, give, platformClock, type Step } from "./answer.ts";
import { createBody } from "./body.ts";
import { formatRecording, parseRecording, type RecordedChunk, type Recording } from "./recording.ts";

export interface RecordOptions {
  /** Stops the recording of a stream that has no end: it is then open at its end. */
  signal?: AbortSignal | undefined;
  /** After how many bytes it stops by itself, open at its end. Default: 64 MiB. */
  maxBytes?: number | undefined;
  /** Which headers are kept. Default: `content-type` and `retry-after`, which say nothing of whose they are. */
  headers?: readonly string[] | undefined;
  /** By which times are taken. Default: the platform's, which does not jump. */
  clock?: Pick<Clock, "nowMs"> | undefined;
}

/**
 * Reads a response to its end and writes down what came when, from the call on.
 * @param response - Read by this; a `response.clone()` leaves the other to be read, at the same pace or with memory.
 * @returns The text of a recording. It does not reject when the response breaks: that is recorded as a cut.
 */
export async function record(response: Response, options: RecordOptions = {}): Promise<string> {
  const {
    signal,
    maxBytes = 2 ** 26,
    headers: kept = ["content-type", "retry-after"],
    clock = steady,
  } = options;
  atLeast("record", "maxBytes", maxBytes, 0);
  const startMs = clock.nowMs();
  const sinceMs = () => Math.max(0, Math.round(clock.nowMs() - startMs));
  const headers: Record<string, string> = {};
  for (const name of kept) {
    const value = response.headers.get(name);
    if (value !== null) headers[name.toLowerCase()] = value;
  }
  const chunks: RecordedChunk[] = [];
  let bytes = 0;
  let ending: Recording["ending"];
  const reader = response.body?.getReader();
  const stop = () => tell(ignore, () => reader?.cancel());
  signal?.addEventListener("abort", stop);
  try {
    while (!signal?.aborted && bytes < maxBytes) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || !value) {
        if (!signal?.aborted) ending = { how: "end", atMs: sinceMs() };
        break;
      }
      chunks.push({ atMs: sinceMs(), bytes: value });
      bytes += value.length;
    }
  } catch {
    if (!signal?.aborted) ending = { how: "cut", atMs: sinceMs() };
  }
  signal?.removeEventListener("abort", stop);
  if (!ending) stop();
  return formatRecording({ status: response.status, headers, chunks, ...(ending && { ending }) });
}

export interface ReplayOptions {
  /** How much faster than it was recorded: 2 takes half the time, `Infinity` none. Default: 1. */
  speed?: number | undefined;
  /** By which it waits. Default: the platform's. */
  clock?: Clock | undefined;
}

/**
 * A recording as a response, played from the call on.
 * @throws {SyntaxError} If `recording` is text and no recording.
 */
export function replay(recording: string | Uint8Array | Recording, options: ReplayOptions = {}): Response {
  const answer = answerOf(recording, options);
  const body = createBody();
  // These have no body, and a Response would not take one.
  const { status = 200, headers = {} } = answer;
  const stream = status === 204 || status === 205 || status === 304 ? null : body.stream;
  const response = new Response(stream, { status, headers });
  void give(answer, Object.assign(body, { head() {} }), options.clock ?? platformClock);
  return response;
}

/**
 * A recording as an answer of a script: for `createTestFetch([answerOf(text)])`.
 * @throws {SyntaxError} If `recording` is text and no recording.
 */
export function answerOf(
  recording: string | Uint8Array | Recording,
  { speed = 1 }: Pick<ReplayOptions, "speed"> = {},
): Answer {
  if (typeof speed !== "number" || !(speed > 0))
    throw new RangeError(`Cannot replay: speed is ${speed}, expected a number above 0`);
  const { status, headers, chunks, ending } = toRecording(recording);
  // By the time since its beginning, so that timers which come late do not add up.
  const body: Step[] = chunks.flatMap(({ atMs, bytes }) => [{ atMs: atMs / speed }, bytes]);
  if (ending) body.push({ atMs: ending.atMs / speed });
  return { status, headers, body, then: ending?.how ?? "stay" };
}

function toRecording(recording: string | Uint8Array | Recording): Recording {
  return typeof recording === "string" || recording instanceof Uint8Array
    ? parseRecording(recording)
    : recording;
}

const steady = { nowMs: () => performance.now() };
