/**
 * Equal subscriptions share a group: the same topics and the same filter make the same bytes, which are joined once for all
 * streams that stand at the same place. Most do, so that the last join is all that is remembered.
 */
import type { ParsedMessage } from "../../wire/message.ts";
import type { DeflateChain } from "../compression/chain.ts";
import type { EncodedEntry } from "../entries/encoded-entry.ts";
import { JoinedBatch, type MessageBatch } from "../out/batch.ts";
import type { Route } from "../entries/recent-entries.ts";
import type { TopicSelection } from "../topics/topic-selection.ts";
import { StreamList, type Linked } from "./stream-list.ts";

/** Says whether a stream wants a message. */
export type MessageFilter = (message: ParsedMessage, topic: string) => boolean;

export class SubscriberGroup<Stream extends Linked<Stream>> {
  readonly selection: TopicSelection;
  readonly filter: MessageFilter | undefined;
  /** Set by whoever made the group, before its first stream. */
  routes: readonly Route<SubscriberGroup<Stream>>[] = [];
  /** Those that take what comes, and those whose peer has not taken what was written. */
  readonly streams: StreamList<Stream> = new StreamList();
  readonly blocked: StreamList<Stream> = new StreamList();
  /** Where its compressed streams meet; made with the first of them. */
  chain: DeflateChain | undefined;
  /** Those that use it, be they in `streams` yet or not. */
  users = 0;
  /** Of the fan-out: it stands in the queue; and something came since it was last walked from the beginning. */
  queued = false;
  dirty = false;

  #memo: { after: number; firstOffset: number; head: number; batch: MessageBatch } | undefined;

  constructor(selection: TopicSelection, filter: MessageFilter | undefined) {
    this.selection = selection;
    this.filter = filter;
  }

  /**
   * Everything recent after `after`, up to `maxBytes` (but one message at least).
   * @param head - The newest offset there is.
   * @returns Undefined when what is recent does not reach back to `after`.
   */
  since(after: number, head: number, maxBytes: number): MessageBatch | undefined {
    const memo = this.#memo;
    // Whoever stands before the same first message gets the same batch.
    if (memo !== undefined && memo.head === head && after >= memo.after && after < memo.firstOffset) {
      return memo.batch;
    }
    for (const route of this.routes) if (after < route.floor) return undefined;
    const { entries, through, firstOffset } =
      this.routes.length === 1
        ? takeOne(this.routes[0]!, this.filter, after, head, maxBytes)
        : takeMerged(this.routes, this.filter, after, head, maxBytes);
    const batch = new JoinedBatch(entries, through);
    this.#memo = { after, firstOffset, head, batch };
    return batch;
  }

  /** Lets go of what was joined. */
  forget(): void {
    this.#memo = undefined;
  }
}

/** Entries that a filter is asked about for one batch: it may be slow, and reject them all. */
const MOST_FILTERED = 500;

interface Taken {
  readonly entries: readonly EncodedEntry[];
  readonly through: number;
  /** The first entry after `after`, wanted or not; one past `head` when there is none. */
  readonly firstOffset: number;
}

function takeOne(
  { entries }: Route<never> | Route<unknown>,
  filter: MessageFilter | undefined,
  after: number,
  head: number,
  maxBytes: number,
): Taken {
  const taken: EncodedEntry[] = [];
  let bytes = 0;
  let through = after;
  const begin = entries.indexAfter(after);
  const firstOffset = entries.at(begin)?.offset ?? head + 1;
  for (let i = begin; i < entries.length; i += 1) {
    const entry = entries.at(i)!;
    if (filter !== undefined && i - begin >= MOST_FILTERED) return { entries: taken, through, firstOffset };
    if (filter === undefined || filter(entry.message, entry.topic)) {
      bytes += entry.bytes.length;
      if (taken.length > 0 && bytes > maxBytes) return { entries: taken, through, firstOffset };
      taken.push(entry);
    }
    through = entry.offset;
  }
  return { entries: taken, through: head, firstOffset };
}

function takeMerged(
  routes: readonly (Route<never> | Route<unknown>)[],
  filter: MessageFilter | undefined,
  after: number,
  head: number,
  maxBytes: number,
): Taken {
  const taken: EncodedEntry[] = [];
  const indexes = routes.map(({ entries }) => entries.indexAfter(after));
  let firstOffset = 0;
  let bytes = 0;
  let through = after;
  for (let seen = 0; ; seen += 1) {
    let next: EncodedEntry | undefined;
    for (let i = 0; i < routes.length; i += 1) {
      const entry = routes[i]!.entries.at(indexes[i]!);
      if (entry !== undefined && (next === undefined || entry.offset < next.offset)) next = entry;
    }
    if (next === undefined) return { entries: taken, through: head, firstOffset: firstOffset || head + 1 };
    firstOffset ||= next.offset;
    if (filter !== undefined && seen >= MOST_FILTERED) return { entries: taken, through, firstOffset };
    if (filter === undefined || filter(next.message, next.topic)) {
      bytes += next.bytes.length;
      if (taken.length > 0 && bytes > maxBytes) return { entries: taken, through, firstOffset };
      taken.push(next);
    }
    through = next.offset;
    // The same entry stands in several routes when its topic was selected by name and by pattern.
    for (let i = 0; i < routes.length; i += 1) {
      if (routes[i]!.entries.at(indexes[i]!) === next) indexes[i]! += 1;
    }
  }
}
