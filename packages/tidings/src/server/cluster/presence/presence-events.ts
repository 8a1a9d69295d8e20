/**
 * Publishes who joined and left, so that joins and leaves of a member alternate for those who watch. All processes find the same
 * changes at the same records, and the process whose record it is publishes them. The idempotency key names the record: what was
 * not acknowledged is published again, and a process that publishes what follows on a change of another one publishes that
 * first, since the other one may have died or stand still. Each process tells up to where it has published what is its own.
 *
 * A log forgets keys, and what was sent to it may arrive minutes later. So the time after a record, by the clock of the log, is divided
 * into windows that are shorter than keys are remembered. An event says in which one it is valid; readers pass over one that the log
 * took later (see event-keys.ts). In the first window the key is enough. In a later one nothing of those before can be added any more
 * that counts, so the log is read first.
 */
import type { Report } from "../../../guard/foreign.ts";
import { ignore } from "../../../guard/ignore.ts";
import { show } from "../../../guard/show.ts";
import { isLogError } from "../../../log/foreign-log.ts";
import { type Draft, type Entry, type Log, LogError, type Retention } from "../../../log/log.ts";
import { encode } from "../../../wire/encode.ts";
import { presenceTopicOf } from "../../topics/reserved-topics.ts";
import { eventKey, isLate, recordOfEvent } from "./event-keys.ts";
import type { TopicChange } from "./local-presence.ts";

/** What changed in a topic, and what it has since. */
export interface CountedChange extends TopicChange {
  readonly members: number;
}

export interface PresenceEventsOptions {
  readonly log: Pick<Log, "append" | "read">;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onError: Report;
}

interface Batch {
  readonly changes: readonly CountedChange[];
  /** Of the record. */
  readonly offset: number;
  /** Of the record, by the clock of the log. */
  readonly atMs: number;
  /** Its event stands behind this offset. */
  after: number;
  /** The process that publishes it: the one whose record it is, and once that is gone, the one that said so. */
  by: string;
  /** The record that says so. */
  byOffset: number;
}

/** Who join, and who leave, in one event: with the longest names it has less than 1 MiB, which is the most that NATS takes by default. */
const MOST_NAMES = 300;
const MOST_TOPIC_LENGTH = 1_024;
/** The wait after the log could not take an event. */
const RETRY_MS = 1_000;
/** For how long a log has to remember keys: twice a window, since it may measure that by another clock. */
const LEAST_KEY_AGE_MS = 120_000;
const WINDOW_MS = 60_000;
/** That are remembered until an entry behind them is seen. */
const MOST_TAKEN = 100;
/** Appends of an event that came too late to the log, one after the other. */
const MOST_LATE = 3;
const LOST =
  "Cannot publish joins and leaves: the log has discarded what would show whether it has them already, after they waited for it";
/** Read for that together. */
const MOST_TOPICS = 16;
const PAGE_MESSAGES = 256;
const PAGE_BYTES = 2 ** 20;
/** Members in events that wait for the log, and in those of others that are remembered. */
const MOST_WAITING = 100_000;
const MOST_REMEMBERED = 10_000;

/** @throws {TypeError} If the log does not say it with a number. @throws {RangeError} If it forgets keys too early for presence. */
export function checkKeyAge(log: Pick<Log, "keyAgeMs">, retention: Retention): void {
  const keyAgeMs: unknown = log.keyAgeMs === undefined ? Infinity : log.keyAgeMs(retention);
  if (typeof keyAgeMs !== "number") {
    // A promise is nobody's, whatever becomes of it.
    Promise.resolve(keyAgeMs).then(ignore, ignore);
    throw new TypeError(
      `Cannot create hub: keyAgeMs of its log returned ${show(keyAgeMs)}, expected a number of milliseconds`,
    );
  }
  if (keyAgeMs >= LEAST_KEY_AGE_MS) return;
  const what = keyAgeMs === retention.ageMs ? "retention.ageMs" : "idempotencyAgeMs of its log";
  throw new RangeError(
    `Cannot create hub: ${what} is ${keyAgeMs}, expected ${LEAST_KEY_AGE_MS} or more with presence: joins and leaves that the log took would be published again`,
  );
}

export class PresenceEvents {
  readonly #options: PresenceEventsOptions;
  readonly #waiting: Batch[] = [];
  #waitingMembers = 0;
  /** What the log took, in time as far as is known: an entry behind it will show it. */
  #taken: { readonly batch: Batch; readonly untilMs: number; readonly last: number }[] = [];
  /** Of other processes, oldest first. It is not known whether they are published. */
  readonly #others = new Set<Batch>();
  /** Those of these that a member of a topic is in. */
  readonly #othersOf = new Map<string, Set<Batch>>();
  #otherMembers = 0;
  #isPublishing = false;
  /** Since the log took something last. */
  #isDropping = false;
  #published: Promise<void> | undefined;
  /** The newest record that came. */
  #newest = 0;
  /** It was this time for the log, or later. */
  #seenMs = -Infinity;
  /** The clock of the log is ahead of the one here by so much, or less. */
  #aheadMs = Infinity;
  #closed = false;

