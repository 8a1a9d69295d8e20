/**
 * The messages of a response, as an async iteration: the reader sets the pace, since the source is read when more is asked
 * for and not before. The source is read directly, without a stream between.
 * This module is browser compatible.
 */
import { isThenable, tell } from "../guard/foreign.ts";
import { ignore } from "../guard/ignore.ts";
import type { ParsedMessage } from "./message.ts";
import { createReader, type ReaderOptions } from "./reader.ts";
import type { ParserEnd } from "./parser.ts";

type Chunk = Uint8Array | string;

/** A `Response`, a `ReadableStream`, a Node stream, or anything else that is iterated for bytes or strings. */
export type MessageSource =
  | { readonly body: ReadableStream<Uint8Array> | null }
  | ReadableStream<Chunk>
  | AsyncIterable<Chunk>;

export interface ReadOptions extends ReaderOptions {
  /** The last event ID to begin with, for messages that come before the first `id`. Default: `""`. */
  lastEventId?: string | undefined;
  /** The source has ended by itself: whether a message was cut off, and what there was of it. */
  onEnd?(end: ParserEnd): void;
}

/**
 * The messages, one by one: `for await (const message of readMessages(response))`. Leaving the loop cancels the source.
 * @throws {TypeError} At the call, if the source is none of these. While reading, what the source fails with, and
 * {@link LimitError}, after which the source is cancelled.
 */
export function readMessages(
  source: MessageSource,
  options: ReadOptions = {},
): AsyncIterableIterator<ParsedMessage> {
  const batches = readBatches(source, options);
  let batch: ParsedMessage[] = [];
  let at = 0;
  // Calls that came while a chunk was awaited stand in line.
  let line: Promise<unknown> | undefined;

  const messages: AsyncIterableIterator<ParsedMessage> = {
    next() {
      // Made here and not in an async function: most messages are there already, and a promise for each is cost enough.
      if (line === undefined && at < batch.length)
        return Promise.resolve({ done: false, value: batch[at++]! });
      const turn = line === undefined ? take() : line.then(take, take);
      line = turn;
      const leave = () => {
        if (line === turn) line = undefined;
      };
      turn.then(leave, leave);
      return turn;
    },
    return() {
      batch = [];
      at = 0;
      return batches.return(undefined) as Promise<IteratorReturnResult<undefined>>;
    },
    [Symbol.asyncIterator]: () => messages,
  };
  return messages;

  async function take(): Promise<IteratorResult<ParsedMessage, undefined>> {
    if (at === batch.length) {
      const { done, value } = await batches.next();
      if (done) return { done, value };
      batch = value;
      at = 0;
    }
    return { done: false, value: batch[at++]! };
  }
}

/**
 * The messages in arrays, one for each chunk that completes any: less work a message where many come at once.
 * @throws As {@link readMessages}.
 */
export function readBatches(
  source: MessageSource,
  options: ReadOptions = {},
): AsyncGenerator<ParsedMessage[], undefined, undefined> {
  if (
    typeof source !== "object" ||
    source === null ||
    !(Symbol.asyncIterator in source || "getReader" in source || source.body !== undefined)
  ) {
    throw new TypeError(
      `Cannot read messages: source is ${source === null ? "null" : `of type ${typeof source}`}, expected a Response, a ReadableStream or another async iterable of bytes or strings`,
    );
  }
  const place: Place = { leave: undefined, left: false };
  const batches = read(source, options, place);
  const finish = batches.return.bind(batches);
  // A generator answers `return` only when it has answered the `next` before, which waits for the source.
  batches.return = (value) => {
    place.left = true;
    place.leave?.();
    return finish(value);
  };
  return batches;
}

/** Where a reader is. */
interface Place {
  /** Ends what is waited for; absent when nothing is. */
  leave: (() => void) | undefined;
  left: boolean;
}

async function* read(
  source: MessageSource,
  options: ReadOptions,
  place: Place,
): AsyncGenerator<ParsedMessage[], undefined, undefined> {
  const reader = createReader(options);
  reader.lastEventId = options.lastEventId ?? "";
  const stream = "body" in source ? source.body : source;
  if (stream !== null && "getReader" in stream) {
    const chunks = unpromised(stream.getReader(), "getReader()");
    const leave = (): void => tell(ignore, () => chunks.cancel());
    let ended = false;
    try {
      for (;;) {
        place.leave = leave;
        const { done, value } = await chunks.read();
        place.leave = undefined;
        if (done) break;
        const messages = reader.read(value);
        if (messages.length > 0) yield messages;
      }
      ended = true;
    } finally {
      place.leave = undefined;
      // What the source says to that must not hide an error of ours.
      if (!ended) {
        try {
          await chunks.cancel();
        } catch {}
      }
      tell(ignore, () => chunks.releaseLock());
    }
  } else if (stream !== null) {
    const chunks = iterableOf(stream, place);
    try {
      for await (const chunk of chunks) {
        const messages = reader.read(chunk);
        if (messages.length > 0) yield messages;
      }
    } catch (error) {
      // When a stream is destroyed, a read that is waiting gets its error.
      if (!place.left) throw error;
    }
  }
  if (place.left) return;
  const end = reader.end();
  options.onEnd?.(end);
}

/** As `stream`, but its iterator is checked first, and can be left while it is waited for. */
function iterableOf(stream: AsyncIterable<Chunk>, place: Place): AsyncIterable<Chunk> {
  if (typeof stream[Symbol.asyncIterator] !== "function") return stream;
  const iterator = unpromised(stream[Symbol.asyncIterator](), "[Symbol.asyncIterator]()");
  const leave = (): void => {
    tell(ignore, () => iterator.return?.());
    // A stream of Node's, whose iterator waits for the next chunk.
    tell(ignore, () => (stream as { destroy?: () => unknown }).destroy?.());
  };
  const checked: AsyncIterator<Chunk> = {
    async next() {
      place.leave = leave;
      try {
        return await iterator.next();
      } finally {
        place.leave = undefined;
      }
    },
    return: (value?: unknown) => iterator.return?.(value) ?? Promise.resolve({ done: true, value }),
  };
  return { [Symbol.asyncIterator]: () => checked };
}

/** @throws {TypeError} If `value` is a promise, as that of an async function is: nobody would take its rejection. */
function unpromised<Value>(value: Value, call: string): Value {
  if (!isThenable(value)) return value;
  Promise.resolve(value).catch(() => {});
  throw new TypeError(`Cannot read messages: source.${call} returned a promise, expected it not to be async`);
}
