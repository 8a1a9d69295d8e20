/**
 * Processes with presence on one log, with a clock of their own: the log stands still, refuses, and takes what it does not acknowledge,
 * and processes are cut off from it and die.
 */
import { afterEach, beforeEach, vi } from "vitest";
import {
  type AppendOptions,
  type Appended,
  type Draft,
  type Entry,
  LogError,
  type Page,
  type ReadRequest,
} from "../../packages/tidings/src/log/log.ts";
import { ControlRecords } from "../../packages/tidings/src/server/cluster/control-records.ts";
import { isLate } from "../../packages/tidings/src/server/cluster/presence/event-keys.ts";
import { Members } from "../../packages/tidings/src/server/cluster/presence/members.ts";
import type { ProcessStatistics } from "../../packages/tidings/src/server/cluster/presence/process-records.ts";
import { PROCESSES_TOPIC } from "../../packages/tidings/src/server/topics/reserved-topics.ts";
import { createReader } from "../../packages/tidings/src/wire/reader.ts";

export const LEASE_MS = 4_000;
/** As long as NATS remembers keys by default, which is the least of all logs. */
export const REMEMBERED_MS = 120_000;
/** An append or a read is rejected then. What was sent may arrive all the same, however late. */
const DEADLINE_MS = 10_000;

/** For a file of tests: time passes in {@link run} alone. */
export function useSimulatedTime(): void {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
}

/** A log whose server may hang, refuse, and not acknowledge. */
export class Engine {
  readonly entries: Entry[] = [];
  /** That began on it, and may be dead. */
  readonly processes: Process[] = [];
  readonly #taken = new Map<string, { readonly appended: Appended; readonly atMs: number }>();
  readonly #waiting: (() => void)[] = [];
  #hangs = false;
  /** Its clock is ahead of everyone's. */
  aheadMs = 0;

  begin(name: string, options?: ProcessOptions): Process {
    const process = new Process(this, name, options);
    this.processes.push(process);
    return process;
  }

  hang(): void {
    this.#hangs = true;
  }

