/**
 * The requirements on a log that several processes share: real ones, that are killed in the middle of what they do. All see one
 * order, nothing that was acknowledged is missing, and one that returns gets a gap for exactly what it lost.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createRandom } from "../../testing/random.ts";
import type { Retention } from "../log.ts";
import type { MemberCommand, MemberOptions, MemberReport, Told } from "./member.ts";
import { type LogAbilities, range, until } from "./opened-log.ts";

export interface SharedLog {
  /** URL of a module that exports `createLog(argument)`: every process makes its log by it. */
  readonly module: string | URL;
  /** Makes empty storage, and gives the argument for it. */
  readonly prepare: () => Promise<{ readonly argument: string; readonly dispose?: () => unknown }>;
}

export interface SharingOptions extends Pick<LogAbilities, "exactLosses"> {
  /** What decides who is killed, and when. A test that fails names it. Default: another one each time. */
  readonly seed: number;
}

type Say = (title: string, body: () => Promise<void>, timeoutMs: number) => unknown;

const ALL: Bounds = { messages: 1_000_000, bytes: 2 ** 30, ageMs: 3_600_000 };
type Bounds = Omit<Retention, "forTopic">;

const TOPICS = ["a", "b", "c"];
/** Of one test, where the runner takes that: its own may be too short to start processes in. */
const TEST_MS = 120_000;
/** That each process appends in a round. */
const ROUND = 150;

export function describeSharing(it: Say, shared: SharedLog, { exactLosses, seed }: SharingOptions): void {
  const test = (title: string, body: (world: World) => Promise<void>): unknown =>
    it(
      title,
      async () => {
        const { argument, dispose } = await shared.prepare();
        const world = new World(String(shared.module), argument);
        try {
          await body(world);
        } catch (error) {
          throw new Error(`With seed ${seed}: ${(error as Error).message}`, { cause: error });
        } finally {
          await world.end();
          await dispose?.();
        }
      },
      TEST_MS,
    );

  for (const size of [2, 3]) {
    test(`gives ${size} processes one order, and each of them everything, once`, async (world) => {
      const members = await Promise.all(range(1, size).map((n) => world.start(`p${n}`, TOPICS)));
      await Promise.all(members.map((member) => member.append(300)));
      const all = await world.everything();
      assert.equal(all.length, size * 300);
      for (const member of members) {
        await member.hasSeen(all.at(-1)![0]);
        member.assertTail(all);
      }
      world.assertAcknowledged(all);
    });

    test(`loses nothing that was acknowledged when ${size} processes are killed at random`, async (world) => {
      const random = createRandom(seed + size);
      const members = await Promise.all(range(1, size).map((n) => world.start(`p${n}`, TOPICS)));
      const last = await world.start("observer", TOPICS);
      for (let round = 1; round <= 4; round += 1) {
        const at = Math.floor(random() * size);
        const victim = members[at]!;
        const enough = victim.acknowledged.length + Math.floor(random() * ROUND);
        const appending = members.map((member) => member.append(ROUND));
        await victim.hasAppended(enough);
        await victim.kill();
        await Promise.all(appending.filter((_, i) => i !== at));
        members[at] = await world.start(`p${at + 1}-${round}`, TOPICS);
      }
      const all = await world.everything();
      world.assertAcknowledged(all);
      assert.equal(new Set(all.map(([, , text]) => text)).size, all.length, "something was stored twice");
      await last.hasSeen(all.at(-1)![0]);
      last.assertTail(all);
      for (const member of members) member.assertTail(all);
    });
  }

  test("tells a process that returns of what it lost", async (world) => {
    const retention = { ...ALL, messages: 60 };
    const busy = await world.start("busy", ["busy", "other"], retention);
    const quiet = await world.start("quiet", ["quiet"], retention);
    await quiet.append(10);
    const reader = await world.start("reader", ["quiet"], retention);
    const [[cursor]] = quiet.retained(0) as [Told];
    await reader.kill();
    // All but one of the quiet topic's messages stay.
    await busy.append(40);
    const before = world.acknowledged.length;
    assert.equal(before, 50);
    const again = await world.start("reader-again", ["quiet"], retention);
    assert.deepEqual(await again.read(cursor), {
      entries: quiet.retained(cursor),
      lostThrough: 0,
    });
    await busy.append(100);
    await quiet.append(3);
    const read = await again.read(cursor);
    const retained = quiet.retained(cursor).slice(-3);
    const lost = quiet.retained(cursor).slice(0, -3);
    assert.deepEqual(read.entries, retained);
    assert.ok(read.lostThrough >= lost.at(-1)![0]);
    if (!exactLosses) return;
    assert.equal(read.lostThrough, lost.at(-1)![0]);
    // One that has seen all of them has lost nothing.
    const { lostThrough } = await again.read(lost.at(-1)![0]);
    assert.equal(lostThrough, 0);
  });

  test("tells each of three processes that return of what its own topic lost", async (world) => {
    const retention = { ...ALL, messages: 60 };
    const topics = ["a", "b", "c"];
    const members = await Promise.all(topics.map((topic) => world.start(topic, [topic], retention)));
    // Of 75 messages, 15 are lost: the ten of one topic, five of the next, and none of the last.
    const counts = [10, 20, 5];
    for (const [i, member] of members.entries()) {
      await member.append(counts[i]!);
      await member.kill();
    }
    const busy = await world.start("busy", ["busy"], retention);
    await busy.append(40);
    const told = topics.map(async (topic, i) => {
      const all = members[i]!.retained(0);
      const again = await world.start(`${topic}-again`, [topic], retention);
      const { entries, lostThrough } = await again.read(all[0]![0]);
      const lost = all.slice(0, [10, 5, 0][i]);
      assert.deepEqual(
        entries,
        all.slice(Math.max(1, lost.length)),
        `what is retained of the topic of process ${i + 1}`,
      );
      const upTo = lost.at(-1)?.[0] ?? 0;
      if (exactLosses) assert.equal(lostThrough, upTo, `what process ${i + 1} is told`);
      else assert.ok(lostThrough >= upTo, `what process ${i + 1} is told`);
    });
    await Promise.all(told);
  });
}

