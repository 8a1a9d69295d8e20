/**
 * The `ResumableStreamStore` of assistant-ui (`assistant-stream/resumable`) over answers: streams that any process can read. What it adds to a
 * plain store: when the process that produces a stream dies, its readers get an error within the lease, rather than wait for its expiry.
 * This module is browser compatible.
 */
import { leavable } from "../guard/leavable.ts";
import { show } from "../guard/show.ts";
import { AnswerError } from "../server/answers/read-answer.ts";
import { checkIdleMs, type PushableAnswers, PushedAnswer, type PushedMessage } from "./pushed-answer.ts";

export interface ResumableStreamStoreOptions {
  /** `createAnswers()`, in our own dialect. It keeps the streams: its `keepMs` is for how long, whatever `ttlMs` says. */
  readonly answers: PushableAnswers;
  /** What the ids of answers begin with. Default: `"stream/"`. */
  readonly keyPrefix?: string | undefined;
  /**
   * Milliseconds without an `append` after which a stream that was not finalized ends with the status `"error"`. `false` for no
   * limit. Default: 600,000 (ten minutes).
   */
  readonly idleMs?: number | false | undefined;
}

interface Lease {
  readonly token: string;
}

/** As `ResumableStreamStore` of `assistant-stream`. */
export interface ResumableStreamStore {
  acquire(streamId: string): Promise<"producer" | "consumer">;
  acquireLease(streamId: string): Promise<{ role: "producer"; lease: Lease } | { role: "consumer" }>;
  /** Only in the process that acquired the stream. */
  append(streamId: string, chunk: Uint8Array, lease?: Lease): Promise<void>;
  /** Only in the process that acquired the stream. */
  finalize(streamId: string, status: "done" | "error", error?: string, lease?: Lease): Promise<boolean>;
  read(
    streamId: string,
    cursor: string,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly cursor: string; readonly chunk: Uint8Array }>;
  status(streamId: string): Promise<"streaming" | "done" | "error" | "missing">;
  /** Stops a stream that is produced; its readers end. One that has ended is kept for the `keepMs` of the answers. */
  delete(streamId: string): Promise<void>;
}

/** @throws {RangeError} If `idleMs` is not a number above 0. */
export function createResumableStreamStore({
  answers,
  keyPrefix = "stream/",
  idleMs: givenIdleMs,
}: ResumableStreamStoreOptions): ResumableStreamStore {
  const idleMs = checkIdleMs("create resumable stream store", givenIdleMs);
  /** The streams that this process produces. */
  const running = new Map<string, { readonly pushed: PushedAnswer; readonly token: string }>();
  const stateOf = (streamId: string) => answers.state(keyPrefix + checked(streamId));

  /** The stream that may be appended to. */
  async function active(streamId: string, lease: Lease | undefined): Promise<PushedAnswer> {
    const run = running.get(checked(streamId));
    if (run !== undefined && lease !== undefined && run.token !== lease.token) throw superseded(streamId);
    if (run !== undefined && !run.pushed.over) return run.pushed;
    const state = await stateOf(streamId);
    if (state === undefined || state.reason === "stopped") throw missing(streamId);
    if (state.state === "running") throw superseded(streamId);
    throw withCode("finalized", `Stream already finalized: ${streamId}`);
  }

  async function acquireLease(
    streamId: string,
  ): Promise<{ role: "producer"; lease: Lease } | { role: "consumer" }> {
    // A deleted stream may be acquired again.
    const restart = (await stateOf(streamId))?.reason === "stopped";
    const pushed = await PushedAnswer.start(answers, keyPrefix + streamId, { restart, idleMs });
    if (pushed === undefined) return { role: "consumer" };
    const token = crypto.randomUUID();
    const run = { pushed, token };
    running.set(streamId, run);
    void pushed.ended.then(() => release(streamId, run));
    return { role: "producer", lease: { token } };
  }

  async function* read(
    streamId: string,
    cursor: string,
    signal: AbortSignal,
    left: AbortSignal,
  ): AsyncGenerator<{ cursor: string; chunk: Uint8Array }, undefined, undefined> {
    if ((await stateOf(streamId)) === undefined) throw missing(streamId);
    const messages = answers.read(keyPrefix + streamId, { after: cursor, signal });
    left.addEventListener("abort", () => void messages.return?.());
    try {
      for await (const message of messages) {
        const chunk = asBytes(message);
        if (chunk !== undefined) yield { cursor: message.id, chunk };
      }
    } catch (error) {
      if (signal.aborted || (error instanceof AnswerError && error.code === "stopped")) return;
      throw error;
    }
  }

  function release(streamId: string, run: object): void {
    if (running.get(streamId) === run) running.delete(streamId);
  }

  return {
    acquireLease,
    async acquire(streamId) {
      return (await acquireLease(streamId)).role;
    },
    async append(streamId, chunk, lease) {
      await (await active(streamId, lease)).push([asMessage(chunk)]);
    },
    async finalize(streamId, status, error = "Stream errored", lease) {
      const run = running.get(checked(streamId));
      if (run === undefined || run.pushed.over) {
        if ((await stateOf(streamId)) === undefined) throw missing(streamId);
        return false;
      }
      if (lease !== undefined && run.token !== lease.token) return false;
      const failed = { event: "failed", data: { reason: "failed", message: error } };
      await run.pushed.end(status === "done" ? undefined : failed);
      release(streamId, run);
      return true;
    },
    read: (streamId, cursor, signal) => leavable(undefined, (left) => read(streamId, cursor, signal, left)),
    async status(streamId) {
      const state = await stateOf(streamId);
      if (state === undefined || state.reason === "stopped") return "missing";
      if (state.state === "running") return "streaming";
      return state.state === "complete" ? "done" : "error";
    },
    async delete(streamId) {
      await answers.stop(keyPrefix + checked(streamId));
    },
  };
}

/** Text as text. What event stream text would change, or is no text, in base64. */
function asMessage(chunk: Uint8Array): PushedMessage {
  try {
    const text = strict.decode(chunk);
    if (!text.includes("\r")) return { data: text };
  } catch {
    // It was cut within a character, or is no text.
  }
  let binary = "";
  for (const byte of chunk) binary += String.fromCharCode(byte);
  return { event: "bytes", data: btoa(binary) };
}

function asBytes({ event, data }: { event: string; data: string }): Uint8Array | undefined {
  if (event === "message") return utf8.encode(data);
  if (event === "bytes") return Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return undefined;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

/** As the package has it, so that an id means the same in each of its stores. */
function checked(streamId: string): string {
  if (typeof streamId === "string" && /^[A-Za-z0-9_.:-]{1,256}$/.test(streamId)) return streamId;
  throw withCode(
    "invalid-id",
    `Invalid streamId: ${show(streamId)}, expected 1 to 256 of A-Z a-z 0-9 _ . : -`,
  );
}

function missing(streamId: string): Error {
  return withCode("missing", `Stream not found: ${streamId}`);
}

function superseded(streamId: string): Error {
  return withCode("missing", `Stream is produced by another request: ${streamId}`);
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { name: "ResumableStreamError", code });
}
