/**
 * Which processes share the log, and who is present in each. A process gives a sign of life four times in a lease; one that
 * gives none for three quarters of it is declared gone by whichever process notices first, in the log, so that all agree.
 *
 * Only time counts in which this process hears the log: it is heard as long as its own signs of life come back from it in time.
 * Nobody can give one while the log is away, and a process that was suspended or cut off did not hear the others.
 */
import type { Report } from "../../../guard/foreign.ts";
import type { Draft, Entry, Log } from "../../../log/log.ts";
import { PROCESSES_TOPIC } from "../../topics/reserved-topics.ts";
import type { CheckedCluster } from "../cluster-options.ts";
import { encodeRecord } from "../control-record.ts";
import type { TakeRecord } from "../control-records.ts";
import { LocalPresence, type TopicChange } from "./local-presence.ts";
import { PresenceEvents } from "./presence-events.ts";
import {
  decodeAlive,
  decodeGone,
  decodePresence,
  encodeAlive,
  encodePresence,
  type ProcessIdentity,
  type ProcessStatistics,
  textOf,
} from "./process-records.ts";
import { type KnownProcess, type Presence, PresenceParts, ProcessTable } from "./process-table.ts";

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
  /** The process that publishes them. Undefined: any process that can. */
  readonly by: string | undefined;
  /** What the process had is known here: they are what all find. */
  readonly isKnown: boolean;
  /** The process that is gone by that. */
  readonly gone?: string;
}

/** The wait after the log could not take a record. */
const RETRY_MS = 1_000;
const INTRODUCE_MS = 50;
/** How long the others have to introduce themselves to one that begins. */
const MOST_HELD_MS = 1_000;
/** Appends that wait for the log. */
const MOST_WAITING = 100;
/** How long a hub that drains waits for the log to take its leave. */
const LEAVE_MS = 2_000;
/** Names under which others may have declared this process gone, that are remembered. */
const MOST_IDS = 100;

export class Members {
  readonly table: ProcessTable<ProcessStatistics>;
  readonly #options: MembersOptions;
  readonly #local: LocalPresence | undefined;
  readonly #events: PresenceEvents;
  /** Its id, and those of before. */
  readonly #ids = new Set<string>();
  /** All of a process's presence comes in parts. */
  readonly #parts = new Map<string, PresenceParts>();
  readonly #startedAtMs = Date.now();
  #identity: ProcessIdentity;
  #appends: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Some of it was not even asked to be appended. */
  #isBehind = false;
  #lastOffset = 0;
  /** The newest record that came. */
  #heard = 0;
  /** What has to be told at the next flush: everything, or what changed. */
  #tellAll = false;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #introduceTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #tickTimer: ReturnType<typeof setInterval> | undefined;
  #tickedMs: number;
  #toldMs = -Infinity;
  /** When it gave the sign of life that has not come back from the log yet. */
  #unheardMs: number | undefined;
  /** It says nothing of its own members before it knows those of the others: who joins there already does not join here. */
  #heldUntilMs = 0;
  /** Until then, somebody may have been dead when it began, and not be declared gone. */
  #knowsAllFromMs = Infinity;
  /** It does not know who is present elsewhere until then, and takes for changes what is none. */
  #learningUntilMs = 0;
  #interrupted = false;
  #closed = false;

  constructor(options: MembersOptions) {
    const { settings, now } = options;
    this.#options = options;
    this.#identity = this.#newIdentity();
    this.#events = new PresenceEvents(options);
    this.#local = settings.presence && new LocalPresence(settings.presence);
    this.table = new ProcessTable(settings.presence ?? { maxTopics: 0, maxMembers: 0 });
    this.#tickedMs = now();
  }

  get id(): string {
    return this.#identity.id;
  }

