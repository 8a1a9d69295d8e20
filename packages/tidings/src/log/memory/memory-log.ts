/**
 * A log in the memory of one process: the default. It ends with the process, and the next one has another epoch.
 * Each entry stands in two queues, that of the log and that of its topic, so that the oldest of either is at hand, one
 * topic is read without the others, and an offset is found by bisection.
 * This module is browser compatible.
 */
import { ownDeadlines } from "../bounded-log.ts";
import { LogClock } from "../time/clock.ts";
import { randomEpoch } from "../cursor.ts";
import { EntryQueue } from "../entries/entry-queue.ts";
import { idempotencyScope } from "../appending/idempotency.ts";
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
} from "../log.ts";
import { guardedOptions } from "../guarded-options.ts";
import { checkLogOptions, type LogOptionNames } from "../log-options.ts";
import { TurnBudget, type Work } from "../time/turn-budget.ts";
import { LOOK_STEPS, type LossScan } from "./loss-scan.ts";
import { MemoryTopics, type MemoryTopic } from "./memory-topics.ts";
import { mergeTopics } from "./merge-topics.ts";
import { type Walk, WALK_STEPS, walkEntries } from "./walk-entries.ts";

export interface MemoryLogOptions {
  /** The number of idempotency keys that are remembered, the newest ones. Default: 100,000. At most 72 MiB. */
  idempotencyKeys?: number | undefined;
  /** Milliseconds for which an idempotency key is remembered. Default: 300,000 (five minutes). */
  idempotencyAgeMs?: number | undefined;
  /**
   * The number of topics without a retained entry that are remembered by name. Default: 10,000. The losses of the next half a
   * million are still known if they are selected by name; a subscriber with a pattern may get a gap although it lost nothing. At
   * most 22 MiB.
   */
  emptyTopics?: number | undefined;
  /** Milliseconds since 1970. Default: `Date.now`. */
  now?: (() => number) | undefined;
}

const MEMORY_OPTIONS: LogOptionNames<MemoryLogOptions> = {
  idempotencyKeys: "number",
  idempotencyAgeMs: "number",
  emptyTopics: "number",
  now: "other",
};

/**
 * A log in memory. Expired entries are never returned; their memory is freed by the next append or read.
 * @throws {TypeError} If there is no such option.
 * @throws {RangeError} If a number is not above 0.
 */
export function memoryLog(options: MemoryLogOptions = {}): Log {
  checkLogOptions(options, MEMORY_OPTIONS);
  return ownDeadlines(new MemoryLog(options));
}

/** What broad reads may cost in one turn of the event loop, in characters that are matched: about half a millisecond. */
const MOST_STEPS_IN_TURN = 60_000;
/** What asking the patterns may cost before walking over the entries is taken for cheaper. */
const MOST_SELECT_STEPS = 30_000;
/** With fewer steps left in a turn, a read waits for the next one: its page would be small. */
const LEAST_STEPS = 30_000;
/** What reading a page costs besides. */
const PAGE_STEPS = 2_000;

class MemoryLog implements Log {
  readonly #idempotencyKeys: number;
  readonly #idempotencyAgeMs: number;
  readonly #clock: LogClock;
  readonly #topics: MemoryTopics;
  readonly #budget = new TurnBudget(MOST_STEPS_IN_TURN);
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

  async open(options: OpenLogOptions): Promise<LogPosition> {
    const { retention, onTail, onError } = guardedOptions(options);
    if (this.#onTail !== undefined) {
      throw new TypeError("Cannot open log: it is open already, expected one hub per log");
    }
    if (this.#epoch === "") this.#epoch = randomEpoch();
    this.#retention = retention;
    this.#onTail = onTail;
    this.#clock.onJump = onError;
    return { epoch: this.#epoch, head: this.#head };
  }

  keyAgeMs(): number {
    return this.#idempotencyAgeMs;
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
    // What is appended is accepted, even if the tail fails: that is reported.
    onTail({ after: appended.first - 1, through: appended.last, entries });
    return appended;
  }

  async read(request: ReadRequest): Promise<Page> {
    if (isByName(request.topics)) {
      const now = this.#beginRead();
      const selected = this.#topics.select(request.topics, Infinity);
      return this.#page(request, selected, 0, Infinity, now).page;
    }
    return new Promise((resolve, reject) => {
      const read = this.#broadRead(request, resolve);
      this.#budget.run((most) => {
        try {
          return read(most);
        } catch (error) {
          reject(error);
          return { spent: 0, done: true };
        }
      });
    });
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

  /** A read by pattern, in parts: first what it lost is looked for, where that takes long, and then the page is read. */
  #broadRead(request: ReadRequest, resolve: (page: Page) => void): Work {
    const { topics, after } = request;
    const { steps = () => 0 } = topics;
    let walks = false;
    let scan: LossScan | undefined;
    return (most) => {
      if (most < LEAST_STEPS) return { spent: most, done: false };
      const now = this.#beginRead();
      const begun = steps();
      let spent = 0;
      const selected = walks ? undefined : this.#topics.select(topics, MOST_SELECT_STEPS);
      walks = selected === undefined;
      if (walks && after < this.#newestDiscarded) {
        scan ??= this.#topics.scanLosses(topics, after);
        const { looked, done } = scan.advance(most - (steps() - begun));
        spent += looked * LOOK_STEPS;
        if (!done) return { spent: spent + steps() - begun, done };
      }
      const room = most - spent - (steps() - begun);
      const { page, walked } = this.#page(request, selected, scan?.lost ?? 0, room, now);
      resolve(page);
      return { spent: spent + steps() - begun + PAGE_STEPS + walked * WALK_STEPS, done: true };
    };
  }

  /** Checks that the log is open, and discards what its bounds no longer cover. @returns The time by which it goes. */
  #beginRead(): number {
    if (this.#onTail === undefined) throw new LogError("closed", "Cannot read log: it is closed");
    const now = this.#clock.read();
    this.#discard(now);
    return now;
  }

  /**
   * @param selected - The topics, where they were found. Otherwise all entries are walked over.
   * @param scanned - The newest loss that a scan before it has found.
   * @param mostSteps - What walking may cost.
   */
  #page(
    request: ReadRequest,
    selected: MemoryTopic[] | undefined,
    scanned: number,
    mostSteps: number,
    now: number,
  ): { readonly page: Page; readonly walked: number } {
    const { topics, after, maxMessages, maxBytes } = request;
    for (const topic of selected ?? []) this.#trim(topic, now);
    let page: Omit<Walk, "atEnd">;
    if (selected === undefined) {
      const trimmed = (topic: MemoryTopic): void => this.#trim(topic, now);
      const walk = walkEntries(this.#entries, this.#topics, request, mostSteps, trimmed);
      page = { ...walk, through: Math.max(after, walk.atEnd ? this.#head : walk.through) };
    } else {
      const { entries, through, more } = mergeTopics(selected, after, maxMessages, maxBytes);
      page = { entries, through: more ? through : Math.max(this.#head, after), lost: 0, walked: 0 };
    }
    const { entries, through, lost, walked } = page;
    // A reader that stands behind nothing that was discarded has lost nothing.
    const lostThrough =
      after < this.#newestDiscarded ? this.#topics.lost(topics, selected, Math.max(lost, scanned)) : 0;
    return { page: { entries, through, lostThrough, nowMs: now }, walked };
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
}
