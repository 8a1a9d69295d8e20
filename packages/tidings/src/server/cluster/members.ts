/**
 * Which processes share the log, and who is present in each. A process gives a sign of life four times in a lease; one that
 * gives none for three quarters of it is declared gone by whichever process notices first, in the log, so that all agree.
 */
import type { Report } from "../../guard/foreign.ts";
import type { Draft, Log } from "../../log/log.ts";
import { encode } from "../../wire/encode.ts";
import { presenceTopicOf, PROCESSES_TOPIC } from "../topics/reserved-topics.ts";
import type { CheckedCluster } from "./cluster-options.ts";
import { type ControlRecord, encodeRecord } from "./control-record.ts";
import { LocalPresence, type TopicChange } from "./local-presence.ts";
import {
  decodeAlive,
  decodePresence,
  encodeAlive,
  encodePresence,
  type ProcessIdentity,
  type ProcessStatistics,
  textOf,
} from "./process-records.ts";
import { type Presence, PresenceParts, ProcessTable } from "./process-table.ts";

export interface MembersOptions {
  readonly log: Pick<Log, "append">;
  readonly settings: CheckedCluster;
  readonly stats: () => ProcessStatistics;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Resolves when the log's entries up to an offset were taken. */
  readonly handedOn: (offset: number, withinMs: number) => Promise<void>;
  readonly onError: Report;
}

/** Names in one event. */
const MOST_NAMES = 1_000;
const MOST_TOPIC_LENGTH = 1_024;
/** The wait after the log could not take a record. */
const RETRY_MS = 1_000;
const INTRODUCE_MS = 50;
/** How long the others have to introduce themselves to one that begins. */
const MOST_HELD_MS = 1_000;
/** Appends that wait for the log. */
const MOST_WAITING = 100;
/** How long a hub that drains waits for the log to take its leave. */
const LEAVE_MS = 2_000;

export class Members {
  readonly table: ProcessTable<ProcessStatistics>;
  readonly #options: MembersOptions;
  readonly #local: LocalPresence | undefined;
  /** All of a process's presence comes in parts. */
  readonly #parts = new Map<string, PresenceParts>();
  readonly #startedAtMs = Date.now();
  #identity: ProcessIdentity;
  #appends: Promise<void> = Promise.resolve();
  #waiting = 0;
  #lastOffset = 0;
  /** What has to be told at the next flush: everything, or what changed. */
  #tellAll = false;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #introduceTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #tickTimer: ReturnType<typeof setInterval> | undefined;
  #tickedMs: number;
  #toldMs = -Infinity;
  /** It says nothing of its own members before it knows those of the others: who joins there already does not join here. */
  #heldUntilMs = 0;
  #interrupted = false;
  #closed = false;

