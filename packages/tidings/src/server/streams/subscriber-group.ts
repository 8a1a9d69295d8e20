/**
 * Equal subscriptions share a group: the same topics and the same filter make the same bytes, which are joined once for all
 * streams that stand at the same place. Most do, so that the last join is all that is remembered.
 */
import type { DeflateChain } from "../compression/chain.ts";
import { batchOf, type MessageFilter } from "../entries/encoded-entry.ts";
import { readRoutes } from "../entries/read-routes.ts";
import type { Route } from "../entries/recent-entries.ts";
import type { Batch } from "../out/batch.ts";
import type { TopicSelection } from "../topics/topic-selection.ts";
import { StreamList, type Linked } from "./stream-list.ts";

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

  #memo: { after: number; firstOffset: number; head: number; batch: Batch } | undefined;

  constructor(selection: TopicSelection, filter: MessageFilter | undefined) {
    this.selection = selection;
    this.filter = filter;
  }

  /**
   * Everything recent after `after`, up to `maxBytes` (but one message at least).
   * @param head - The newest offset there is.
   * @returns Undefined when what is recent does not reach back to `after`.
   */
  since(after: number, head: number, maxBytes: number): Batch | undefined {
    const memo = this.#memo;
    // Whoever stands before the same first message gets the same batch.
    if (memo !== undefined && memo.head === head && after >= memo.after && after < memo.firstOffset) {
      return memo.batch;
    }
    for (const route of this.routes) if (after < route.floor) return undefined;
    const { entries, upTo, firstOffset } = readRoutes(this.routes, this.filter, after, head, maxBytes);
    const batch = batchOf(entries, upTo);
    this.#memo = { after, firstOffset, head, batch };
    return batch;
  }

  /** Lets go of what was joined. */
  forget(): void {
    this.#memo = undefined;
  }
}
