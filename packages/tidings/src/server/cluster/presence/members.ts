/**
 * The processes of a log, and who is present in each: what this one tells the others of itself, and what it takes from their
 * records. All take the same records in the same order.
 */
import type { Report } from "../../../guard/foreign.ts";
import type { Entry, Log } from "../../../log/log.ts";
import type { CheckedCluster } from "../cluster-options.ts";
import type { TakeRecord } from "../control-records.ts";
import { Deciders } from "./deciders.ts";
import { Greeting } from "./greeting.ts";
import { LocalPresence, type TopicChange } from "./local-presence.ts";
import { PresenceEvents } from "./presence-events.ts";
import {
  decodeGone,
  decodePresence,
  decodeSign,
  encodeGone,
  encodePresence,
  encodeSign,
  type Gone,
  type PresenceLimits,
  type ProcessIdentity,
  type ProcessStatistics,
  type Progress,
  type Sign,
} from "./process-records.ts";
import { type KnownProcess, type Presence, PresenceParts, ProcessTable } from "./process-table.ts";
import { RecordQueue } from "./record-queue.ts";
import { SignsOfLife } from "./signs-of-life.ts";

export interface MembersOptions {
  readonly log: Pick<Log, "append" | "read">;
  readonly settings: CheckedCluster;
  readonly stats: () => ProcessStatistics;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Resolves when the log's entries up to an offset were taken. */
  readonly handedOn: (offset: number, withinMs: number) => Promise<void>;
  readonly onError: Report;
}

/** What a record says of changes. */
interface Said {
  /** The processes that publish them, the one that is answerable first. None: any process that can. */
  readonly publishers: readonly string[];
  /** What the process had is known here: they are what all find. */
  readonly isKnown: boolean;
  /** The process that is gone by that. */
  readonly gone?: string;
}

const INTRODUCE_MS = 50;
/** How long the others have to introduce themselves to one that greets them. */
const MOST_ANSWER_MS = 1_000;
/** How long a hub that drains waits for the log to take its leave. */
const LEAVE_MS = 2_000;
/** Names under which others may have declared this process gone, that are remembered. */
const MOST_IDS = 100;

