/**
 * The `StreamDurability` of TanStack AI over answers: a run that any process can read and return to. What it adds to a plain store: when
 * the process that produces a run dies, its readers get an error within the lease, rather than wait for ever.
 * This module is browser compatible.
 */
import { leavable } from "../guard/leavable.ts";
import { atLeast } from "../guard/least.ts";
import { show } from "../guard/show.ts";
import { checkIdleMs, type PushableAnswers, PushedAnswer, type PushedMessage } from "./pushed-answer.ts";
import { requiredText } from "./required-text.ts";

export interface RunDurabilityOptions {
  /** `createAnswers()`, in our own dialect. It keeps the runs, with its limits. */
  readonly answers: PushableAnswers;
  /** What the ids of answers begin with. Default: `"run/"`. */
  readonly keyPrefix?: string | undefined;
  /** Milliseconds that a reader waits for a run which has not started. Default: 100. */
  readonly startWithinMs?: number | undefined;
  /**
   * Milliseconds without an `append` after which a run that was not closed fails for its readers, as abandoned. `false` for no
   * limit. Default: 600,000 (ten minutes).
   */
  readonly idleMs?: number | false | undefined;
}

/** Which run is meant, where there is no request. */
export interface RunInit {
  readonly runId: string;
  readonly offset?: string | null;
}

/** As `StreamDurability` of `@tanstack/ai`. */
export interface RunDurability<Chunk = unknown> {
  resumeFrom: (this: void) => string | null;
  append: (this: void, chunks: Chunk[]) => Promise<string[]>;
  read: (this: void, offset: string, signal?: AbortSignal) => AsyncIterable<{ offset: string; chunk: Chunk }>;
  close: (this: void) => Promise<void>;
  snapshot: (this: void) => Promise<{ offset: string; chunk: Chunk }[]>;
}

/**
 * Returns a function that makes the durability of a request's run: `toServerSentEventsResponse(stream, { durability: { adapter:
 * runs(request) } })`. The run's id is in the header `X-Run-Id` or the query parameter `runId`, and is a random one otherwise. Where the
 * client stands is in `Last-Event-ID` or the query parameter `offset`.
 * @throws {RangeError} If `idleMs` is not a number above 0, or `startWithinMs` none from 0.
 */
export function createRunDurability({
  answers,
  keyPrefix = "run/",
  startWithinMs = 100,
  idleMs: givenIdleMs,
}: RunDurabilityOptions): <Chunk = never>(source: Request | RunInit) => RunDurability<Chunk> {
  const idleMs = checkIdleMs("create run durability", givenIdleMs);
  atLeast("create run durability", "startWithinMs", startWithinMs, 0);
  return <Chunk>(source: Request | RunInit): RunDurability<Chunk> => {
    const { runId, offset: resumeFrom } = runOf(source);
    const id = keyPrefix + runId;
    let run: Promise<PushedAnswer | undefined> | undefined;
    const tag = `/${encodeURIComponent(runId)}`;

    async function started(): Promise<PushedAnswer> {
      const pushed = await (run ??= PushedAnswer.start(answers, id, { idleMs }));
      if (pushed === undefined) {
        throw new Error(`Cannot append to run ${JSON.stringify(runId)}: it was started by another request`);
      }
      return pushed;
    }

    async function cursorOf(offset: string): Promise<string> {
      if (offset === "-1") return "";
      if (offset === "now") return (await answers.state(id))?.cursor ?? "";
      // Of a body that the application has parsed, it may be anything.
      if (typeof offset !== "string" || !offset.endsWith(tag)) {
        throw new Error(`Cannot read run ${JSON.stringify(runId)}: ${show(offset)} is not an offset of it`);
      }
      return offset.slice(0, -tag.length);
    }

    /** Waits for a run that is about to start. */
    async function untilStarted(signal: AbortSignal | undefined): Promise<void> {
      const untilMs = performance.now() + startWithinMs;
      while ((await answers.state(id)) === undefined && performance.now() < untilMs && !signal?.aborted) {
        await new Promise((resolve) => void setTimeout(resolve, Math.min(20, startWithinMs)));
      }
    }

    async function* read(
      offset: string,
      signal: AbortSignal | undefined,
      left: AbortSignal,
    ): AsyncGenerator<{ offset: string; chunk: Chunk }, undefined, undefined> {
      const after = await cursorOf(offset);
      if (after === "") await untilStarted(signal);
      const messages = answers.read(id, { after, ...(signal && { signal }) });
      left.addEventListener("abort", () => void messages.return?.());
      try {
        for await (const { id: cursor, event, data } of messages) {
          if (event === "message") yield { offset: cursor + tag, chunk: JSON.parse(data) as Chunk };
        }
      } catch (error) {
        if (!signal?.aborted) throw error;
      }
    }

    return {
      resumeFrom: () => resumeFrom,
      async append(chunks) {
        if (!Array.isArray(chunks)) {
          throw new TypeError(`Cannot append to run: chunks is ${show(chunks)}, expected a list`);
        }
        const messages = chunks.map(asMessage);
        const pushed = await started();
        const ids = await pushed.push(messages);
        return ids.map((cursor) => cursor + tag);
      },
      read: (offset, signal) => leavable(undefined, (left) => read(offset, signal, left)),
      async close() {
        await (await started()).end();
      },
      async snapshot() {
        const state = await answers.state(id);
        const stored: { offset: string; chunk: Chunk }[] = [];
        if (state === undefined || state.messages === 0) return stored;
        for await (const { id: cursor, event, data } of answers.read(id)) {
          if (event === "message") stored.push({ offset: cursor + tag, chunk: JSON.parse(data) as Chunk });
          if (cursor === state.cursor) break;
        }
        return stored;
      },
    };
  };
}

function runOf(source: Request | RunInit): { runId: string; offset: string | null } {
  if (typeof source !== "object" || source === null) {
    throw new TypeError(`Cannot find run: source is ${show(source)}, expected a Request or { runId }`);
  }
  if (!("url" in source)) {
    return { runId: requiredText("find run", "runId", source.runId), offset: source.offset ?? null };
  }
  const { searchParams } = new URL(source.url, "http://localhost");
  const offset = source.headers.get("last-event-id") || searchParams.get("offset");
  const named = offset === null ? undefined : /\/([^/]+)$/.exec(offset)?.[1];
  const runId = source.headers.get("x-run-id") || searchParams.get("runId") || decoded(named);
  return { offset, runId: runId || crypto.randomUUID() };
}

/** @throws {TypeError} If JSON cannot carry the chunk. */
function asMessage(chunk: unknown): PushedMessage {
  const data = JSON.stringify(chunk) as string | undefined;
  if (data !== undefined) return { data };
  throw new TypeError(
    `Cannot append to run: a chunk is ${show(chunk)}, expected a value that JSON can carry`,
  );
}

function decoded(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? "");
  } catch {
    return "";
  }
}
