/**
 * The feeds in use: one for each selection and filter.
 */
import { Feed } from "./subscriber-group.ts";
import type { SubscribeOptions } from "../hub/hub-options.ts";
import type { HubFeed } from "./hub-stream.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import type { TopicSelection } from "../topics/topic-selection.ts";

type Filter = NonNullable<SubscribeOptions["filter"]>;

export class Feeds {
  readonly #recent: RecentEntries<HubFeed>;
  /** By filter, then by the key of the selection. */
  readonly #feeds = new Map<Filter | undefined, Map<string, HubFeed>>();
  size = 0;

  constructor(recent: RecentEntries<HubFeed>) {
    this.#recent = recent;
  }

  /** The feed for a subscription, to be given back to {@link release}. From now on it holds what comes. */
  acquire(selection: TopicSelection, filter: Filter | undefined): HubFeed {
    let bySelection = this.#feeds.get(filter);
    if (bySelection === undefined) this.#feeds.set(filter, (bySelection = new Map()));
    let feed = bySelection.get(selection.key);
    if (feed === undefined) {
      feed = new Feed(selection, filter);
      feed.routes = this.#recent.acquire(selection, feed);
      bySelection.set(selection.key, feed);
      this.size += 1;
    }
    feed.users += 1;
    return feed;
  }

  *[Symbol.iterator](): Iterator<HubFeed> {
    for (const bySelection of this.#feeds.values()) yield* bySelection.values();
  }

  release(feed: HubFeed): void {
    feed.users -= 1;
    if (feed.users > 0) return;
    this.#recent.release(feed.routes, feed);
    const bySelection = this.#feeds.get(feed.filter)!;
    bySelection.delete(feed.selection.key);
    if (bySelection.size === 0) this.#feeds.delete(feed.filter);
    this.size -= 1;
  }
}
