/**
 * Several appends as one transaction in LMDB: gives offsets, discards what the bounds no longer cover, and applies only when
 * the state is still what it was built on. So several processes may append to one log, and nothing is ever half done.
 */
import { createHash } from "node:crypto";
import { idempotencyScope } from "../appending/idempotency.ts";
import type { Appended, Draft, Entry, Retention } from "../log.ts";
import { bootTimeOf } from "./boot-time.ts";
import {
  decodeEntry,
  encodeEntry,
  settle,
  type LmdbTables,
  type LogState,
  type TopicState,
} from "./tables.ts";

/** What one caller appends. */
export interface Append {
  readonly drafts: readonly Draft[];
  /** Of idempotency. */
  readonly key: string | undefined;
}

export interface BatchLimits {
  readonly idempotencyKeys: number;
  readonly idempotencyAgeMs: number;
  readonly emptyTopics: number;
  /** What is kept of discarded entries until other processes have seen them; 0 where there are none. */
  readonly tailMessages: number;
  readonly tailBytes: number;
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
  readonly #removed: [offset: number, topic: string][] = [];
  /** What moves from the log to the tail, and what leaves that. */
  readonly #toTail = new Map<number, Uint8Array>();
  readonly #fromTail: number[] = [];
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
    this.#state.written = bootTimeOf(this.#atMs);
    for (const append of appends) this.results.push(this.#append(append));
    this.#discardOldest();
    this.#forgetKeys();
    this.#trimTail();
  }

  /** Of the log that it adds to. */
  get epoch(): string {
    return this.#state.epoch;
  }

  /**
   * Writes it.
   * @returns False when another process was faster, and nothing was written.
   * @throws What LMDB rejects with: nothing was written.
   */
  async commit(): Promise<boolean> {
    const { entries, index, topics, keys, ages, tail, log, env } = this.#tables;
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
      for (const [offset, value] of this.#toTail) settle(tail.put(offset, value));
      for (const offset of this.#fromTail) settle(tail.remove(offset));
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

  #append({ drafts, key: idempotencyKey }: Append): Appended {
    const key = keyOf(drafts, idempotencyKey);
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
    const isNew = first !== undefined && offset >= first.offset;
    if (!isNew) this.#removed.push([offset, name]);
    if (offset > state.head - this.#limits.tailMessages) {
      const value = isNew
        ? encodeEntry(this.entries[offset - first.offset]!)
        : this.#tables.entries.get(offset);
      if (value !== undefined) {
        this.#toTail.set(offset, value);
        state.tailBytes += value.length;
      }
    }
    now.messages -= 1;
    now.bytes -= size;
    now.discarded = offset;
    state.messages -= 1;
    state.bytes -= size;
    state.newestDiscarded = Math.max(state.newestDiscarded, offset);
  }

  /** Other processes have seen it, or are too far behind. */
  #trimTail(): void {
    const { tailMessages, tailBytes } = this.#limits;
    const state = this.#state;
    if (state.tailBytes === 0) return;
    let left = MOST_DISCARDED + this.entries.length;
    for (const { key: offset, value } of this.#tables.tail.getRange({})) {
      if ((offset > state.head - tailMessages && state.tailBytes <= tailBytes) || left === 0) return;
      left -= 1;
      this.#fromTail.push(offset);
      state.tailBytes -= value.length;
    }
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
    const { empty, losses } = this.#tables;
    const state = this.#state;
    for (const [name, { before, now }] of this.#topics) {
      if (before?.messages === 0) {
        settle(empty.remove([before.discarded, name]));
        state.empty -= 1;
      }
      if (now.messages === 0) {
        settle(empty.put([now.discarded, name], true));
        state.empty += 1;
      }
      if (now.discarded !== before?.discarded && now.discarded > state.forgotten) {
        if (before !== undefined && losses.get(before.discarded) === name)
          settle(losses.remove(before.discarded));
        settle(losses.put(now.discarded, name));
      }
      settle(topics.put(name, now));
    }
    if (state.empty <= this.#limits.emptyTopics) return;
    for (const [discarded, name] of empty.getKeys({ limit: MOST_DISCARDED })) {
      if (state.empty <= this.#limits.emptyTopics) return;
      if (this.#topics.has(name)) continue;
      settle(empty.remove([discarded, name]));
      settle(losses.remove(discarded));
      settle(topics.remove(name));
      state.forgotten = Math.max(state.forgotten, discarded);
      state.empty -= 1;
    }
  }
}

/** What an append is remembered by: of any length, so its digest. */
function keyOf(drafts: readonly Draft[], idempotencyKey: string | undefined): string | undefined {
  const scope = idempotencyScope(drafts, idempotencyKey);
  return scope === undefined ? undefined : createHash("sha256").update(scope).digest("base64url");
}
