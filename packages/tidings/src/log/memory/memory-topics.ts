/**
 * The topics of a log in memory: found by name, by prefix, and by what they lost last. Those without an entry are remembered
 * for a while, so that a loss is known to be theirs.
 * This module is browser compatible.
 */
import type { EntryQueue } from "../entries/entry-queue.ts";
import { isByName, type Entry, type Selection, type TopicRetention } from "../log.ts";
import { ForgottenTopics } from "./forgotten-topics.ts";
import { LossScan, type LostTopic } from "./loss-scan.ts";
import { SortedList } from "./sorted-list.ts";

export interface MemoryTopic {
  readonly name: string;
  readonly entries: EntryQueue<Entry>;
  readonly retention: Partial<TopicRetention> | undefined;
  bytes: number;
  /** The newest offset that was discarded from it. Set by {@link MemoryTopics.discarded}. */
  discarded: number;
}

/** Topics merged in one read; with more, walking over the log costs less. */
const MOST_MERGED = 1_024;

export class MemoryTopics {
  readonly #byName = new Map<string, MemoryTopic>();
  readonly #sorted = new SortedList<{ readonly name: string }, MemoryTopic>(
    ({ name: one }, { name: other }) => (one < other ? -1 : one > other ? 1 : 0),
  );
  /** By what they lost last; made for the first reader that needs it. */
  #losses: SortedList<Pick<LostTopic, "discarded">, MemoryTopic> | undefined;
  /** Topics without entries, in the order in which they became so. */
  readonly #empty = new Set<MemoryTopic>();
  readonly #mostEmpty: number;
  readonly #forgotten = new ForgottenTopics();

  constructor(mostEmpty: number) {
    this.#mostEmpty = mostEmpty;
  }

  /** How many have an entry. */
  get size(): number {
    return this.#byName.size - this.#empty.size;
  }

  get(name: string): MemoryTopic | undefined {
    return this.#byName.get(name);
  }

  /** @param topic - A new one, without entries. */
  add(topic: MemoryTopic): void {
    topic.discarded = this.#forgotten.discardedOf(topic.name);
    this.#byName.set(topic.name, topic);
    this.#sorted.add(topic);
    if (topic.discarded > 0) this.#losses?.add(topic);
  }

  /** It has an entry. */
  filled(topic: MemoryTopic): void {
    this.#empty.delete(topic);
  }

  /** Its oldest entry was discarded. */
  discarded(topic: MemoryTopic, offset: number): void {
    if (topic.discarded > 0) this.#losses?.delete(topic);
    topic.discarded = offset;
    this.#losses?.add(topic);
    if (topic.entries.length > 0) return;
    this.#empty.add(topic);
    if (this.#empty.size > this.#mostEmpty) this.#forget(this.#empty.values().next().value!);
  }

  /**
   * The topics to merge for a reader; undefined when walking over the log is cheaper.
   * @param mostSteps - What asking the patterns may cost.
   */
  select({ exact, prefixes, matches, steps }: Selection, mostSteps: number): MemoryTopic[] | undefined {
    if (exact === undefined && prefixes === undefined) return undefined;
    const selected = new Set<MemoryTopic>();
    for (const name of exact ?? []) {
      const topic = this.#byName.get(name);
      if (topic !== undefined) selected.add(topic);
      if (selected.size > MOST_MERGED) return undefined;
    }
    const most = (steps?.() ?? 0) + mostSteps;
    let looked = 0;
    for (const prefix of prefixes ?? []) {
      for (const topic of this.#sorted.from({ name: prefix })) {
        if (!topic.name.startsWith(prefix)) break;
        looked += 1;
        if (looked > MOST_MERGED || (steps !== undefined && steps() > most)) return undefined;
        if (matches(topic.name)) selected.add(topic);
      }
    }
    return [...selected];
  }

  /**
   * The newest offset that a reader may have lost.
   * @param selected - What {@link select} gave for it.
   * @param scanned - What a scan of all losses found, where nothing is selected by name alone.
   */
  lost(topics: Selection, selected: readonly MemoryTopic[] | undefined, scanned: number): number {
    const byName = isByName(topics);
    let lost = Math.max(scanned, byName ? this.#forgotten.floor : this.#forgotten.newest);
    if (byName) {
      for (const name of topics.exact) {
        if (!this.#byName.has(name)) lost = Math.max(lost, this.#forgotten.discardedOf(name));
      }
    }
    for (const { discarded } of selected ?? []) lost = Math.max(lost, discarded);
    return lost;
  }

  /** Begins to look for the newest loss after `after`, or after what is known to be lost anyway. */
  scanLosses(topics: Selection, after: number): LossScan {
    this.#losses ??= new SortedList(
      ({ discarded: one }, { discarded: other }) => one - other,
      [...this.#byName.values()].filter(({ discarded }) => discarded > 0),
    );
    return new LossScan(this.#losses, topics, Math.max(after, this.#forgotten.newest));
  }

  #forget(topic: MemoryTopic): void {
    this.#forgotten.add(topic.name, topic.discarded);
    this.#empty.delete(topic);
    this.#byName.delete(topic.name);
    this.#sorted.delete(topic);
    this.#losses?.delete(topic);
  }
}
