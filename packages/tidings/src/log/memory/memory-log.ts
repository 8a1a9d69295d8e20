/**
 * A log in the memory of one process: the default. It ends with the process, and the next one has another epoch.
 * Each entry stands in two queues, that of the log and that of its topic, so that the oldest of either is at hand, one
 * topic is read without the others, and an offset is found by bisection.
 * This module is browser compatible.
 */
import { LogClock } from "../clock.ts";
import { randomEpoch } from "../cursor.ts";
import { EntryQueue } from "../entry-queue.ts";
import { idempotencyScope } from "../idempotency.ts";
import {
  isByName,
  LogError,
  type Appended,
  type AppendOptions,
  type Draft,
  type Entry,
  type Log,
  type LogPosition,
  type LogStats,
  type OpenLogOptions,
  type Page,
  type ReadRequest,
  type Retention,
  type Selection,
} from "../log.ts";
import { TurnBudget } from "../turn-budget.ts";
import { MemoryTopics, type MemoryTopic } from "./memory-topics.ts";
import { mergeTopics } from "./merge-topics.ts";

export interface MemoryLogOptions {
  /** How many idempotency keys are remembered, the newest ones. Default: 100,000. */
  idempotencyKeys?: number;
  /** For how long an idempotency key is remembered. Default: 300,000 (five minutes). */
  idempotencyAgeMs?: number;
  /**
   * How many topics without a retained entry are remembered by name. Default: 10,000. Of the next half a million their losses
   * are still known to readers that select them by name; a reader by pattern may get a gap although it lost nothing.
   */
  emptyTopics?: number;
  /** Milliseconds since 1970. Default: `Date.now`. */
  now?: () => number;
}

/** A log in memory. Expired entries are never returned; their memory is freed by the next append or read. */
export function memoryLog(options: MemoryLogOptions = {}): Log {
  return new MemoryLog(options);
}

/** Entries looked at in one read, so that a selection that matches nothing cannot hold the event loop. */
const MOST_WALKED = 5_000;
/** The same for all reads of one turn of the event loop. */
const MOST_WALKED_IN_TURN = 10_000;
/** As cheap as a read by name. */
const FREE_WALK = 200;

class MemoryLog implements Log {
  readonly #idempotencyKeys: number;
  readonly #idempotencyAgeMs: number;
  readonly #clock: LogClock;
  readonly #topics: MemoryTopics;
  readonly #budget = new TurnBudget(MOST_WALKED_IN_TURN);
  /** All entries; one that only its topic discarded stays as a dead slot, at most as many as the live ones. */
  readonly #entries = new EntryQueue<Entry>();
  readonly #keys = new Map<string, { appended: Appended; atMs: number }>();
  #epoch = "";
  #head = 0;
  #messages = 0;
  #bytes = 0;
  #newestDiscarded = 0;
  #retention: Retention = { messages: 0, bytes: 0, ageMs: 0 };
  #onTail: OpenLogOptions["onTail"] | undefined;
  #onError: OpenLogOptions["onError"];

  constructor({
    idempotencyKeys = 100_000,
    idempotencyAgeMs = 300_000,
    emptyTopics = 10_000,
    now,
  }: MemoryLogOptions) {
    this.#idempotencyKeys = idempotencyKeys;
    this.#idempotencyAgeMs = idempotencyAgeMs;
    this.#topics = new MemoryTopics(emptyTopics);
    this.#clock = new LogClock({ now });
  }