export class Members {
  readonly table: ProcessTable<ProcessStatistics>;
  readonly #options: MembersOptions;
  readonly #limits: PresenceLimits | undefined;
  readonly #local: LocalPresence | undefined;
  readonly #events: PresenceEvents;
  readonly #records: RecordQueue;
  readonly #signs: SignsOfLife;
  readonly #deciders: Deciders;
  readonly #greeting: Greeting;
  /** Its id, and those of before. */
  readonly #ids = new Set<string>();
  /** All of a process's presence comes in parts. */
  readonly #parts = new Map<string, PresenceParts>();
  readonly #startedAtMs = Date.now();
  #identity: ProcessIdentity;
  /** The newest record that came. */
  #heard = 0;
  /** What has to be told at the next flush: everything, or what changed. */
  #tellAll = false;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #introduceTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: MembersOptions) {
    const { settings, now } = options;
    const { presence } = settings;
    this.#options = options;
    this.#identity = this.#newIdentity();
    this.#limits = presence && { maxTopics: presence.maxTopics, maxMembers: presence.maxMembers };
    this.#local = presence && new LocalPresence(presence);
    this.table = new ProcessTable(this.#limits ?? { maxTopics: 0, maxMembers: 0 });
    this.#events = new PresenceEvents(options);
    this.#records = new RecordQueue({
      ...options,
      onMissed: () => (this.#tellAll = true),
      // The others may not have been greeted yet.
      onAgain: () => (this.#greeting.isUnderWay && !this.#closed ? this.#greet() : this.#introduceSoon()),
    });
    this.#signs = new SignsOfLife({
      table: this.table,
      leaseMs: settings.leaseMs,
      now,
      self: () => this.id,
      onDue: () => this.#giveSign(),
      onSilent: (process) => this.#declareGone(process),
    });
    this.#greeting = new Greeting({
      answerMs: Math.min(MOST_ANSWER_MS, settings.leaseMs / 4),
      now,
      onDue: () => this.#giveSign(),
    });
    this.#deciders = new Deciders({
      table: this.table,
      keepsPresence: presence !== undefined,
      self: () => this.id,
      isSilent: (process) => this.#signs.isSilent(process),
    });
  }

  get id(): string {
    return this.#identity.id;
  }

  /** Introduces this process to the others, who answer with what they have. */
  start(): void {
    this.#greet();
    this.#signs.start();
  }

  presence(topic: string): Presence {
    return this.table.presence(topic);
  }

  enter(names: readonly string[], subscriber: string | undefined, stream: object): void {
    if (this.#local?.enter(names, subscriber, stream) === true) this.#flushSoon();
  }

  leave(names: readonly string[], subscriber: string | undefined, stream: object): void {
    if (this.#local?.leave(names, subscriber, stream) === true) this.#flushSoon();
  }

  /** Nothing comes from the log, or it comes again. */
  interrupted(isInterrupted: boolean): void {
    this.#signs.interrupted(isInterrupted);
  }

  /**
   * Records may be lost: the others are asked for everything.
   * @param isReplaced - All records: their offsets mean nothing in the log that has replaced the one before.
   */
  lost(isReplaced: boolean): void {
    if (this.#closed) return;
    this.#signs.hearAll();
    this.#deciders.lost();
    if (isReplaced) {
      this.#heard = 0;
      this.#records.replaced();
      this.#parts.clear();
      this.table.replaced();
      this.#events.replaced();
    }
    for (const process of this.table) {
      process.isGreeted = false;
      process.isWhole = process.id === this.id;
    }
    this.#greet();
  }

  /** What takes the records of each kind. */
  get takers(): Record<string, TakeRecord> {
    return {
      hello: ({ fields }, entry) => this.#hello(decodeSign(fields), entry),
      alive: ({ fields }, entry) => this.#alive(decodeSign(fields), entry),
      presence: ({ fields }, entry) => this.#presence(decodePresence(fields), entry),
      gone: ({ fields }, entry) => this.#gone(decodeGone(fields), entry),
    };
  }

  /** Tells the others that this process leaves, and its members with it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#signs.stop();
    this.#records.stopRetrying();
    for (const waiting of [this.#flushTimer, this.#introduceTimer]) clearTimeout(waiting);
    this.#flush();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, LEAVE_MS)));
    await Promise.race([this.#sayGoodbye(), patience]);
    clearTimeout(timer);
    this.#closed = true;
    this.#records.close();
    this.#events.close();
    // A stream may have left meanwhile. Nothing is told any more, and the process has nothing to wait for.
    this.#greeting.stop();
    clearTimeout(this.#flushTimer);
  }

  async #sayGoodbye(): Promise<void> {
    await this.#records.settled;
    // Then it is known who has left, and published.
    await this.#options.handedOn(this.#records.lastOffset, LEAVE_MS);
    await this.#events.settled();
    const { id } = this;
    const published = this.#events.publishedThrough;
    await this.#records.append([encodeGone({ id, by: id, published, publishers: [id] })]);
  }

  #newIdentity(): ProcessIdentity {
    const { name, leaseMs } = this.#options.settings;
    const id = Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
    this.#ids.add(id);
    if (this.#ids.size > MOST_IDS) this.#ids.delete(this.#ids.values().next().value!);
    return { id, name: name ?? id, startedAtMs: this.#startedAtMs, leaseMs };
  }

  #greet(): void {
    this.#greeting.given();
    // One that has missed something begins anew with this record: it does not say since when.
    const { since } = this.#deciders;
    const progress = { heard: this.#heard, ...(since > 0 && { since }) };
    void this.#records.append([encodeSign("hello", this.#sign(progress))]);
    this.#introduce();
  }

  #sign(progress: Partial<Progress>): Sign {
    const { stats, now } = this.#options;
    return { identity: this.#identity, givenMs: now(), stats: stats(), limits: this.#limits, progress };
  }

  /** Tells all there is of this process. */
  #introduce(): void {
    this.#giveSign();
    this.#tellAll = true;
    this.#flushSoon();
  }

  /** Those that begin together are answered together. */
  #introduceSoon(): void {
    if (this.#closed) return;
    this.#introduceTimer ??= setTimeout(() => {
      this.#introduceTimer = undefined;
      this.#introduce();
    }, INTRODUCE_MS);
    (this.#introduceTimer as { unref?: () => void }).unref?.();
  }

  #giveSign(): void {
    this.#signs.given();
    const progress = {
      published: this.#events.publishedThrough,
      heard: this.#heard,
      since: this.#deciders.since,
      allSignedAt: this.#deciders.allSignedAt(this.#heard),
      knowsAll: this.#deciders.knowsAll,
    };
    void this.#records.append([encodeSign("alive", this.#sign(progress))]);
  }

  #declareGone(process: KnownProcess<ProcessStatistics>): void {
    const { id, seenAt, isWhole } = process;
    // What it does not know of that process, another one may.
    const publishers = this.#deciders.publishers.filter((one) => isWhole || one !== this.id);
    const gone = encodeGone({ id, by: this.id, seenAt, publishers });
    // All that notice say it once. But one that has missed records may have missed this one: it has to come again.
    void this.#records.append([gone], `gone/${id}/${seenAt}${isWhole ? "" : `/${this.id}`}`);
  }

  #hello(sign: Sign & { readonly progress: Progress }, entry: Entry): void {
    this.#hear(entry);
    // Also by itself: it may be declared gone before it says anything else, and has to take that as all others do.
    this.#see(sign, entry, true);
    if (sign.identity.id !== this.id) return this.#introduceSoon();
    this.#deciders.greeted(entry.offset);
    this.#greeting.cameBack();
  }

  #alive(sign: Sign & { readonly progress: Progress }, entry: Entry): void {
    this.#hear(entry);
    const { identity, progress, givenMs } = sign;
    this.#events.published(identity.id, progress.published);
    this.#see(sign, entry, false);
    if (identity.id !== this.id) return this.#deciders.informedBy(progress);
    this.#signs.cameBack();
    // It did not give one of the future.
    if (givenMs > this.#options.now()) return;
    this.#events.heard(entry, givenMs);
    if (!this.#greeting.signCameBack(givenMs)) return;
    this.#deciders.learned();
    this.#flush();
  }

  #hear(entry: Entry): void {
    this.#heard = entry.offset;
    this.#events.seen(entry);
  }

  #see(
    { identity, stats, limits, progress }: Sign & { readonly progress: Progress },
    { offset }: Entry,
    isHello: boolean,
  ): void {
    const isKnown = identity.id === this.id || this.table.get(identity.id) !== undefined;
    if (!isKnown && !this.#deciders.mayBeNew(progress.heard, isHello)) return;
    const wasGone = this.table.isGone(identity.id, 0);
    const process = this.table.add(identity, progress.heard ?? Infinity);
    if (process === undefined) return;
    // It was declared gone in error, which could not be known here: it is asked what it has.
    if (wasGone && process.seenAt === 0) this.#greet();
    if (isHello && process.seenAt === 0) process.isGreeted = true;
    process.seenMs = this.#options.now();
    process.seenAt = offset;
    process.heard = progress.heard ?? offset;
    process.stats = stats;
    process.knowsAll = progress.knowsAll;
    if (progress.since > 0) process.since = progress.since;
    else if (isHello) process.since = offset;
    this.table.limit(process, limits);
  }

  #presence(
    { process: id, publishers, changes, all }: ReturnType<typeof decodePresence>,
    entry: Entry,
  ): void {
    this.#hear(entry);
    const process = this.table.get(id);
    // One that was declared gone, and has not noticed yet.
    if (process === undefined) return;
    process.seenMs = this.#options.now();
    process.seenAt = entry.offset;
    const said = { publishers, isKnown: process.isWhole || all?.begins === true };
    if (all === undefined) return this.#publish(this.table.apply(process, changes), said, entry);
    if (all.first) this.#parts.set(id, new PresenceParts(this.#options.settings.presence));
    const parts = this.#parts.get(id);
    if (parts === undefined) return;
    for (const change of changes) parts.add(change);
    if (!all.last) return;
    this.#parts.delete(id);
    process.isWhole = true;
    this.#publish(this.table.replace(process, parts.changes), said, entry);
  }

  #gone({ id, by, seenAt, published, publishers }: Gone, entry: Entry): void {
    this.#hear(entry);
    // It may have been long under way.
    const process = this.table.get(id);
    if ((process?.seenAt ?? 0) > seenAt) return;
    this.#parts.delete(id);
    this.#events.published(id, published);
    const said = { publishers, isKnown: process?.isWhole === true, gone: id };
    this.#publish(this.table.remove(id, entry.offset), said, entry);
    if (id !== this.id || by === this.id) return;
    // The others have taken it for dead: it joins again, as another.
    this.#identity = this.#newIdentity();
    this.#greet();
  }

  /**
   * Who joined and left is published once: by the processes that the record names. If those were declared gone before the record
   * came, nobody would notice that they do not; one that drains is no more there, and one without presence cannot. Then all do that
   * know everyone, and the log takes what is first.
   */
  #publish(changes: readonly TopicChange[], { publishers, isKnown, gone }: Said, entry: Entry): void {
    const isNamed = publishers.some((id) => this.#ids.has(id));
    const isKept = (isNamed && (gone === undefined || isKnown)) || (isKnown && !this.#deciders.isLearning);
    const counted = changes.map((change) => ({ ...change, ...this.table.countsOf(change.topic) }));
    const named = publishers.find((id) => id !== gone && this.table.get(id) !== undefined);
    const by = named ?? this.#deciders.oldest;
    this.#events.add(isKept ? counted : [], entry, {
      by,
      isOurs: isNamed || by === this.id || (named === undefined && this.#deciders.knowsAll),
      ...(gone !== undefined && { gone }),
    });
  }

  #flushSoon(): void {
    if (this.#local === undefined || this.#flushTimer !== undefined || this.#closed) return;
    // It holds the process: what has changed is told before that ends by itself.
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = undefined;
      this.#flush();
    }, this.#options.settings.presence!.coalesceMs);
  }

  #flush(): void {
    if (this.#local === undefined || !this.#greeting.isAnswered) return;
    const all = this.#tellAll;
    this.#tellAll = false;
    const changes = all ? this.#local.takeAll() : this.#local.takeChanges();
    if (!all && changes.length === 0) return;
    const begins = this.table.get(this.id)?.isWhole !== true;
    const publishers = this.#deciders.publishers.filter((id) => id !== this.id);
    const head = { process: this.id, publishers, all: all ? { begins } : undefined };
    void this.#records.append(encodePresence(head, changes));
  }
}
