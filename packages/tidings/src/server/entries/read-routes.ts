/**
 * Reads what is recent of several routes as one, in the order of the log.
 * This module is browser compatible.
 */
import { Merge, QueueHead } from "../../log/merge.ts";
import type { EncodedEntry, MessageFilter } from "./encoded-entry.ts";
import type { Route } from "./recent-entries.ts";

/** Entries that a filter is asked about in one read: it may be slow, and reject them all. */
const MOST_FILTERED = 500;

export interface RoutesRead {
  readonly entries: readonly EncodedEntry[];
  /** Everything up to this offset was read. */
  readonly upTo: number;
  /** The first entry after `after`, wanted or not; one past `head` when there is none. */
  readonly firstOffset: number;
}

/**
 * @param head - The newest offset there is.
 * @param maxBytes - Bytes of the entries at most, but for one that alone is larger.
 */
export function readRoutes(
  routes: readonly Pick<Route<never>, "entries">[],
  filter: MessageFilter | undefined,
  after: number,
  head: number,
  maxBytes: number,
): RoutesRead {
  const merge = new Merge(routes.map(({ entries }) => new QueueHead(entries, after)));
  const taken: EncodedEntry[] = [];
  let firstOffset = 0;
  let bytes = 0;
  let upTo = after;
  for (let seen = 0; ; seen += 1) {
    // An entry stands in several routes when its topic was selected by name and by pattern.
    const entry = merge.item;
    if (entry === undefined) return { entries: taken, upTo: head, firstOffset: firstOffset || head + 1 };
    firstOffset ||= entry.offset;
    if (filter !== undefined && seen >= MOST_FILTERED) return { entries: taken, upTo, firstOffset };
    if (filter === undefined || filter(entry.message, entry.topic)) {
      bytes += entry.bytes.length;
      if (taken.length > 0 && bytes > maxBytes) return { entries: taken, upTo, firstOffset };
      taken.push(entry);
    }
    upTo = entry.offset;
    merge.advance();
  }
}