  async open({ retention, onTail, onError }: OpenLogOptions): Promise<LogPosition> {
    if (this.#onTail !== undefined) {
      throw new TypeError("Cannot open log: it is open already, expected one hub per log");
    }
    if (this.#epoch === "") this.#epoch = randomEpoch();
    this.#retention = retention;
    this.#onTail = onTail;
    this.#onError = onError;
    this.#clock.onJump = onError;
    return { epoch: this.#epoch, head: this.#head };
  }

  async append(drafts: readonly Draft[], options: AppendOptions = {}): Promise<Appended> {
    const onTail = this.#onTail;
    if (onTail === undefined) throw new LogError("closed", "Cannot append to log: it is closed");
    if (drafts.length === 0)
      throw new RangeError("Cannot append to log: there are no drafts, expected 1 or more");
    const atMs = this.#clock.read();
    const key = idempotencyScope(drafts, options.idempotencyKey);
    if (key !== undefined) {
      const earlier = this.#keys.get(key);
      if (earlier !== undefined && atMs - earlier.atMs <= this.#idempotencyAgeMs) {
        return { ...earlier.appended, repeated: true };
      }
    }
    const appended = { first: this.#head + 1, last: this.#head + drafts.length, repeated: false };
    const entries = drafts.map((draft) => this.#add(draft, atMs));
    if (key !== undefined) this.#remember(key, appended, atMs);
    this.#discard(atMs);
    try {
      onTail({ after: appended.first - 1, through: appended.last, entries });
    } catch (error) {
      // What is appended is accepted, even if the tail fails.
      this.#onError?.(error);
    }
    return appended;
  }

  async read({ topics, after, maxMessages, maxBytes }: ReadRequest): Promise<Page> {
    const walked = isByName(topics) ? 0 : this.#entries.length - this.#entries.indexAfter(after);
    const turn = walked > FREE_WALK ? this.#budget.take(Math.min(MOST_WALKED, walked)) : undefined;
    if (turn !== undefined) await turn;
    if (this.#onTail === undefined) throw new LogError("closed", "Cannot read log: it is closed");
    const now = this.#clock.read();
    this.#discard(now);
    const selected = this.#topics.select(topics);
    for (const topic of selected ?? []) this.#trim(topic, now);
    let page: { entries: Entry[]; through: number };
    if (selected === undefined) {
      page = this.#walk(topics, after, maxMessages, maxBytes, now);
    } else {
      const { entries, through, more } = mergeTopics(selected, after, maxMessages, maxBytes);
      page = { entries, through: more ? through : Math.max(this.#head, after) };
    }
    // A reader that stands behind nothing that was discarded has lost nothing.
    const lostThrough = after < this.#newestDiscarded ? this.#topics.lost(topics, selected, after) : 0;
    return { ...page, lostThrough };
  }

  async head(): Promise<LogPosition> {
    return { epoch: this.#epoch, head: this.#head };
  }

  async stats(): Promise<LogStats> {
    this.#discard(this.#clock.read());
    let oldest = this.#entries.first;
    for (let i = 0; oldest !== undefined && this.#isDead(oldest); i += 1) oldest = this.#entries.at(i + 1);
    return {
      epoch: this.#epoch,
      head: this.#head,
      oldest: oldest?.offset ?? 0,
      messages: this.#messages,
      bytes: this.#bytes,
      topics: this.#topics.size,
    };
  }

  async close(): Promise<void> {
    this.#onTail = undefined;
  }

  #add(draft: Draft, atMs: number): Entry {
    this.#head += 1;
    const { topic: name, body, key } = draft;
    const entry: Entry =
      key === undefined
        ? { offset: this.#head, topic: name, body, atMs }
        : { offset: this.#head, topic: name, body, atMs, key };
    const topic = this.#topics.get(name) ?? this.#create(name);
    this.#topics.filled(topic);
    topic.entries.push(entry);
    topic.bytes += body.length;
    this.#entries.push(entry);
    this.#messages += 1;
    this.#bytes += body.length;
    this.#trim(topic, atMs);
    return entry;
  }

  #create(name: string): MemoryTopic {
    const topic: MemoryTopic = {
      name,
      entries: new EntryQueue<Entry>(),
      retention: this.#retention.forTopic?.(name),
      bytes: 0,
      discarded: 0,
    };
    this.#topics.add(topic);
    return topic;
  }

  #remember(key: string, appended: Appended, atMs: number): void {
    this.#keys.delete(key);
    this.#keys.set(key, { appended, atMs });
    for (const [oldest, { atMs: then }] of this.#keys) {
      const spent = atMs - then > this.#idempotencyAgeMs;
      if (this.#keys.size <= this.#idempotencyKeys && !spent) break;
      this.#keys.delete(oldest);
    }
  }

  /** Discards what the whole log's bounds no longer cover. */
  #discard(now: number): void {
    const { messages, bytes, ageMs } = this.#retention;
    for (;;) {
      const oldest = this.#entries.first;
      if (oldest === undefined) return;
      if (this.#isDead(oldest)) {
        this.#entries.shift();
        continue;
      }
      if (this.#messages <= messages && this.#bytes <= bytes && now - oldest.atMs <= ageMs) break;
      this.#entries.shift();
      this.#drop(this.#topics.get(oldest.topic)!);
    }
    if (this.#entries.length > 64 && this.#entries.length > this.#messages * 2) {
      this.#entries.compact((entry) => !this.#isDead(entry));
    }
  }

  /** Discards what the topic's own bounds no longer cover. */
  #trim(topic: MemoryTopic, now: number): void {
    const { retention } = topic;
    if (retention === undefined) return;
    const { messages = Infinity, bytes = Infinity, ageMs = Infinity } = retention;
    for (let oldest = topic.entries.first; oldest !== undefined; oldest = topic.entries.first) {
      if (topic.entries.length <= messages && topic.bytes <= bytes && now - oldest.atMs <= ageMs) return;
      this.#drop(topic);
    }
  }

  #drop(topic: MemoryTopic): void {
    const entry = topic.entries.shift()!;
    topic.bytes -= entry.body.length;
    this.#newestDiscarded = Math.max(this.#newestDiscarded, entry.offset);
    this.#messages -= 1;
    this.#bytes -= entry.body.length;
    this.#topics.discarded(topic, entry.offset);
  }

  #isDead(entry: Entry): boolean {
    const topic = this.#topics.get(entry.topic);
    return topic === undefined || entry.offset <= topic.discarded;
  }

  #walk(
    topics: Selection,
    after: number,
    maxMessages: number,
    maxBytes: number,
    now: number,
  ): { entries: Entry[]; through: number } {
    const matched = new Map<string, boolean>();
    const entries: Entry[] = [];
    let bytes = 0;
    let through = after;
    const begin = this.#entries.indexAfter(after);
    for (let i = 0; i < MOST_WALKED && entries.length < maxMessages; i += 1) {
      const entry = this.#entries.at(begin + i);
      if (entry === undefined) {
        through = Math.max(this.#head, after);
        break;
      }
      let wanted = matched.get(entry.topic);
      if (wanted === undefined) {
        wanted = topics.matches(entry.topic);
        matched.set(entry.topic, wanted);
        const topic = this.#topics.get(entry.topic);
        if (wanted && topic !== undefined) this.#trim(topic, now);
      }
      if (wanted && !this.#isDead(entry)) {
        bytes += entry.body.length;
        if (entries.length > 0 && bytes > maxBytes) break;
        entries.push(entry);
      }
      through = entry.offset;
    }
    return { entries, through };
  }
}