  constructor(options: MembersOptions) {
    const { settings, now } = options;
    this.#options = options;
    this.#identity = this.#newIdentity();
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
    this.#tickTimer = setInterval(() => this.#tick(), this.#options.settings.leaseMs / 8);
    // A number in browsers and Workers.
    (this.#tickTimer as { unref?: () => void }).unref?.();
  }

  presence(topic: string): Presence {
    return this.table.presence(topic);
  }

  enter(names: readonly string[], subscriber: string | undefined): void {
    if (this.#local?.enter(names, subscriber) === true) this.#flushSoon();
  }

  leave(names: readonly string[], subscriber: string | undefined): void {
    if (this.#local?.leave(names, subscriber) === true) this.#flushSoon();
  }

  /** Nothing comes from the log: the others cannot be heard, which does not mean that they are gone. */
  interrupted(isInterrupted: boolean): void {
    this.#interrupted = isInterrupted;
    this.#hearAll();
  }

  /** Records may be lost: the others are asked for everything. */
  lost(): void {
    if (this.#closed) return;
    this.#hearAll();
    this.#hello();
  }

  /** What takes the records of each kind. */
  get takers(): Record<string, (record: ControlRecord) => void> {
    return {
      hello: ({ fields }) => {
        if (textOf(fields, "id") === this.id) return;
        this.#alive(fields);
        this.#introduceSoon();
      },
      alive: ({ fields }) => this.#alive(fields),
      presence: ({ fields }) => this.#presence(fields),
      gone: ({ fields }) => this.#gone(textOf(fields, "process"), textOf(fields, "by")),
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
    // A stream may have left meanwhile. Nothing is told any more, and the process has nothing to wait for.
    clearTimeout(this.#flushTimer);
  }

  async #sayGoodbye(): Promise<void> {
    await this.#appends;
    // Then it is known who has left, and published.
    await this.#options.handedOn(this.#lastOffset, LEAVE_MS);
    await this.#append([encodeRecord(PROCESSES_TOPIC, "gone", { process: this.id, by: this.id })]);
  }

  #newIdentity(): ProcessIdentity {
    const { name, leaseMs } = this.#options.settings;
    const id = Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
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
    void this.#append([encodeAlive(this.#identity, this.#options.stats())]);
  }

  #tick(): void {
    const { now, settings } = this.#options;
    const nowMs = now();
    // This process was suspended: it has received nothing, although others may have sent something.
    if (nowMs - this.#tickedMs > settings.leaseMs / 4) this.#hearAll();
    this.#tickedMs = nowMs;
    if (nowMs - this.#toldMs >= settings.leaseMs / 4 - 1) this.#tellAlive();
    if (this.#interrupted) return;
    for (const { id, seenMs, leaseMs } of this.table) {
      if (id === this.id || nowMs - seenMs < leaseMs * 0.75) continue;
      void this.#append([encodeRecord(PROCESSES_TOPIC, "gone", { process: id, by: this.id })], `gone/${id}`);
    }
  }

  #hearAll(): void {
    const nowMs = this.#options.now();
    for (const process of this.table) process.seenMs = nowMs;
  }

  #alive(fields: Readonly<Record<string, unknown>>): void {
    const { identity, stats } = decodeAlive(fields);
    const process = this.table.add({ ...identity, seenMs: 0, stats: undefined });
    if (process === undefined) return;
    process.seenMs = this.#options.now();
    process.stats = stats;
  }

  #presence(fields: Readonly<Record<string, unknown>>): void {
    const { process: id, changes, all } = decodePresence(fields);
    const process = this.table.get(id);
    // One that was declared gone, and has not noticed yet.
    if (process === undefined) return;
    process.seenMs = this.#options.now();
    if (all === undefined) return this.#publish(this.table.apply(process, changes), id);
    if (all.first) this.#parts.set(id, new PresenceParts(this.#options.settings.presence));
    const parts = this.#parts.get(id);
    if (parts === undefined) return;
    for (const change of changes) parts.add(change);
    if (!all.last) return;
    this.#parts.delete(id);
    this.#publish(this.table.replace(process, parts.changes), id);
  }

  #gone(id: string, by: string): void {
    this.#parts.delete(id);
    this.#publish(this.table.remove(id), by);
    if (id !== this.id || by === this.id) return;
    // The others have taken it for dead: it joins again, as another.
    this.#identity = this.#newIdentity();
    this.#hello();
  }

  /** Who joined and left is published once: by the process whose record says so. */
  #publish(changes: readonly TopicChange[], by: string): void {
    if (by !== this.id || changes.length === 0) return;
    const drafts = changes.flatMap((change) => eventsOf(change, this.table.presence(change.topic)));
    if (drafts.length > 0) void this.#append(drafts);
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
    if (all || changes.length > 0) void this.#append(encodePresence(this.id, changes, all));
  }

  /** Appends in turn. What the log could not take is told again with everything else. */
  #append(drafts: readonly Draft[], idempotencyKey?: string): Promise<void> {
    const { log, onError } = this.#options;
    if (this.#waiting >= MOST_WAITING) {
      // The log stands still.
      this.#tellAll = true;
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
      }
    });
    return this.#appends;
  }
}

/** What subscribers get with `{ presence: topic }`. */
function eventsOf({ topic, joined, left }: TopicChange, { streams, members }: Presence): Draft[] {
  const name = presenceTopicOf(topic);
  if (name.length * 3 > MOST_TOPIC_LENGTH && new TextEncoder().encode(name).length > MOST_TOPIC_LENGTH)
    return [];
  const drafts: Draft[] = [];
  for (let at = 0; at < Math.max(joined.length, left.length); at += MOST_NAMES) {
    const data = {
      topic,
      joined: joined.slice(at, at + MOST_NAMES),
      left: left.slice(at, at + MOST_NAMES),
      members: members.length,
      streams,
    };
    const body = new TextEncoder().encode(encode({ event: "presence", data: JSON.stringify(data) }));
    drafts.push({ topic: name, body });
  }
  return drafts;
}
