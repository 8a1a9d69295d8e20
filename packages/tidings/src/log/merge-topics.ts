/**
 * Several topics read as one, in the order of the log.
 * This module is browser compatible.
 */
import type { EntryQueue } from "./entry-queue.ts";
import type { Entry } from "./log.ts";

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
  const heads = topics.map(({ entries }) => ({ entries, index: entries.indexAfter(after) }));
  const page: Entry[] = [];
  let bytes = 0;
  let through = after;
  for (;;) {
    // The topics of one stream are few; a heap would cost more than it saves.
    let next: (typeof heads)[number] | undefined;
    let entry: Entry | undefined;
    for (const head of heads) {
      const candidate = head.entries.at(head.index);
      if (candidate !== undefined && (entry === undefined || candidate.offset < entry.offset)) {
        entry = candidate;
        next = head;
      }
    }
    if (entry === undefined || next === undefined) return { entries: page, through, more: false };
    bytes += entry.body.length;
    if (page.length >= maxMessages || (page.length > 0 && bytes > maxBytes)) {
      return { entries: page, through, more: true };
    }
    page.push(entry);
    through = entry.offset;
    next.index += 1;
  }
}