  /** Introduces this process to the others, who answer with what they have. */
  start(): void {
    this.#hello();
    this.#learningUntilMs = this.#heldUntilMs;
    this.#knowsAllFromMs = this.#options.now() + this.#options.settings.leaseMs * 1.25;
    this.#tickTimer = setInterval(() => this.#tick(), this.#options.settings.leaseMs / 8);
    // A number in browsers and Workers.
    (this.#tickTimer as { unref?: () => void }).unref?.();
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

  /** Nothing comes from the log: the others cannot be heard, which does not mean that they are gone. */
  interrupted(isInterrupted: boolean): void {
    this.#interrupted = isInterrupted;
    this.#hearAll();
  }

  /**
   * Records may be lost: the others are asked for everything.
   * @param isReplaced - All records: their offsets mean nothing in the log that has replaced the one before.
   */
  lost(isReplaced: boolean): void {
    if (this.#closed) return;
    this.#hearAll();
    if (isReplaced) {
      this.#lastOffset = this.#heard = 0;
      this.#parts.clear();
      for (const process of this.table) process.seenAt = 0;
      this.#events.replaced();
    }
    for (const process of this.table) process.isWhole = process.id === this.id;
    this.#hello();
    this.#learningUntilMs = this.#heldUntilMs;
  }

  /** What takes the records of each kind. */
  get takers(): Record<string, TakeRecord> {
    return {
      hello: ({ fields }, entry) => {
        this.#hear(entry);
        // Also by itself: it may be declared gone before it says anything else, and has to take that as all others do.
        this.#see(decodeAlive(fields), entry);
        if (textOf(fields, "id") !== this.id) this.#introduceSoon();
      },
      alive: ({ fields }, entry) => this.#alive(fields, entry),
      presence: ({ fields }, entry) => this.#presence(fields, entry),
      gone: ({ fields }, entry) => this.#gone(decodeGone(fields), entry),
    };
  }

  /** Tells the others that this process leaves, and its members with it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    clearInterval(this.#tickTimer);
    for (const waiting of [this.#flushTimer, this.#introduceTimer, this.#retryTimer]) clearTimeout(waiting);
    this.#flush();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, LEAVE_MS)));
    await Promise.race([this.#sayGoodbye(), patience]);
    clearTimeout(timer);
    this.#closed = true;
    this.#events.close();
    // A stream may have left meanwhile. Nothing is told any more, and the process has nothing to wait for.
    clearTimeout(this.#flushTimer);
  }

  async #sayGoodbye(): Promise<void> {
    await this.#appends;
    // Then it is known who has left, and published.
    await this.#options.handedOn(this.#lastOffset, LEAVE_MS);
    await this.#events.settled();
    const published = this.#events.publishedThrough;
    await this.#append([encodeRecord(PROCESSES_TOPIC, "gone", { process: this.id, by: this.id, published })]);
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

  #hello(): void {
    const { now, settings } = this.#options;
    this.#heldUntilMs = now() + Math.min(MOST_HELD_MS, settings.leaseMs / 4);
    void this.#append([
      encodeRecord(PROCESSES_TOPIC, "hello", { ...this.#identity, stats: this.#options.stats() }),
    ]);
    this.#introduce();
  }

  /** Tells all there is of this process. */
  #introduce(): void {
    this.#tellAlive();
    this.#tellAll = true;
    this.#flushSoon();
  }

  /** Those that begin together are answered together. */
  #introduceSoon(): void {
    this.#introduceTimer ??= setTimeout(() => {
      this.#introduceTimer = undefined;
      this.#introduce();
    }, INTRODUCE_MS);
    (this.#introduceTimer as { unref?: () => void }).unref?.();
  }

