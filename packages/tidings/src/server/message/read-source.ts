/**
 * Reads what an application gives to be sent: an iterable, an async iterable or a `ReadableStream`. All three are asked for one
 * item at a time, and all three can be stopped while an item is awaited. A `ReadableStream` is read by a reader of its own,
 * because its iterator would wait for the item before it cancels.
 * This module is browser compatible.
 */
import { type Report, tell } from "../../guard/foreign.ts";
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

export function isItems(value: unknown): value is Items<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value || "getReader" in value)
  );
}

/**
 * @param action - For the message of the error: "send", "answer".
 * @throws {TypeError} If it is no source.
 */
export function readSource<Item>(items: Items<Item>, action: string): SourceReader<Item> {
  if (!isItems(items)) {
    throw new TypeError(
      `Cannot ${action}: the source is ${show(items)}, expected an iterable, an async iterable or a ReadableStream`,
    );
  }
  if ("getReader" in items) {
    const reader = items.getReader();
    return {
      next: () => reader.read(),
      stop: (reason, report) => tell(report, () => reader.cancel(reason)),
    };
  }
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  return {
    next: () => iterator.next(),
    throw: iterator.throw === undefined ? undefined : (error) => iterator.throw!(error),
    stop: (_reason, report) => tell(report, () => iterator.return?.()),
  };
}
