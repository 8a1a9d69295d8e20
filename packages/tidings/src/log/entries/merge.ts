/**
 * Several sequences of entries read as one, in the order of the log: the topics of a reader, in memory, on disk, and in what
 * a hub keeps for the streams that keep up.
 * This module is browser compatible.
 */
import type { EntryQueue } from "./entry-queue.ts";

/** Where one sequence is read. */
export interface Head<Item extends { readonly offset: number }> {
  /** The next item, undefined at the end. */
  readonly item: Item | undefined;
  advance(): void;
}

/** A heap of heads, so that many topics cost little more than few. */
export class Merge<Item extends { readonly offset: number }> {
  readonly #heap: Head<Item>[];

  constructor(heads: Iterable<Head<Item>>) {
    this.#heap = [];
    for (const head of heads) if (head.item !== undefined) this.#heap.push(head);
    for (let i = (this.#heap.length >>> 1) - 1; i >= 0; i -= 1) this.#sink(i);
  }

  /** The oldest item that was not read yet, undefined when all were. */
  get item(): Item | undefined {
    return this.#heap[0]?.item;
  }

  /** Moves past the oldest item, in every sequence that has it. */
  advance(): void {
    const heap = this.#heap;
    const offset = heap[0]?.item?.offset;
    for (let head = heap[0]; head !== undefined && head.item!.offset === offset; head = heap[0]) {
      head.advance();
      if (head.item === undefined) {
        const last = heap.pop()!;
        if (heap.length > 0) heap[0] = last;
      }
      this.#sink(0);
    }
  }

  /** Moves the head at `index` below all that come before it. */
  #sink(index: number): void {
    const heap = this.#heap;
    const head = heap[index];
    if (head === undefined) return;
    const { offset } = head.item!;
    for (let at = index; ;) {
      let child = at * 2 + 1;
      if (child + 1 < heap.length && heap[child + 1]!.item!.offset < heap[child]!.item!.offset) child += 1;
      if (child >= heap.length || heap[child]!.item!.offset >= offset) {
        heap[at] = head;
        return;
      }
      heap[at] = heap[child]!;
      at = child;
    }
  }
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
