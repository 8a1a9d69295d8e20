/**
 * Several topics read as one, in the order of the log.
 * This module is browser compatible.
 */
import type { EntryQueue } from "../entries/entry-queue.ts";
import type { Entry } from "../log.ts";
import { Merge, QueueHead } from "../entries/merge.ts";

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
  const merge = new Merge(topics.map(({ entries }) => new QueueHead(entries, after)));
  const page: Entry[] = [];
  let bytes = 0;
  let through = after;
  for (let entry = merge.item; entry !== undefined; entry = merge.item) {
    bytes += entry.body.length;
    if (page.length >= maxMessages || (page.length > 0 && bytes > maxBytes)) {
      return { entries: page, through, more: true };
    }
    page.push(entry);
    through = entry.offset;
    merge.advance();
  }
  return { entries: page, through, more: false };
}
