/**
 * Presence in processes of one log, which stands still, refuses, and takes what it does not acknowledge, while processes are
 * cut off and die: for who watches, joins and leaves of each member alternate, and at the end they say who is there.
 */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import {
  type AppendOptions,
  type Appended,
  type Draft,
  type Entry,
  LogError,
  type Page,
  type ReadRequest,
} from "../../../log/log.ts";
import { createReader } from "../../../wire/reader.ts";
import { PROCESSES_TOPIC } from "../../topics/reserved-topics.ts";
import { encodeRecord } from "../control-record.ts";
import { ControlRecords } from "../control-records.ts";
import { isLate } from "./event-keys.ts";
import { Members } from "./members.ts";
import type { ProcessStatistics } from "./process-records.ts";

const LEASE_MS = 4_000;
/** As long as NATS remembers keys by default, which is the least of all logs. */
const REMEMBERED_MS = 120_000;
/** An append or a read is rejected then. What was sent may arrive all the same, however late. */
const DEADLINE_MS = 10_000;
const SEEDS = Number(process.env["SEEDS"] ?? 20);
/** Of many thousands, those that once failed. */
const FAILED_SEEDS = [87, 1_472, 1_563, 1_931, 2_748];
const FAILED_BEGINNINGS = [505];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A log whose server may hang, refuse, and not acknowledge. */
class Engine {
  readonly entries: Entry[] = [];
  readonly #taken = new Map<string, { readonly appended: Appended; readonly atMs: number }>();
  readonly #waiting: (() => void)[] = [];
  #hangs = false;
  /** Its clock is ahead of everyone's. */
  aheadMs = 0;

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

/** A process that can be cut off from the log, and die. */
class Process {
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