  constructor(options: PresenceEventsOptions) {
    this.#options = options;
  }

  /**
   * @param by - The process whose record says so.
   * @param isOurs - Whether this one publishes them.
   * @param gone - The process that is gone by that: what it has not published is published as well.
   */
  add(
    changes: readonly CountedChange[],
    { offset, atMs }: Entry,
    { by, isOurs, gone }: { readonly by: string; readonly isOurs: boolean; readonly gone?: string },
  ): void {
    if (this.#closed) return;
    this.#newest = offset;
    const batch = { changes, offset, atMs, after: offset, by, byOffset: offset };
    const unpublished = gone === undefined ? [] : [...this.#others].filter((other) => other.by === gone);
    if (!isOurs) {
      // The one that says so may be gone as well before it has published them.
      for (const other of unpublished) [other.by, other.byOffset] = [by, offset];
      if (changes.length > 0) this.#remember(batch);
      return;
    }
    const before = new Set(unpublished);
    this.#addBefore(batch, before);
    // What comes before may itself follow on changes of other members. A Set goes on with what is added meanwhile.
    for (const next of before) this.#addBefore(next, before);
    const inOrder = before.size === 0 ? [] : [...this.#others].filter((other) => before.has(other));
    for (const other of inOrder) {
      this.#forget(other);
      [other.by, other.byOffset] = [by, offset];
      this.#queue(other);
    }
    if (changes.length > 0) this.#queue(batch);
    this.#goOn();
  }

  /** All that this process has to publish of records up to this offset is published. */
  get publishedThrough(): number {
    const unsure = [...this.#waiting, ...this.#taken.map(({ batch }) => batch)];
    return unsure.reduce((least, { byOffset }) => Math.min(least, byOffset - 1), this.#newest);
  }

  /** Another process has published all that it has to, of records up to an offset. */
  published(by: string, through: number): void {
    for (const other of this.#others) if (other.by === by && other.byOffset <= through) this.#forget(other);
  }

  /** Takes from any entry what time it was for the log. */
  seen({ offset, atMs }: Pick<Entry, "offset" | "atMs">): void {
    this.#seenMs = Math.max(this.#seenMs, atMs);
    this.#aheadMs = Math.max(this.#aheadMs, atMs - this.#options.now());
    if (this.#taken.length === 0 || this.#closed) return;
    const [proven, open] = [this.#taken.filter(({ last }) => last < offset), this.#taken];
    if (proven.length === 0) return;
    this.#taken = open.filter(({ last }) => last >= offset);
    // The clock of the log was set while it took it.
    for (const { batch, untilMs } of proven) if (atMs >= untilMs) this.#queue(batch);
    this.#goOn();
  }

  /** The same, where it is known that the entry was not sent before a time of this process. */
  heard(entry: Pick<Entry, "offset" | "atMs">, sentMs: number): void {
    this.#aheadMs = entry.atMs - sentMs;
    this.seen(entry);
  }

  /**
   * Another log has replaced the one before, with nothing in it. What waits is published there. What others had to publish is over:
   * who watches is told of the gap, and asks who is there.
   */
  replaced(): void {
    for (const other of this.#others) this.#forget(other);
    for (const batch of this.#waiting) batch.after = batch.byOffset = 0;
    this.#taken = [];
    this.#newest = 0;
    this.#seenMs = -Infinity;
    this.#aheadMs = Infinity;
  }

  /** Resolves when nothing waits for the log. */
  async settled(): Promise<void> {
    await this.#published;
  }

  /** Publishes nothing more. */
  close(): void {
    this.#closed = true;
  }

  #goOn(): void {
    if (!this.#isPublishing) this.#published = this.#publish();
  }

  #queue(batch: Batch): void {
    this.#waiting.push(batch);
    this.#waitingMembers += sizeOf(batch);
    while (this.#waitingMembers > MOST_WAITING && this.#waiting.length > 2) {
      // Not the first, which may be under way.
      const [dropped] = this.#waiting.splice(1, 1);
      this.#waitingMembers -= sizeOf(dropped!);
      if (!this.#isDropping) {
        const what = `Cannot publish joins and leaves: more than ${MOST_WAITING} wait for the log`;
        this.#options.onError(new LogError("busy", `${what}, and the oldest are dropped`));
      }
      this.#isDropping = true;
    }
  }

  async #publish(): Promise<void> {
    const { onError } = this.#options;
    this.#isPublishing = true;
    let isFailing = false;
    for (let batch = this.#waiting[0]; batch !== undefined && !this.#closed; batch = this.#waiting[0]) {
      try {
        await this.#append(batch);
        isFailing = false;
        this.#isDropping = false;
      } catch (error) {
        if (!isFailing && !this.#closed) onError(error);
        isFailing = true;
        const mayPass = isLogError(error) && error.code !== "closed" && error.message !== LOST;
        if (mayPass) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, RETRY_MS);
            (timer as { unref?: () => void }).unref?.();
          });
          continue;
        }
      }
      this.#waiting.shift();
      this.#waitingMembers -= sizeOf(batch);
    }
    this.#isPublishing = false;
  }

  async #append(batch: Batch): Promise<void> {
    const { log, now } = this.#options;
    for (let late = 0; late < MOST_LATE; late += 1) {
      const window = Math.max(0, Math.floor((this.#seenMs - batch.atMs) / WINDOW_MS));
      const untilMs = batch.atMs + (window + 1) * WINDOW_MS;
      let drafts = eventsOf(batch, untilMs);
      if (window > 0 || late > 0) drafts = await this.#missing(drafts, batch);
      if (drafts.length === 0) return;
      const { last } = await log.append(drafts, { idempotencyKey: eventKey(batch, untilMs) });
      if (now() + this.#aheadMs < untilMs) {
        this.#taken.push({ batch, untilMs, last });
        if (this.#taken.length > MOST_TAKEN) this.#taken.shift();
        return;
      }
      // The log may have taken it too late. What is read next shows it, and what time it is.
    }
    throw new LogError(
      "failed",
      `Cannot publish joins and leaves: they came to the log too late ${MOST_LATE} times`,
    );
  }

  /** Those that are not in the log. */
  async #missing(drafts: readonly Draft[], batch: Batch): Promise<Draft[]> {
    const names = [...new Set(drafts.map(({ topic }) => topic))];
    const there = new Set<string>();
    for (let at = 0; at < names.length; at += MOST_TOPICS) {
      const exact = names.slice(at, at + MOST_TOPICS);
      const topics = { exact, matches: (topic: string) => exact.includes(topic) };
      let end: number | undefined;
      for (let { after } = batch; ;) {
        const request = { topics, after, maxMessages: PAGE_MESSAGES, maxBytes: PAGE_BYTES };
        const { entries, through, lostThrough, head } = await this.#options.log.read(request);
        if (lostThrough > after) throw new LogError("failed", LOST);
        for (const entry of entries) {
          this.seen(entry);
          if (!isLate(entry)) there.add(nameOf(entry));
        }
        end ??= head ?? Infinity;
        if (through >= end || (entries.length === 0 && through <= after)) break;
        after = through;
      }
    }
    return drafts.filter((draft) => !there.has(nameOf(draft)));
  }

  /** Adds what may have to be published before a batch: all that is remembered of its members. */
  #addBefore(batch: Batch, before: Set<Batch>): void {
    for (const member of membersOf(batch)) {
      for (const other of this.#othersOf.get(member) ?? []) before.add(other);
    }
  }

  #remember(batch: Batch): void {
    this.#others.add(batch);
    this.#otherMembers += sizeOf(batch);
    for (const member of membersOf(batch)) {
      let others = this.#othersOf.get(member);
      if (others === undefined) this.#othersOf.set(member, (others = new Set()));
      others.add(batch);
    }
    for (const oldest of this.#others) {
      if (this.#otherMembers <= MOST_REMEMBERED) return;
      this.#forget(oldest);
    }
  }

  #forget(batch: Batch): void {
    this.#others.delete(batch);
    this.#otherMembers -= sizeOf(batch);
    for (const member of membersOf(batch)) {
      const others = this.#othersOf.get(member);
      if (others?.delete(batch) === true && others.size === 0) this.#othersOf.delete(member);
    }
  }
}

function* membersOf({ changes }: Batch): Generator<string> {
  for (const { topic, joined, left } of changes) {
    for (const member of joined) yield `${topic}\n${member}`;
    for (const member of left) yield `${topic}\n${member}`;
  }
}

function sizeOf({ changes }: Batch): number {
  return changes.reduce((sum, { joined, left }) => sum + joined.length + left.length, 0);
}

/** The same in each window. */
function nameOf({ topic, key }: Draft): string {
  return `${topic}\n${recordOfEvent(key)}`;
}

/** What subscribers get with `{ presence: topic }`. */
function eventsOf(batch: Batch, untilMs: number): Draft[] {
  const key = eventKey(batch, untilMs);
  return batch.changes.flatMap((change) => eventsOfOne(change, key));
}

function eventsOfOne({ topic, joined, left, streams, members }: CountedChange, key: string): Draft[] {
  const name = presenceTopicOf(topic);
  if (name.length * 3 > MOST_TOPIC_LENGTH && new TextEncoder().encode(name).length > MOST_TOPIC_LENGTH)
    return [];
  const drafts: Draft[] = [];
  for (let at = 0; at < Math.max(joined.length, left.length); at += MOST_NAMES) {
    const data = {
      topic,
      joined: joined.slice(at, at + MOST_NAMES),
      left: left.slice(at, at + MOST_NAMES),
      members,
      streams,
    };
    const body = new TextEncoder().encode(encode({ event: "presence", data: JSON.stringify(data) }));
    drafts.push({ topic: name, body, key: at === 0 ? key : `${key}/${at}` });
  }
  return drafts;
}
