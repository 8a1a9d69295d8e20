/**
 * Several topics read as one, in the order of the log.
 * This module is browser compatible.
 */
import type { EntryQueue } from "../entry-queue.ts";
import type { Entry } from "../log.ts";

/** One topic, and its next entry. */
interface Head {
  readonly entries: EntryQueue<Entry>;
  index: number;
  entry: Entry;
}

/**
 * A page of the entries after `after`.
 * @returns `more` when something selected was left for the next page, which begins after `through`.
 */
export function mergeTopics(
  topics: readonly { readonly entries: EntryQueue<Entry> }[],
  after: number,
  maxMessages: number,
  maxBytes: number,
): { entries: Entry[]; through: number; more: boolean } {
  const heap: Head[] = [];
  for (const { entries } of topics) {
    const index = entries.indexAfter(after);
    const entry = entries.at(index);
    if (entry !== undefined) heap.push({ entries, index, entry });
  }
  for (let i = (heap.length >>> 1) - 1; i >= 0; i -= 1) sink(heap, i);
  const page: Entry[] = [];
  let bytes = 0;
  let through = after;
  for (let head = heap[0]; head !== undefined; head = heap[0]) {
    const { entry } = head;
    bytes += entry.body.length;
    if (page.length >= maxMessages || (page.length > 0 && bytes > maxBytes)) {
      return { entries: page, through, more: true };
    }
    page.push(entry);
    through = entry.offset;
    head.index += 1;
    const next = head.entries.at(head.index);
    if (next !== undefined) {
      head.entry = next;
    } else {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    sink(heap, 0);
  }
  return { entries: page, through, more: false };
}

/** Moves what stands at `index` below all that come before it. */
function sink(heap: Head[], index: number): void {
  const head = heap[index];
  if (head === undefined) return;
  for (let at = index; ;) {
    let child = at * 2 + 1;
    if (child + 1 < heap.length && heap[child + 1]!.entry.offset < heap[child]!.entry.offset) child += 1;
    if (child >= heap.length || heap[child]!.entry.offset > head.entry.offset) {
      heap[at] = head;
      return;
    }
    heap[at] = heap[child]!;
    at = child;
  }
}
