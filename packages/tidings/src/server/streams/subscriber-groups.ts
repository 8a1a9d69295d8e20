/**
 * The groups in use: one for each selection and view of it.
 */
import { SubscriberGroup, type View } from "./subscriber-group.ts";
import type { StreamGroup } from "./hub-stream.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import type { TopicSelection, MessageFilter } from "../topics/topic-selection.ts";

export class SubscriberGroups {
  readonly #recent: RecentEntries<StreamGroup>;
  /** By filter, then by the key of the selection and the rest of the view. */
  readonly #groups = new Map<MessageFilter | undefined, Map<string, StreamGroup>>();
  size = 0;
  readonly #mostSelected: number;
  /** Bytes of memory that their selections take. */
  #selected = 0;

  /** @param mostSelected - Bytes of memory for all selections: a client that may choose its topics chooses how much they take. */
  constructor(recent: RecentEntries<StreamGroup>, mostSelected: number = Infinity) {
    this.#recent = recent;
    this.#mostSelected = mostSelected;
  }

  /** Whether a subscription may be added: one that is there already takes no room. */
  hasRoomFor(selection: TopicSelection, view: View = {}): boolean {
    const key = keyOf(selection, view);
    return (
      this.#selected + weigh(selection, key) <= this.#mostSelected ||
      this.#groups.get(view.filter)?.has(key) === true
    );
  }

  /** The group for a subscription, to be given back to {@link release}. From now on it holds what comes. */
  acquire(selection: TopicSelection, view: View = {}): StreamGroup {
    const { filter } = view;
    const key = keyOf(selection, view);
    let bySelection = this.#groups.get(filter);
    if (bySelection === undefined) this.#groups.set(filter, (bySelection = new Map()));
    let group = bySelection.get(key);
    if (group === undefined) {
      group = new SubscriberGroup(selection, view);
      group.routes = this.#recent.acquire(selection, group);
      bySelection.set(key, group);
      this.size += 1;
      this.#selected += weigh(selection, key);
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
    const key = keyOf(group.selection, group);
    bySelection.delete(key);
    this.#selected -= weigh(group.selection, key);
    if (bySelection.size === 0) this.#groups.delete(group.filter);
    this.size -= 1;
  }
}

/** Bytes of memory, as `npm run bench memory` measures them: each topic has a route. */
function weigh({ names, patterns }: TopicSelection, key: string): number {
  return 600 * (names.length + patterns.length) + 4 * key.length;
}

/** No topic has a line break. */
function keyOf({ key }: TopicSelection, { envelope }: View): string {
  return envelope ? `envelope\n${key}` : key;
}