  goOn(): void {
    this.#hangs = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** It has lost everything. */
  flush(): void {
    this.entries.length = 0;
    this.#taken.clear();
  }

  async append(drafts: readonly Draft[], { idempotencyKey }: AppendOptions = {}): Promise<Appended> {
    while (this.#hangs) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    const taken = this.#taken.get(idempotencyKey ?? "");
    if (taken !== undefined && Date.now() - taken.atMs < REMEMBERED_MS)
      return { ...taken.appended, repeated: true };
    const first = this.entries.length + 1;
    const atMs = Math.max(Date.now() + this.aheadMs, this.entries.at(-1)?.atMs ?? 0);
    for (const draft of drafts) this.entries.push({ ...draft, offset: this.entries.length + 1, atMs });
    const appended = { first, last: this.entries.length, repeated: false };
    if (idempotencyKey !== undefined) this.#taken.set(idempotencyKey, { appended, atMs: Date.now() });
    return appended;
  }

  async read({ topics, after, maxMessages }: ReadRequest): Promise<Page> {
    while (this.#hangs) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    const entries = this.entries
      .slice(after)
      .filter(({ topic }) => topics.matches(topic))
      .slice(0, maxMessages);
    const through = entries.length < maxMessages ? this.entries.length : entries.at(-1)!.offset;
    return { entries, through, lostThrough: 0 };
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

async function inTime<T>(act: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LogError("failed", "no answer in time")), DEADLINE_MS);
    act()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

export interface ProcessOptions {
  /** Default: true. */
  readonly keepsPresence?: boolean;
  /** Default: 100. */
  readonly maxMembers?: number;
}

/** A process that can be cut off from the log, and die. */
export class Process {
  readonly members: Members;
  readonly #engine: Engine;
  readonly #records: ControlRecords;
  #through: number;
  fault: "none" | "refused" | "not acknowledged" = "none";
  /** Nothing comes from the log, and what is sent to it waits. */
  isCut = false;
  readonly #waiting: (() => void)[] = [];
  readonly present = new Set<string>();
  /** It is gone for good. */
  isDead = false;

  readonly keepsPresence: boolean;

  constructor(engine: Engine, name: string, { keepsPresence = true, maxMembers = 100 }: ProcessOptions = {}) {
    this.keepsPresence = keepsPresence;
    this.#engine = engine;
    this.#through = engine.entries.length;
    this.members = new Members({
      log: {
        append: (drafts, options) => this.#append(drafts, options),
        read: (request) => this.#read(request),
      },
      settings: {
        name,
        leaseMs: LEASE_MS,
        presence: keepsPresence
          ? { matches: () => true, coalesceMs: 50, maxTopics: 100, maxMembers }
          : undefined,
      },
      stats: () => ({}) as ProcessStatistics,
      now: () => Date.now(),
      handedOn: async (offset) => {
        while (this.#through < offset && !this.isDead) await sleep(10);
      },
      onError: () => undefined,
    });
    this.#records = new ControlRecords((error) => {
      throw error;
    }, this.members.takers);
    this.members.start();
  }

  enter(member: string): void {
    if (this.isDead || this.present.has(member)) return;
    this.present.add(member);
    this.members.enter(["a"], member, this);
  }

  leave(member: string): void {
    if (!this.isDead && this.present.delete(member)) this.members.leave(["a"], member, this);
  }

  /** What it has not taken was discarded, and it knows that. */
  misses(): void {
    this.#through = this.#engine.entries.length;
    this.members.lost(false);
  }

  /** Its log was replaced by another one. */
  replaced(): void {
    this.#through = 0;
    this.members.lost(true);
  }

  async drain(): Promise<void> {
    for (const member of this.present) this.leave(member);
    await this.members.close();
    this.isDead = true;
  }

  /** @returns Whether something came. */
  take(evenIfCut = false): boolean {
    if ((this.isCut && !evenIfCut) || this.isDead) return false;
    const before = this.#through;
    for (; this.#through < this.#engine.entries.length; this.#through += 1) {
      const entry = this.#engine.entries[this.#through]!;
      if (entry.topic === PROCESSES_TOPIC) this.#records.take(entry);
    }
    return this.#through > before;
  }

  mend(): void {
    this.isCut = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #read(request: ReadRequest): Promise<Page> {
    return inTime(async () => {
      await this.#arrives();
      if (this.fault !== "none") throw new LogError("failed", this.fault);
      return this.#engine.read(request);
    });
  }

  #append(drafts: readonly Draft[], options?: AppendOptions): Promise<Appended> {
    return inTime(() => this.#appendLate(drafts, options));
  }

  async #arrives(): Promise<void> {
    while (this.isCut || this.isDead) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }

  async #appendLate(drafts: readonly Draft[], options?: AppendOptions): Promise<Appended> {
    await this.#arrives();
    if (this.fault === "refused") throw new LogError("failed", "refused");
    const appended = await this.#engine.append(drafts, options);
    if (this.fault === "not acknowledged") throw new LogError("failed", "not acknowledged");
    return appended;
  }
}

export interface Event {
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

export function eventsOf({ entries }: Engine): Event[] {
  return entries
    .filter((entry) => entry.topic !== PROCESSES_TOPIC && !isLate(entry))
    .flatMap(({ body }) => createReader().read(body))
    .map(({ data }) => JSON.parse(data) as Event);
}

/** Who is there, by what was told. @throws If one joins who is there, or leaves who is not. */
export function whoIsThere(events: readonly Event[]): string[] {
  const there = new Set<string>();
  for (const [at, { joined, left }] of events.entries()) {
    for (const member of left)
      if (!there.delete(member)) throw new Error(`${at}: ${member} left who was not there`);
    for (const member of joined) {
      if (there.has(member)) throw new Error(`${at}: ${member} joined who was there`);
      there.add(member);
    }
  }
  return [...there].sort();
}

/** Real: promises go on meanwhile. */
const turn = setImmediate;

/** What comes from the log is taken every 10 ms. Where nothing came, the time until the next timer is passed over. */
export async function run(processes: readonly Process[], ms: number): Promise<void> {
  const endMs = Date.now() + ms;
  const end = setTimeout(() => undefined, ms);
  for (let isQuiet = false; Date.now() < endMs;) {
    const startMs = Date.now();
    if (isQuiet) vi.advanceTimersToNextTimer();
    vi.advanceTimersByTime(10 - ((Date.now() - startMs) % 10));
    await new Promise<void>((resolve) => void turn(resolve));
    isQuiet = processes.filter((process) => process.take()).length === 0;
  }
  clearTimeout(end);
}

export interface Scene<Processes> {
  readonly engine: Engine;
  readonly processes: Processes;
  /** Time passes for all processes of the log. */
  readonly run: (ms: number) => Promise<void>;
  /** Who joined and left, in the order in which it was published. */
  readonly told: () => string[];
  /** Who is there by that. @throws If one joins who is there, or leaves who is not. */
  readonly there: () => string[];
}

/** Processes of these names on a log of their own. */
export function begin<const Names extends readonly string[]>(
  ...names: Names
): Scene<{ -readonly [At in keyof Names]: Process }> {
  const engine = new Engine();
  const processes = names.map((name) => engine.begin(name));
  return {
    engine,
    processes: processes as { -readonly [At in keyof Names]: Process },
    run: (ms) => run(engine.processes, ms),
    told: () =>
      eventsOf(engine).flatMap(({ joined, left }) => [
        ...left.map((member) => `${member} left`),
        ...joined.map((member) => `${member} joined`),
      ]),
    there: () => whoIsThere(eventsOf(engine)),
  };
}