  #tellAlive(): void {
    this.#toldMs = this.#options.now();
    this.#unheardMs ??= this.#toldMs;
    const progress = {
      published: this.#events.publishedThrough,
      heard: this.#heard,
      knowsAll: this.#local !== undefined && this.#knowsAll,
    };
    void this.#append([encodeAlive(this.#identity, this.#options.stats(), progress)]);
  }

  #tick(): void {
    const { now, settings } = this.#options;
    const nowMs = now();
    // This process was suspended: it has received nothing, although others may have sent something.
    const wasSuspended = nowMs - this.#tickedMs > settings.leaseMs / 4;
    if (wasSuspended || this.#isUnheard(nowMs)) this.#hearAll();
    this.#tickedMs = nowMs;
    if (nowMs - this.#toldMs >= settings.leaseMs / 4 - 1) this.#tellAlive();
    if (this.#interrupted) return;
    for (const { id, seenMs, seenAt, leaseMs, isWhole } of this.table) {
      if (id === this.id || nowMs - seenMs < leaseMs * 0.75) continue;
      const publishes = isWhole && this.#local !== undefined;
      const gone = encodeRecord(PROCESSES_TOPIC, "gone", { process: id, by: this.id, seenAt, publishes });
      void this.#append([gone], `gone/${id}/${seenAt}`);
    }
  }

  #hearAll(): void {
    const nowMs = this.#options.now();
    for (const process of this.table) process.seenMs = nowMs;
  }

  /** Whether what the log takes does not come back in time. */
  #isUnheard(nowMs: number): boolean {
    return this.#unheardMs !== undefined && nowMs - this.#unheardMs > this.#options.settings.leaseMs / 4;
  }

  #alive(fields: Readonly<Record<string, unknown>>, entry: Entry): void {
    this.#hear(entry);
    const said = decodeAlive(fields);
    this.#events.published(said.identity.id, said.progress.published);
    if (said.identity.id === this.id) {
      if (this.#unheardMs !== undefined) this.#events.heard(entry, this.#unheardMs);
      if (this.#isUnheard(this.#options.now())) this.#hearAll();
      this.#unheardMs = undefined;
    }
    this.#see(said, entry);
  }

  #hear(entry: Entry): void {
    this.#heard = entry.offset;
    this.#events.seen(entry);
  }

  #see({ identity, stats, progress }: ReturnType<typeof decodeAlive>, { offset }: Entry): void {
    const wasGone = this.table.isGone(identity.id, 0);
    const added = { ...identity, seenMs: 0, seenAt: 0, stats: undefined, isWhole: false, knowsAll: false };
    const process = this.table.add(added, progress.heard);
    if (process === undefined) return;
    // It was declared gone in error, which could not be known here: it is asked what it has.
    if (wasGone && process.seenAt === 0) this.#hello();
    process.seenMs = this.#options.now();
    process.seenAt = offset;
    process.stats = stats;
    process.knowsAll = progress.knowsAll;
  }

  #presence(fields: Readonly<Record<string, unknown>>, entry: Entry): void {
    this.#hear(entry);
    const { process: id, publisher, changes, all } = decodePresence(fields);
    const process = this.table.get(id);
    // One that was declared gone, and has not noticed yet.
    if (process === undefined) return;
    process.seenMs = this.#options.now();
    process.seenAt = entry.offset;
    const said = { by: publisher, isKnown: process.isWhole || all?.begins === true };
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

  #gone({ id, by, seenAt, published, publishes }: ReturnType<typeof decodeGone>, entry: Entry): void {
    this.#hear(entry);
    // It may have been long under way.
    const process = this.table.get(id);
    if ((process?.seenAt ?? 0) > seenAt) return;
    this.#parts.delete(id);
    this.#events.published(id, published);
    const said = { by: publishes ? by : undefined, isKnown: process?.isWhole === true, gone: id };
    this.#publish(this.table.remove(id, entry.offset), said, entry);
    if (id !== this.id || by === this.id) return;
    // The others have taken it for dead: it joins again, as another.
    this.#identity = this.#newIdentity();
    this.#hello();
  }

  /**
   * Who joined and left is published once: by the process whose record says so. If that one was declared gone before its record
   * came, nobody would notice that it does not; one that drains is no more there, and one without presence cannot. Then all do,
   * and the log takes what is first.
   */
  #publish(changes: readonly TopicChange[], { by, isKnown, gone }: Said, entry: Entry): void {
    const isOwn = by !== undefined && this.#ids.has(by);
    const isKept = isOwn || (isKnown && this.#options.now() >= this.#learningUntilMs);
    const isNobodys = by === undefined || by === gone || this.table.get(by) === undefined;
    const counted = changes.map((change) => ({ ...change, ...this.table.countsOf(change.topic) }));
    this.#events.add(isKept ? counted : [], entry, {
      by: by ?? "",
      isOurs: isOwn || (isNobodys && isKept),
      ...(gone !== undefined && { gone }),
    });
  }

  #flushSoon(): void {
    if (this.#local === undefined || this.#flushTimer !== undefined || this.#closed) return;
    const { now, settings } = this.#options;
    const afterMs = Math.max(settings.presence!.coalesceMs, this.#heldUntilMs - now());
    // It holds the process: what has changed is told before that ends by itself, within a second or coalesceMs.
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = undefined;
      this.#flush();
    }, afterMs);
  }

  #flush(): void {
    if (this.#local === undefined) return;
    const all = this.#tellAll;
    this.#tellAll = false;
    const changes = all ? this.#local.takeAll() : this.#local.takeChanges();
    const begins = this.table.get(this.id)?.isWhole !== true;
    if (all || changes.length > 0)
      void this.#append(
        encodePresence(
          { process: this.id, publisher: this.#publisher, all: all ? { begins } : undefined },
          changes,
        ),
      );
  }

  get #knowsAll(): boolean {
    return this.#options.now() >= this.#knowsAllFromMs;
  }

  /**
   * One that does not know everyone leaves it to one that does: who joins here may be present in a process that died before this one
   * began, and has not left yet.
   */
  get #publisher(): string | undefined {
    if (this.#knowsAll) return undefined;
    let newest: KnownProcess<ProcessStatistics> | undefined;
    for (const process of this.table) {
      if (process.id !== this.id && process.knowsAll && process.seenAt > (newest?.seenAt ?? 0))
        newest = process;
    }
    return newest?.id;
  }

  /** Appends in turn. What the log could not take is told again with everything else. */
  #append(drafts: readonly Draft[], idempotencyKey?: string): Promise<void> {
    const { log, onError } = this.#options;
    if (this.#waiting >= MOST_WAITING) {
      // The log stands still. What this says is told with everything else, once the log has taken what waits.
      this.#isBehind = true;
      return this.#appends;
    }
    this.#waiting += 1;
    this.#appends = this.#appends.then(async () => {
      try {
        if (this.#closed) return;
        const { last } = await log.append(drafts, idempotencyKey === undefined ? {} : { idempotencyKey });
        if (idempotencyKey === undefined) this.#lastOffset = last;
      } catch (error) {
        onError(error);
        this.#tellAll = true;
        this.#retryTimer ??= setTimeout(() => {
          this.#retryTimer = undefined;
          this.#introduceSoon();
        }, RETRY_MS);
        (this.#retryTimer as { unref?: () => void }).unref?.();
      } finally {
        this.#waiting -= 1;
        if (this.#waiting === 0 && this.#isBehind && !this.#closed) {
          this.#isBehind = false;
          this.#introduceSoon();
        }
      }
    });
    return this.#appends;
  }
}
