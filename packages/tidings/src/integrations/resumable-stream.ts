/**
 * The interface of the `resumable-stream` package over answers: for applications that have it in many places. What it adds: a
 * stream whose producer died fails for those who read it, rather than waiting, and with a log of several processes nothing is
 * lost between their subscriptions.
 * This module is browser compatible.
 */
import { requiredText } from "./required-text.ts";
import { reporter, tell } from "../guard/foreign.ts";
import type { Answers, AnswerState } from "../server/answers/answers.ts";

/** The answers that a context needs: `createAnswers()`, in our own dialect. */
export type StringAnswers = Pick<Answers<{ readonly data: unknown }>, "start" | "read" | "state">;

export interface ResumableStreamContextOptions {
  readonly answers: StringAnswers;
  /** Keeps the platform alive until the stream is done. Default: null, for servers that are not suspended. */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | null | undefined;
  /** What the ids of answers begin with. Default: `"stream/"`. */
  readonly keyPrefix?: string | undefined;
}

/** As `ResumableStreamContext` of the package. */
export interface ResumableStreamContext {
  /** Starts a stream, or joins it. Null when it is done. */
  resumableStream(
    this: void,
    streamId: string,
    makeStream: () => ReadableStream<string>,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null>;
  /** Joins a stream. Null when it is done, undefined when there is none. */
  resumeExistingStream(
    this: void,
    streamId: string,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null | undefined>;
  /** As `resumableStream`: ids are used once. */
  createNewResumableStream(
    this: void,
    streamId: string,
    makeStream: () => ReadableStream<string>,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null>;
  hasExistingStream(this: void, streamId: string): Promise<null | true | "DONE">;
}

export function createResumableStreamContext({
  answers,
  waitUntil = null,
  keyPrefix = "stream/",
}: ResumableStreamContextOptions): ResumableStreamContext {
  const idOf = (streamId: string): string => keyPrefix + requiredText("keep stream", "streamId", streamId);
  const stateOf = async (streamId: string): Promise<AnswerState | undefined> => answers.state(idOf(streamId));

  async function resumableStream(
    streamId: string,
    makeStream: () => ReadableStream<string>,
    skipCharacters = 0,
  ): Promise<ReadableStream<string> | null> {
    const id = idOf(streamId);
    const started = await answers.start(id, async () => {
      // As the types have it, it is no promise. An async function gives one all the same.
      const strings: unknown = makeStream();
      return asMessages((await strings) as ReadableStream<string>);
    });
    // Some platforms refuse it outside of a request: the stream has begun, and goes on.
    if (started && waitUntil !== null) tell(reporter(undefined), waitUntil, untilDone(answers, id));
    if (!started && (await stateOf(streamId))?.state !== "running") return null;
    return readStrings(answers, id, skipCharacters);
  }

  return {
    resumableStream,
    createNewResumableStream: resumableStream,
    async resumeExistingStream(streamId, skipCharacters = 0) {
      const state = await stateOf(streamId);
      if (state === undefined) return undefined;
      return state.state === "running" ? readStrings(answers, keyPrefix + streamId, skipCharacters) : null;
    },
    async hasExistingStream(streamId) {
      const state = await stateOf(streamId);
      if (state === undefined) return null;
      return state.state === "running" ? true : "DONE";
    },
  };
}

/** As JSON: event stream text would turn a carriage return into a line feed. */
function asMessages(strings: ReadableStream<string>): ReadableStream<{ data: string }> {
  return strings.pipeThrough(
    new TransformStream<string, { data: string }>({
      transform: (chunk, controller) => controller.enqueue({ data: JSON.stringify(chunk) }),
    }),
  );
}

function readStrings(answers: StringAnswers, id: string, skipCharacters: number): ReadableStream<string> {
  const messages = answers.read(id);
  // It often comes with the request.
  let skip = skipCharacters > 0 ? skipCharacters : 0;
  return new ReadableStream<string>(
    {
      async pull(controller) {
        for (;;) {
          const { done, value } = await messages.next();
          if (done === true) return controller.close();
          if (value.event !== "message") continue;
          const text = JSON.parse(value.data) as string;
          const rest = text.slice(skip);
          skip = Math.max(0, skip - text.length);
          if (rest !== "") return controller.enqueue(rest);
        }
      },
      async cancel() {
        await messages.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

async function untilDone(answers: StringAnswers, id: string): Promise<void> {
  try {
    for await (const _ of answers.read(id));
  } catch {
    // It is done, in whichever way.
  }
}
