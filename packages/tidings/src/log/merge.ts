/**
 * Several sequences of entries read as one, in the order of the log.
 * This module is browser compatible.
 */
import type { EntryQueue } from "./entry-queue.ts";

/** Where one sequence is read. */
export interface Head<Item extends { readonly offset: number }> {
  /** The next item, undefined at the end. */
  readonly item: Item | undefined;
  advance(): void;
}

/**
 * Takes the oldest item of all heads, from each head that has it. A stream selects few topics: a heap would cost more than
 * it saves.
 */
export function takeOldest<Item extends { readonly offset: number }>(
  heads: readonly Head<Item>[],
): Item | undefined {
  let oldest: Item | undefined;
  for (const { item } of heads) {
    if (item !== undefined && (oldest === undefined || item.offset < oldest.offset)) oldest = item;
  }
  if (oldest === undefined) return undefined;
  for (const head of heads) if (head.item?.offset === oldest.offset) head.advance();
  return oldest;
}

/** Reads a queue from behind an offset. */
export class QueueHead<Item extends { readonly offset: number }> implements Head<Item> {
  item: Item | undefined;
  readonly #queue: EntryQueue<Item>;
  #index: number;

  constructor(queue: EntryQueue<Item>, after: number) {
    this.#queue = queue;
    this.#index = queue.indexAfter(after);
    this.item = queue.at(this.#index);
  }

  advance(): void {
    this.#index += 1;
    this.item = this.#queue.at(this.#index);
  }
}
