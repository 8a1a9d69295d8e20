/**
 * The groups in use: one for each selection and filter.
 */
import { SubscriberGroup } from "./subscriber-group.ts";
import type { StreamGroup } from "./hub-stream.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import type { TopicSelection, MessageFilter } from "../topics/topic-selection.ts";

export class SubscriberGroups {
  readonly #recent: RecentEntries<StreamGroup>;
  /** By filter, then by the key of the selection. */
  readonly #groups = new Map<MessageFilter | undefined, Map<string, StreamGroup>>();
  size = 0;

  constructor(recent: RecentEntries<StreamGroup>) {
    this.#recent = recent;
  }

  /** The group for a subscription, to be given back to {@link release}. From now on it holds what comes. */
  acquire(selection: TopicSelection, filter: MessageFilter | undefined): StreamGroup {
    let bySelection = this.#groups.get(filter);
    if (bySelection === undefined) this.#groups.set(filter, (bySelection = new Map()));
    let group = bySelection.get(selection.key);
    if (group === undefined) {
      group = new SubscriberGroup(selection, filter);
      group.routes = this.#recent.acquire(selection, group);
      bySelection.set(selection.key, group);
      this.size += 1;
    }
    group.users += 1;
    return group;
  }

  *[Symbol.iterator](): Iterator<StreamGroup> {
    for (const bySelection of this.#groups.values()) yield* bySelection.values();
  }

  release(group: StreamGroup): void {
    group.users -= 1;
    if (group.users > 0) return;
    this.#recent.release(group.routes, group);
    const bySelection = this.#groups.get(group.filter)!;
    bySelection.delete(group.selection.key);
    if (bySelection.size === 0) this.#groups.delete(group.filter);
    this.size -= 1;
  }
}
