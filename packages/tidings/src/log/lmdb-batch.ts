/**
 * Several appends as one transaction in LMDB: gives offsets, discards what the bounds no longer cover, and applies only when
 * the state is still what it was built on. So several processes may append to one log, and nothing is ever half done.
 */
import {
  decodeEntry,
  encodeEntry,
  settle,
  type LmdbTables,
  type LogState,
  type TopicState,
} from "./lmdb-tables.ts";
import type { Appended, Draft, Entry, Retention } from "./log.ts";

/** What one caller appends. */
export interface Append {
  readonly drafts: readonly Draft[];
  readonly idempotencyKey: string | undefined;
}

export interface BatchLimits {
  readonly idempotencyKeys: number;
  readonly idempotencyAgeMs: number;
  readonly emptyTopics: number;
}

/** Entries discarded in one batch beyond those it adds: a log whose bounds were tightened shrinks without a halt. */
const MOST_DISCARDED = 1_000;

export class LmdbBatch {
  readonly results: Appended[] = [];
  /** What it adds, those that the bounds discard at once among them. */
  readonly entries: Entry[] = [];

  readonly #tables: LmdbTables;
  readonly #retention: Retention;
  readonly #limits: BatchLimits;
  readonly #state: LogState;
  readonly #atMs: number;
  readonly #topics = new Map<string, { before: TopicState | undefined; now: TopicState }>();
  /** Offsets that were in the log, or would be, and are not. */
  readonly #discarded = new Set<number>();
  readonly #newKeys = new Map<string, Appended>();
  readonly #spentKeys: { key: string; first: number }[] = [];

