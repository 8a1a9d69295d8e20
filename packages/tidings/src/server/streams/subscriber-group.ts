/**
 * Equal subscriptions share a group: the same topics, the same filter, and topics in the data or not, make the same bytes, which are joined once for all
 * streams that stand at the same place. Most do, so that the last join is all that is remembered.
 */
import type { DeflateChain } from "../compression/chain.ts";
import { type Head, Merge, QueueHead } from "../../log/entries/merge.ts";
import type { Route } from "../entries/recent-entries.ts";
import { Batch, type EncodedEntry } from "../out/batch.ts";
import type { TopicSelection, MessageFilter } from "../topics/topic-selection.ts";
import { StreamList, type Linked } from "./stream-list.ts";

/** How a subscription sees the entries that it selects. */
export interface View {
  readonly filter?: MessageFilter | undefined;
  /** With their topics in the data. */
  readonly envelope?: boolean | undefined;
}

export class SubscriberGroup<Stream extends Linked<Stream>> implements View {
  readonly selection: TopicSelection;
  readonly filter: MessageFilter | undefined;
  readonly envelope: boolean;
  /** Set before its first stream. */
  routes: readonly Route<SubscriberGroup<Stream>>[] = [];
  /** Those that take what comes, and those whose peer has not taken what was written. */
  readonly streams: StreamList<Stream> = new StreamList();
  readonly blocked: StreamList<Stream> = new StreamList();
  /** Where its compressed streams meet; made with the first of them. */
  chain: DeflateChain | undefined;
  /** How many use it, whether or not they are in `streams` yet. */
  users = 0;
  /** Of the fan-out: it stands in the queue; and something came since it was last walked from the beginning. */
  queued = false;
  dirty = false;

  #memo: { after: number; firstOffset: number; head: number; batch: Batch } | undefined;

  constructor(selection: TopicSelection, { filter, envelope = false }: View = {}) {
    this.selection = selection;
    this.filter = filter;
    this.envelope = envelope;
  }

  /**
   * Everything recent after `after`, up to `maxBytes` (but one message at least).
   * @param head - The newest offset there is.
   * @returns Undefined when what is recent does not reach back to `after`.
   */
  since(after: number, head: number, maxBytes: number): Batch | undefined {
    const memo = this.#memo;
    // Streams before the same first message get the same batch.
    if (memo !== undefined && memo.head === head && after >= memo.after && after < memo.firstOffset) {
      return memo.batch;
    }
    for (const route of this.routes) if (after < route.floor) return undefined;
    const { entries, upTo, firstOffset } = readRoutes(this.routes, this, after, head, maxBytes);
    const batch = Batch.join(entries, upTo);
    this.#memo = { after, firstOffset, head, batch };
    return batch;
  }

  /** Forgets what was joined. */
  forget(): void {
    this.#memo = undefined;
  }
}

/** Entries that are filtered in one read: it may be slow, and reject them all. */
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
  { filter, envelope }: View,
  after: number,
  head: number,
  maxBytes: number,
): RoutesRead {
  const merge = new Merge(routes.map(({ entries }) => new QueueHead(entries, after)));
  const read = filter === undefined ? merge : withoutCallbacks(merge, head);
  const taken: EncodedEntry[] = [];
  let firstOffset = 0;
  let bytes = 0;
  let upTo = after;
  for (let count = 0; ; count += 1) {
    // An entry stands in several routes when its topic was selected by name and by pattern.
    const entry = read.item;
    if (filter !== undefined && count >= MOST_FILTERED) return { entries: taken, upTo, firstOffset };
    if (entry === undefined) return { entries: taken, upTo: head, firstOffset: firstOffset || head + 1 };
    firstOffset ||= entry.offset;
    if (filter === undefined || filter(entry.message, entry.topic)) {
      const seen = envelope ? entry.enveloped : entry;
      bytes += seen.bytes.length;
      if (taken.length > 0 && bytes > maxBytes) return { entries: taken, upTo, firstOffset };
      taken.push(seen);
    }
    upTo = entry.offset;
    read.advance();
  }
}

/**
 * What a filter is asked about, taken out before the first question: a filter may publish, and then the queues that are read move on
 * under the reader.
 */
function withoutCallbacks(merge: Merge<EncodedEntry>, head: number): Head<EncodedEntry> {
  const entries: EncodedEntry[] = [];
  for (; merge.item !== undefined && merge.item.offset <= head; merge.advance()) {
    if (entries.push(merge.item) >= MOST_FILTERED) break;
  }
  let at = 0;
  return {
    get item() {
      return entries[at];
    },
    advance() {
      at += 1;
    },
  };
}
