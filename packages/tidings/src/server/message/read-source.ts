/**
 * Reads what an application gives to be sent: an iterable, an async iterable or a `ReadableStream`. All three are asked for one
 * item at a time, and all three can be stopped while an item is awaited. A `ReadableStream` is read by a reader of its own,
 * because its iterator would wait for the item before it cancels.
 * This module is browser compatible.
 */
import { isThenable, type Report, tell } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import { show } from "../../guard/show.ts";

export type Items<Item> = AsyncIterable<Item> | Iterable<Item> | ReadableStream<Item>;

export interface SourceReader<Item> {
  next(): IteratorResult<Item, unknown> | PromiseLike<IteratorResult<Item, unknown>>;
  /** Tells the source of a mistake in the item that it gave. Absent where a source cannot be told. */
  throw?:
    | ((error: unknown) => IteratorResult<Item, unknown> | PromiseLike<IteratorResult<Item, unknown>>)
    | undefined;
  /** Nothing more is wanted. What the source says to that goes to `report`. */
  stop(reason: unknown, report: Report): void;
}

/** Of a `Map` and of bytes nothing that is iterated can be a message. */
export function isItems(value: unknown): value is Items<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Map || ArrayBuffer.isView(value)) &&
    (Symbol.asyncIterator in value || Symbol.iterator in value || "getReader" in value)
  );
}

/** What is likely meant by a value that is no source. */
export function sourceRemedy(value: unknown): string {
  if (isThenable(value)) return " (await it)";
  if (value instanceof Map) return " (give its values())";
  if (ArrayBuffer.isView(value)) return " (decode it)";
  if (typeof value !== "object" || value === null) return "";
  if ("body" in value) return " (give readMessages(response))";
  return "subscribe" in value ? " (subscribe to it, and send() what it emits)" : "";
}

/**
 * @param action - For the message of the error: "send", "answer".
 * @throws {TypeError} If it is no source.
 */
export function readSource<Item>(items: Items<Item>, action: string): SourceReader<Item> {
  if (!isItems(items)) {
    throw new TypeError(
      `Cannot ${action}: the source is ${show(items)}, expected an iterable, an async iterable or a ReadableStream${sourceRemedy(items)}`,
    );
  }
  if ("getReader" in items) {
    const reader = notLater(items.getReader(), action, "getReader");
    return {
      next: () => reader.read(),
      stop: (reason, report) => tell(report, () => reader.cancel(reason)),
    };
  }
  const isAsync = Symbol.asyncIterator in items;
  const iterator = notLater(
    isAsync ? items[Symbol.asyncIterator]() : items[Symbol.iterator](),
    action,
    isAsync ? "[Symbol.asyncIterator]" : "[Symbol.iterator]",
  );
  return {
    next: () => iterator.next(),
    throw: iterator.throw === undefined ? undefined : (error) => iterator.throw!(error),
    stop: (_reason, report) => tell(report, () => iterator.return?.()),
  };
}

/** An `async` function in the place of a generator gives a promise, which is nothing to read from. */
function notLater<Given>(given: Given, action: string, call: string): Given {
  if (!isThenable(given)) return given;
  Promise.resolve(given).then(ignore, ignore);
  throw new TypeError(
    `Cannot ${action}: ${call} of the source returned ${show(given)}, expected what reads it`,
  );
}