  /** Builds the batch on `state`; nothing is written yet. */
  constructor(
    tables: LmdbTables,
    state: LogState,
    appends: readonly Append[],
    retention: Retention,
    limits: BatchLimits,
    now: number,
  ) {
    this.#tables = tables;
    this.#retention = retention;
    this.#limits = limits;
    this.#state = { ...state };
    this.#atMs = Math.max(state.lastAtMs, now);
    this.#state.lastAtMs = this.#atMs;
    for (const append of appends) this.results.push(this.#append(append));
    this.#discardOldest();
    this.#forgetKeys();
  }

  /**
   * Writes it.
   * @returns False when another process was faster, and nothing was written.
   * @throws What LMDB rejects with: nothing was written.
   */
  async commit(): Promise<boolean> {
    const { entries, index, topics, keys, ages, log, env } = this.#tables;
    const state = this.#state;
    const { version } = state;
    state.version += 1;
    const applied = await log.ifVersion("log", version, () => {
      for (const entry of this.entries) {
        if (this.#discarded.delete(entry.offset)) continue;
        settle(entries.put(entry.offset, encodeEntry(entry)));
        settle(index.put([entry.topic, entry.offset], [entry.atMs, entry.body.length]));
      }
      for (const [offset, topic] of this.#removed) {
        settle(entries.remove(offset));
        settle(index.remove([topic, offset]));
      }
      // First those that are spent: one of them may be used anew.
      for (const { key, first } of this.#spentKeys) {
        settle(keys.remove(key));
        settle(ages.remove(first));
      }
      for (const [key, appended] of this.#newKeys) {
        settle(keys.put(key, { appended, atMs: this.#atMs }));
        settle(ages.put(appended.first, key));
      }
      this.#writeTopics(topics);
      settle(log.put("log", state, state.version));
    });
    if (applied) await env.flushed;
    return applied;
  }

  readonly #removed: [offset: number, topic: string][] = [];

  #append({ drafts, idempotencyKey: key }: Append): Appended {
    if (key !== undefined) {
      const earlier = this.#newKeys.get(key) ?? this.#recall(key);
      if (earlier !== undefined) return { ...earlier, repeated: true };
    }
    const state = this.#state;
    const appended = { first: state.head + 1, last: state.head + drafts.length, repeated: false };
    for (const draft of drafts) {
      state.head += 1;
      this.#add({ ...draft, offset: state.head, atMs: this.#atMs });
    }
    if (key !== undefined) this.#newKeys.set(key, appended);
    return appended;
  }

  #recall(key: string): Appended | undefined {
    const known = this.#tables.keys.get(key);
    if (known === undefined) return undefined;
    if (this.#atMs - known.atMs <= this.#limits.idempotencyAgeMs) return known.appended;
    this.#spendKey(key, known.appended.first);
    return undefined;
  }

  #add(entry: Entry): void {
    const { now } = this.#topic(entry.topic);
    this.entries.push(entry);
    now.messages += 1;
    now.bytes += entry.body.length;
    this.#state.messages += 1;
    this.#state.bytes += entry.body.length;
    const bounds = this.#retention.forTopic?.(entry.topic);
    if (bounds === undefined) return;
    const { messages = Infinity, bytes = Infinity, ageMs = Infinity } = bounds;
    for (const { offset, atMs, size } of this.#ofTopic(entry.topic)) {
      if (now.messages <= messages && now.bytes <= bytes && this.#atMs - atMs <= ageMs) return;
      this.#drop(offset, entry.topic, size);
    }
  }

  #topic(name: string): { before: TopicState | undefined; now: TopicState } {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const before = this.#tables.topics.get(name);
      topic = { before, now: { ...(before ?? { messages: 0, bytes: 0, discarded: this.#state.forgotten }) } };
      this.#topics.set(name, topic);
    }
    return topic;
  }

  /** What is retained of a topic, oldest first. */
  *#ofTopic(name: string): Generator<{ offset: number; atMs: number; size: number }> {
    for (const { key, value } of this.#tables.index.getRange({ start: [name, 0], end: [name, Infinity] })) {
      if (!this.#discarded.has(key[1])) yield { offset: key[1], atMs: value[0], size: value[1] };
    }
    for (const { topic, offset, atMs, body } of this.entries) {
      if (topic === name && !this.#discarded.has(offset)) yield { offset, atMs, size: body.length };
    }
  }

  /** What is retained in all, oldest first. */
  *#ofAll(): Generator<Entry> {
    for (const { key, value } of this.#tables.entries.getRange({})) {
      if (!this.#discarded.has(key)) yield decodeEntry(key, value);
    }
    for (const entry of this.entries) if (!this.#discarded.has(entry.offset)) yield entry;
  }

  #discardOldest(): void {
    const { messages, bytes, ageMs } = this.#retention;
    const state = this.#state;
    let left = MOST_DISCARDED + this.entries.length;
    const within = (): boolean => state.messages <= messages && state.bytes <= bytes;
    for (const { offset, topic, atMs, body } of this.#ofAll()) {
      if ((within() && this.#atMs - atMs <= ageMs) || left === 0) return;
      left -= 1;
      this.#drop(offset, topic, body.length);
    }
  }

  #drop(offset: number, name: string, size: number): void {
    const state = this.#state;
    const { now } = this.#topic(name);
    this.#discarded.add(offset);
    const first = this.entries[0];
    if (first === undefined || offset < first.offset) this.#removed.push([offset, name]);
    now.messages -= 1;
    now.bytes -= size;
    now.discarded = offset;
    state.messages -= 1;
    state.bytes -= size;
    state.newestDiscarded = Math.max(state.newestDiscarded, offset);
  }

  #forgetKeys(): void {
    const state = this.#state;
    const { idempotencyKeys, idempotencyAgeMs } = this.#limits;
    state.keys += this.#newKeys.size;
    if (state.keys === 0) return;
    let left = MOST_DISCARDED;
    for (const { key: first, value: key } of this.#tables.ages.getRange({})) {
      const known = this.#tables.keys.get(key);
      const spent = known === undefined || this.#atMs - known.atMs > idempotencyAgeMs;
      if ((state.keys <= idempotencyKeys && !spent) || left === 0) return;
      left -= 1;
      if (!this.#spentKeys.some((one) => one.first === first)) this.#spendKey(key, first);
    }
  }

  #spendKey(key: string, first: number): void {
    this.#spentKeys.push({ key, first });
    this.#state.keys -= 1;
  }

  /** Keeps the list of topics without entries, and forgets those beyond the limit, the longest empty first. */
  #writeTopics(topics: LmdbTables["topics"]): void {
    const { empty } = this.#tables;
    const state = this.#state;
    const changed = new Set<string>();
    for (const [name, { before, now }] of this.#topics) {
      changed.add(name);
      if (before?.messages === 0) {
        settle(empty.remove([before.discarded, name]));
        state.empty -= 1;
      }
      if (now.messages === 0) {
        settle(empty.put([now.discarded, name], true));
        state.empty += 1;
      }
      settle(topics.put(name, now));
    }
    if (state.empty <= this.#limits.emptyTopics) return;
    for (const [discarded, name] of empty.getKeys({ limit: MOST_DISCARDED })) {
      if (state.empty <= this.#limits.emptyTopics) return;
      if (changed.has(name)) continue;
      settle(empty.remove([discarded, name]));
      settle(topics.remove(name));
      state.forgotten = Math.max(state.forgotten, discarded);
      state.empty -= 1;
    }
  }
}