/** The processes of one test, and what they were sent. */
class World {
  readonly #members: Member[] = [];
  readonly #module: string;
  readonly #argument: string;

  constructor(module: string, argument: string) {
    this.#module = module;
    this.#argument = argument;
  }

  get acknowledged(): Told[] {
    return this.#members.flatMap((member) => member.acknowledged);
  }

  async start(name: string, topics: readonly string[], retention: Bounds = ALL): Promise<Member> {
    const member = new Member({
      module: this.#module,
      argument: this.#argument,
      name,
      topics,
      retention,
    });
    this.#members.push(member);
    await member.opened();
    return member;
  }

  /** What the log holds, by a process of its own. */
  async everything(): Promise<Told[]> {
    const reader = await this.start("reader", TOPICS);
    const { entries } = await reader.read(0);
    return [...entries];
  }

  assertAcknowledged(all: readonly Told[]): void {
    const held = new Map(all.map(([offset, , text]) => [offset, text]));
    const missing = this.acknowledged.filter(([offset, , text]) => held.get(offset) !== text);
    assert.deepEqual(missing, [], "acknowledged, and not in the log");
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.end()));
  }
}

class Member {
  readonly acknowledged: Told[] = [];
  readonly #tails: (MemberReport & { kind: "tail" })[] = [];
  readonly #errors: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #topics: readonly string[];
  readonly #name: string;
  #opened: (MemberReport & { kind: "opened" }) | undefined;
  #reads: (MemberReport & { kind: "read" })[] = [];
  #done = 0;
  #asked = 0;
  #over = false;

  constructor(options: MemberOptions) {
    this.#topics = options.topics;
    this.#name = options.name;
    // Found where the tests run: what this file is bundled into may lie anywhere.
    const program = createRequire(join(process.cwd(), "package.json")).resolve("tidings/log/contract/member");
    this.#child = fork(program, [JSON.stringify(options)], {
      execArgv: [],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (report: MemberReport) => this.#hear(report));
    this.#exited = new Promise(
      (resolve) =>
        void this.#child.once("exit", () => {
          this.#over = true;
          resolve(undefined);
        }),
    );
  }

  opened(): Promise<void> {
    return until(() => this.#opened !== undefined, "a process that opens the log", 30_000);
  }

  async append(messages: number): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    this.#command({ do: "append", messages });
    await until(() => this.#done >= asked || this.#over, "what a process appends", 60_000);
  }

  /** Resolves in the middle of it, or when it is done. */
  hasAppended(messages: number): Promise<void> {
    return until(() => this.acknowledged.length >= messages, "what is acknowledged", 30_000);
  }

  async read(after: number): Promise<{ entries: readonly Told[]; lostThrough: number }> {
    this.#reads = [];
    this.#command({ do: "read", after });
    await until(() => this.#reads.length > 0, "what a process reads", 30_000);
    const [{ entries, lostThrough }] = this.#reads as [MemberReport & { kind: "read" }];
    return { entries, lostThrough };
  }

  async hasSeen(offset: number): Promise<void> {
    await until(
      () => (this.#tails.at(-1)?.through ?? 0) >= offset,
      `offset ${offset} in a process's tail`,
      30_000,
    );
  }

  /** What it appended after an offset, in the order of the log. */
  retained(after: number): Told[] {
    return this.acknowledged.filter(([offset]) => offset > after).sort(([one], [other]) => one - other);
  }

  /** Everything that it followed came, once and in order. */
  assertTail(all: readonly Told[]): void {
    try {
      this.#assertTail(all);
    } catch (error) {
      throw new Error(`What process ${this.#name} was handed on: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  #assertTail(all: readonly Told[]): void {
    const { followed } = this.#opened!;
    const through = this.#tails.at(-1)?.through ?? followed;
    for (let i = 1; i < this.#tails.length; i += 1) {
      assert.equal(this.#tails[i]!.after, this.#tails[i - 1]!.through, "the tail has a seam");
    }
    assert.deepEqual(
      this.#tails.flatMap(({ entries }) => entries).filter(([offset]) => offset > followed),
      all.filter(([offset, topic]) => offset > followed && offset <= through && this.#topics.includes(topic)),
    );
    assert.deepEqual(this.#errors, []);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  async end(): Promise<void> {
    if (this.#over) return;
    this.#command({ do: "close" });
    const patience = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#exited;
    clearTimeout(patience);
  }

  #command(command: MemberCommand): void {
    if (this.#child.connected) this.#child.send(command);
  }

  #hear(report: MemberReport): void {
    switch (report.kind) {
      case "opened":
        this.#opened = report;
        break;
      case "acknowledged":
        this.acknowledged.push(report.entry);
        break;
      case "tail":
        this.#tails.push(report);
        break;
      case "read":
        this.#reads.push(report);
        break;
      case "done":
        this.#done += 1;
        break;
      case "error":
        this.#errors.push(report.message);
        break;
      case "rejected":
        this.#errors.push(`${report.text}: ${report.message}`);
        break;
    }
  }
}