  constructor(engine: Engine, name: string, keepsPresence = true, maxMembers = 100) {
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

interface Event {
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

function eventsOf({ entries }: Engine): Event[] {
  return entries
    .filter((entry) => entry.topic !== PROCESSES_TOPIC && !isLate(entry))
    .flatMap(({ body }) => createReader().read(body))
    .map(({ data }) => JSON.parse(data) as Event);
}

/** Who is there, by what was told. @throws If one joins who is there, or leaves who is not. */
function whoIsThere(events: readonly Event[]): string[] {
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
async function run(processes: readonly Process[], ms: number): Promise<void> {
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

/** Numbers that are the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

it("says nothing of members who stay while the log is away for everybody, however long", async () => {
  const engine = new Engine();
  const processes = ["A", "B", "C"].map((name) => new Process(engine, name));
  processes[0]!.enter("ann");
  processes[1]!.enter("bob");
  await run(processes, 3_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["ann", "bob"]);
  const count = eventsOf(engine).length;
  for (const ms of [3_000, 16_000, 120_000]) {
    engine.hang();
    await run(processes, ms);
    engine.goOn();
    await run(processes, 10_000);
  }
  expect(eventsOf(engine)).toHaveLength(count);
});

it("says once that members left with their process, and joined when it is back", async () => {
  const engine = new Engine();
  const processes = ["A", "B", "C"].map((name) => new Process(engine, name));
  processes[0]!.enter("ann");
  processes[1]!.enter("bob");
  await run(processes, 3_000);
  processes[1]!.isCut = true;
  await run(processes, 10_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["ann"]);
  processes[1]!.mend();
  await run(processes, 10_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["ann", "bob"]);
  expect(eventsOf(engine)).toHaveLength(4);
});

it("says what was not published by one that died, nor by the one that noticed and died as well", async () => {
  const engine = new Engine();
  const [a, b, c] = ["A", "B", "C"].map((name) => new Process(engine, name)) as [Process, Process, Process];
  await run([a, b, c], 2_000);
  // It tries the first again and again, and never comes to the second.
  a.fault = "not acknowledged";
  a.enter("ann");
  await run([a, b, c], 500);
  a.leave("ann");
  await run([a, b, c], 1_500);
  b.fault = "not acknowledged";
  a.isDead = true;
  await run([a, b, c], 5_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["ann"]);
  b.isDead = true;
  await run([a, b, c], 5_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { left: ["ann"] }]);
});

it("says once what the log refused for longer than it remembers keys", async () => {
  const engine = new Engine();
  const processes = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  await run(processes, 3_000);
  processes[0].enter("ann");
  // Its record is in the log, and has not come back from it.
  await vi.advanceTimersByTimeAsync(60);
  for (const process of processes) process.fault = "refused";
  await run(processes, REMEMBERED_MS + 30_000);
  expect(eventsOf(engine)).toEqual([]);
  for (const process of processes) process.fault = "none";
  await run(processes, 10_000);
  processes[0].leave("ann");
  await run(processes, 10_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { left: ["ann"] }]);
});

it("says once what the log took, and did not acknowledge for longer than it remembers keys", async () => {
  const engine = new Engine();
  const processes = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  await run(processes, 3_000);
  for (const process of processes) process.fault = "not acknowledged";
  processes[0].enter("ann");
  await run(processes, REMEMBERED_MS + 30_000);
  processes[0].leave("ann");
  for (const process of processes) process.fault = "none";
  await run(processes, 10_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { left: ["ann"] }]);
});

it("says nothing again that the log took so long ago that it has forgotten the key", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  a.enter("ann");
  await run([a, b], 140_000);
  a.leave("ann");
  await run([a, b], 10_000);
  b.enter("ann");
  await run([a, b], 1_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["ann"]);
  expect(eventsOf(engine)).toHaveLength(3);
});

it("says nothing again that the log has forgotten, where the record of it came late", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  await run([a, b], 1_000);
  b.isCut = true;
  a.enter("ann");
  await run([a, b], 60_000);
  b.mend();
  await run([a, b], 70_000);
  a.leave("ann");
  await run([a, b], 1_000);
  b.enter("ann");
  await run([a, b], 1_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["ann"]);
  expect(eventsOf(engine)).toHaveLength(3);
});

it("says nothing again of its own record, which came back so late that the log has forgotten what others said", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  await run([a, b], 2_000);
  a.enter("ann");
  // Its record is in the log, and has not come back from it.
  await vi.advanceTimersByTimeAsync(60);
  a.isCut = true;
  await run([a, b], REMEMBERED_MS + 30_000);
  a.mend();
  await run([a, b], 10_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { left: ["ann"] }, { joined: ["ann"] }]);
});

it("says nothing that comes so late to the log that it has forgotten that others said it", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  await run([a, b], 2_000);
  a.enter("ann");
  await vi.advanceTimersByTimeAsync(60);
  // Its record has come back, and what it publishes of that is sent, and under way until it is mended.
  a.isCut = true;
  a.take(true);
  await run([a, b], REMEMBERED_MS + 30_000);
  a.mend();
  await run([a, b], 10_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { left: ["ann"] }, { joined: ["ann"] }]);
});

it("says again what came too late to the log, and nobody else has said", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  await run([a, b], 2_000);
  a.enter("ann");
  await vi.advanceTimersByTimeAsync(60);
  engine.hang();
  a.take();
  await run([a, b], 70_000);
  engine.goOn();
  await run([a, b], 10_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }]);
});

it("says once what the log took while its clock was set", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  await run([a, b], 2_000);
  for (const [member, aheadMs] of [
    ["ann", 7_200_000],
    ["bob", -7_200_000],
    ["cem", 86_400_000],
  ] as const) {
    a.enter(member);
    await vi.advanceTimersByTimeAsync(60);
    engine.aheadMs += aheadMs;
    await run([a, b], 10_000);
  }
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { joined: ["bob"] }, { joined: ["cem"] }]);
});

it("says who left with a process that was declared gone by one that is not there any more", async () => {
  const engine = new Engine();
  const processes = ["A", "B", "C"].map((name) => new Process(engine, name));
  processes[0]!.enter("ann");
  await run(processes, 3_000);
  processes[0]!.isDead = true;
  const gone = { process: processes[0]!.members.id, by: "of before", seenAt: 1_000_000 };
  await engine.append([encodeRecord(PROCESSES_TOPIC, "gone", gone)]);
  await run(processes, 3_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { left: ["ann"] }]);
});

it("does not count a process that died before it began, though what that one sent comes after it was declared gone", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  a.enter("ann");
  await run([a, b], 3_000);
  const { id } = a.members;
  a.isDead = true;
  await run([b], 2_000);
  const c = new Process(engine, "C");
  await run([b, c], 3_000);
  expect(whoIsThere(eventsOf(engine))).toEqual([]);
  const identity = { id, name: "A", startedAtMs: 0, leaseMs: LEASE_MS, stats: {}, limits: {}, published: 0 };
  const presence = { process: id, topics: [["a", 1, ["ann"], []]], all: true, first: true, last: true };
  await engine.append([
    encodeRecord(PROCESSES_TOPIC, "alive", identity),
    encodeRecord(PROCESSES_TOPIC, "presence", presence),
  ]);
  await run([b, c], 100);
  for (const { members } of [b, c]) expect(members.presence("a").members).toEqual([]);
  await run([b, c], 10_000);
  expect(eventsOf(engine)).toHaveLength(2);
});

it("counts a process that lives, though one that began a moment ago could not know that it was declared gone in error", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  a.enter("ann");
  await run([a, b], 3_000);
  const c = new Process(engine, "C");
  const gone = { process: a.members.id, by: b.members.id, seenAt: 1 };
  await engine.append([encodeRecord(PROCESSES_TOPIC, "gone", gone)]);
  await run([a, b, c], 3_000);
  for (const { members } of [a, b, c]) expect(members.presence("a").members).toEqual(["ann"]);
  expect(eventsOf(engine)).toHaveLength(1);
});

it("says nothing again of members that a process which begins learns of, when one of them moves to it", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  for (const member of ["ann", "bob"]) b.enter(member);
  await run([a, b], 10_000);
  const c = new Process(engine, "C");
  await run([a, b, c], 500);
  b.leave("ann");
  await run([a, b, c], 200);
  c.enter("ann");
  await run([a, b, c], 10_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["ann", "bob"]);
});

it("says who left with a process, also when the one that notices has no presence or does not know its members", async () => {
  for (const [name, keepsPresence] of [
    ["D", false],
    ["E", true],
  ] as const) {
    const engine = new Engine();
    const [a, b] = ["A", "B"].map((one) => new Process(engine, one)) as [Process, Process];
    a.enter("ann");
    await run([a, b], 3_000);
    const other = new Process(engine, name, keepsPresence);
    // It has a sign of life of the one that dies, and no more.
    await run([a, b, other], 10);
    const sign = { id: a.members.id, name: "A", leaseMs: LEASE_MS, stats: {}, limits: {} };
    await engine.append([encodeRecord(PROCESSES_TOPIC, "alive", sign)]);
    a.isDead = true;
    await run([b, other], 1_000);
    // So that the other one notices first.
    b.isCut = true;
    await run([b, other], 2_500);
    b.mend();
    await run([b, other], 5_000);
    expect([name, eventsOf(engine)]).toMatchObject([name, [{ joined: ["ann"] }, { left: ["ann"] }]]);
  }
});

it("says who left with a process that drains, though the log refused its last changes", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  a.enter("ann");
  await run([a, b], 3_000);
  a.leave("ann");
  a.fault = "refused";
  const closed = a.members.close();
  // The first that it sends is refused, and its farewell is not.
  await Promise.resolve();
  await Promise.resolve();
  a.fault = "none";
  await run([a, b], 3_000);
  await closed;
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { left: ["ann"] }]);
});

it("says nothing again that it said in a log which another one has replaced", async () => {
  const engine = new Engine();
  const processes = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  const [a, b] = processes;
  a.enter("bob");
  await run(processes, 10_000);
  b.enter("ann");
  await run(processes, 200);
  expect(whoIsThere(eventsOf(engine))).toEqual(["ann", "bob"]);
  engine.flush();
  for (const process of processes) process.replaced();
  await run(processes, 3_000);
  b.leave("ann");
  await run(processes, 1_000);
  a.enter("ann");
  await run(processes, 1_000);
  expect(eventsOf(engine)).toMatchObject([{ left: ["ann"] }, { joined: ["ann"] }]);
  a.isDead = true;
  await run(processes, 10_000);
  expect(eventsOf(engine)).toMatchObject([
    { left: ["ann"] },
    { joined: ["ann"] },
    { left: expect.arrayContaining(["ann", "bob"]) },
  ]);
});

it("says nothing again of one who moves to a new process, when a process dies before any has been there for a lease", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  b.enter("ann");
  await run([a, b], 1_500);
  b.isDead = true;
  const c = new Process(engine, "C");
  c.enter("ann");
  await run([a, c], 20_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }]);
});

it("says nothing again of one who moves to a process that began before a dead one could be declared gone, however long the log was away", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  b.enter("ann");
  await run([a, b], 10_000);
  b.isDead = true;
  const c = new Process(engine, "C");
  await run([a, c], 500);
  engine.hang();
  await run([a, c], 8_000);
  engine.goOn();
  await run([a, c], 1_000);
  c.enter("ann");
  await run([a, c], 20_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }]);
});

it("says once who left with two processes, when one that does not know the first notices the death of the second", async () => {
  const engine = new Engine();
  const [a, b, c] = ["A", "B", "C"].map((name) => new Process(engine, name)) as [Process, Process, Process];
  for (const process of [b, c]) process.enter("ann");
  await run([a, b, c], 10_000);
  b.isDead = true;
  const d = new Process(engine, "D");
  await run([a, c, d], 500);
  c.isDead = true;
  await run([a, d], 2_300);
  // So that it does not notice first.
  a.isCut = true;
  await run([a, d], 1_500);
  a.mend();
  await run([a, d], 20_000);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }, { left: ["ann"] }]);
});

it("says at once who joins a new process, though the one is cut off that it has named", async () => {
  const engine = new Engine();
  const old = ["A", "B"].map((name) => new Process(engine, name));
  // Somebody who died before it began, so that it cannot know everyone yet.
  const dead = new Process(engine, "X");
  await run([...old, dead], 10_000);
  dead.isDead = true;
  const c = new Process(engine, "C");
  c.enter("ann");
  let publisher: string | undefined;
  for (let ms = 0; publisher === undefined && ms < 2_000; ms += 10) {
    for (const process of [...old, c]) process.take();
    await vi.advanceTimersByTimeAsync(10);
    const texts = engine.entries.map(({ body }) => new TextDecoder().decode(body));
    const record = texts.find((text) => text.includes('"ann"')) ?? "";
    publisher = /"publisher":"([^"]+)"/.exec(record)?.[1];
  }
  old.find(({ members }) => members.id === publisher)!.isCut = true;
  await run([...old, c], 500);
  expect(eventsOf(engine)).toMatchObject([{ joined: ["ann"] }]);
  await run([...old, c], 20_000);
  expect(eventsOf(engine)).toHaveLength(1);
});

it("counts a process that was declared gone, and has not heard of it, in the log that has replaced the one before", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  b.enter("ann");
  await run([a, b], 10_000);
  b.isCut = true;
  await run([a, b], 10_000);
  engine.flush();
  for (const process of [a, b]) process.replaced();
  b.mend();
  await run([a, b], 2_000);
  for (const { members } of [a, b]) expect(members.presence("a").members).toEqual(["ann"]);
});

it("knows who is present, though the log refused what it sent first", async () => {
  const engine = new Engine();
  const a = new Process(engine, "A");
  a.enter("ann");
  await run([a], 3_000);
  const b = new Process(engine, "B");
  b.fault = "refused";
  await run([a, b], 500);
  b.fault = "none";
  await run([a, b], 5_000);
  for (const { members } of [a, b]) expect(members.presence("a").members).toEqual(["ann"]);
});

it("does not count what comes late from one that was declared gone before it began", async () => {
  const engine = new Engine();
  const [a, b] = ["A", "B"].map((name) => new Process(engine, name)) as [Process, Process];
  await run([a, b], 10_000);
  b.isCut = true;
  await run([a, b], 5_000);
  const c = new Process(engine, "C");
  await run([a, b, c], 3_000);
  b.enter("bob");
  // What it has sent first is given up, and everything is told again.
  await run([a, b, c], 5_000);
  b.leave("bob");
  await run([a, b, c], 2_000);
  b.mend();
  await run([a, b, c], 20_000);
  expect(eventsOf(engine)).toEqual([]);
});

it("counts in each process what the one with the least limit counts", async () => {
  const engine = new Engine();
  const [a, b] = [1, 100].map((most) => new Process(engine, `${most}`, true, most)) as [Process, Process];
  await run([a, b], 2_000);
  b.enter("ann");
  await run([a, b], 1_000);
  b.enter("bob");
  await run([a, b], 1_000);
  for (const { members } of [a, b])
    expect(members.presence("a")).toMatchObject({ members: ["ann"], isPartial: true });
  // There is room for bob again, who is still in the other process.
  b.leave("ann");
  await run([a, b], 1_000);
  a.enter("bob");
  await run([a, b], 1_000);
  b.leave("bob");
  await run([a, b], 1_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["bob"]);
  // Once the one that counts less is gone, the other counts all.
  await Promise.all([a.drain(), run([a, b], 1_000)]);
  for (const member of ["cem", "dan"]) b.enter(member);
  await run([b], 1_000);
  expect(whoIsThere(eventsOf(engine))).toEqual(["cem", "dan"]);
});

const seeds = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

it.each([
  ...[...seeds(SEEDS), ...FAILED_SEEDS].map((seed) => [seed, "short"] as const),
  ...seeds(Math.ceil(SEEDS / 4)).map((seed) => [seed, "long"] as const),
])("alternates and is right at the end (seed %s, %s faults)", async (seed, faults) => {
  const random = randomOf(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const engine = new Engine();
  const processes: Process[] = ["A", "B", "C"].map((name) => new Process(engine, name));
  await run(processes, 2_000);
  for (let step = 0; step < 60; step += 1) {
    const process = pick(processes);
    const member = pick(["ann", "bob", "cem", "dan"]);
    await pick<() => unknown>([
      () => process.enter(member),
      () => process.enter(member),
      () => process.leave(member),
      () => process.leave(member),
      () => (process.fault = pick(["refused", "not acknowledged"] as const)),
      () => (process.fault = "none"),
      () => (process.isCut = true),
      () => process.mend(),
      () => engine.hang(),
      () => engine.goOn(),
      // Now and then it is killed.
      () =>
        random() < 0.2 && processes.filter(({ isDead }) => !isDead).length > 1 ? (process.isDead = true) : 0,
    ])();
    const isLong = faults === "long" && random() < 0.04;
    // So long that windows pass, and keys are forgotten.
    await run(processes, Math.floor(random() * random() * 8_000) + (isLong ? random() * 200_000 : 0));
    if (isLong && random() < 0.3) engine.aheadMs += Math.floor((random() - 0.3) * 200_000);
  }
  engine.goOn();
  for (const process of processes) {
    process.fault = "none";
    process.mend();
  }
  await run(processes, 30_000);
  const alive = processes.filter(({ isDead }) => !isDead);
  const there = new Set(alive.flatMap(({ present }) => [...present]));
  expect(whoIsThere(eventsOf(engine))).toEqual([...there].sort());
  for (const { members } of alive)
    expect([...members.presence("a").members].sort()).toEqual([...there].sort());
});

it.each([...seeds(SEEDS), ...FAILED_BEGINNINGS])(
  "alternates while processes begin, drain and are killed (seed %s)",
  async (seed) => {
    const random = randomOf(seed);
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
    const engine = new Engine();
    let all: Process[] = ["A", "B"].map((name) => new Process(engine, name, name !== "B" || random() < 0.7));
    const draining: Process[] = [];
    const closing: Promise<void>[] = [];
    for (let step = 0; step < 60; step += 1) {
      const process = pick(all);
      const member = pick(["ann", "bob", "cem", "dan"]);
      pick<() => unknown>([
        () => process.enter(member),
        () => process.enter(member),
        () => process.leave(member),
        () => all.length < 5 && all.push(new Process(engine, `${step}`, random() < 0.8)),
        () => all.length < 5 && all.push(new Process(engine, `${step}`)),
        () => {
          // Somebody has to be left who knows who was there.
          if (process === all[0]) return;
          all = all.filter((other) => other !== process);
          if (random() < 0.5) process.isDead = true;
          else {
            draining.push(process);
            closing.push(process.drain());
          }
        },
      ])();
      await run([...all, ...draining], Math.floor(random() * random() * 4_000));
    }
    await run([...all, ...draining], 10_000);
    await Promise.all(closing);
    const keeping = all.filter(({ keepsPresence }) => keepsPresence);
    if (keeping.length === 0) return;
    const there = [...new Set(keeping.flatMap(({ present }) => [...present]))].sort();
    expect(whoIsThere(eventsOf(engine))).toEqual(there);
    for (const { members } of keeping) expect([...members.presence("a").members].sort()).toEqual(there);
  },
);

it.each(seeds(Math.ceil(SEEDS / 4)))(
  "alternates while more are present than processes count, each up to its own limit (seed %s)",
  async (seed) => {
    const random = randomOf(seed);
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
    const engine = new Engine();
    const begin = (name: string) => new Process(engine, name, true, pick([1, 2, 3, 5, 8]));
    const first = begin("A");
    let all = [first, begin("B")];
    for (let step = 0; step < 60; step += 1) {
      const process = pick(all);
      const member = pick(["ann", "bob", "cem", "dan"]);
      pick<() => unknown>([
        () => process.enter(member),
        () => process.enter(member),
        () => process.leave(member),
        () => all.length < 4 && all.push(begin(`${step}`)),
        () => {
          if (process === first) return;
          all = all.filter((other) => other !== process);
          process.isDead = true;
        },
      ])();
      await run(all, Math.floor(random() * random() * 4_000));
    }
    for (const process of all) for (const member of process.present) process.leave(member);
    await run(all, 10_000);
    expect(whoIsThere(eventsOf(engine))).toEqual([]);
  },
);

it.each(seeds(SEEDS))(
  "alternates while processes begin, are killed, sleep, stand still, and take everything for lost (seed %s)",
  async (seed) => {
    const random = randomOf(seed);
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
    const engine = new Engine();
    const first = new Process(engine, "A");
    let all = [first, new Process(engine, "B")];
    await run(all, 2_000);
    for (let step = 0; step < 60; step += 1) {
      const process = pick(all);
      const member = pick(["ann", "bob", "cem", "dan"]);
      pick<() => unknown>([
        () => process.enter(member),
        () => process.enter(member),
        () => process.leave(member),
        () => all.length < 4 && all.push(new Process(engine, `${step}`)),
        () => {
          if (process === first) return;
          all = all.filter((other) => other !== process);
          process.isDead = true;
        },
        () => (process.isCut = process !== first),
        () => process.mend(),
        // As after a restart of the log that cannot prove that it has everything.
        // Somebody has to be left who knows who was there.
        () => process !== first && process.members.lost(false),
        // Everyone, as a machine does.
        () => vi.setSystemTime(Date.now() + random() * 20_000),
      ])();
      await run(all, Math.floor(random() * random() * 4_000));
    }
    for (const process of all) process.mend();
    await run(all, 20_000);
    const there = [...new Set(all.flatMap(({ present }) => [...present]))].sort();
    expect(whoIsThere(eventsOf(engine))).toEqual(there);
    for (const { members } of all) expect([...members.presence("a").members].sort()).toEqual(there);
  },
);
