/**
 * Real processes with a hub each, on one log: what one is told holds in all, and what a process that is killed had is gone within
 * its lease.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HubProcess, Inspection, Presence } from "tidings/server";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Reader } from "../support/hub-server.ts";
import { type NatsServer, startNats } from "./nats/server.ts";
import { type PostgresServer, startPostgres } from "./postgres/server.ts";
import { type RedisServer, startRedis } from "./redis/server.ts";

const LEASE_MS = 4_000;
const OPTIONS = { presence: { coalesceMs: 50 }, cluster: { leaseMs: LEASE_MS } };

class Process {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (answer: { result?: unknown; error?: string }) => void>();
  #asked = 0;
  url = "";

  static async start(module: string, argument: string, name: string): Promise<Process> {
    const options = JSON.stringify({ ...OPTIONS, cluster: { ...OPTIONS.cluster, name } });
    const started = new Process(module, argument, options);
    await new Promise<void>((resolve, reject) => {
      started.#child.once("exit", () => reject(new Error(`${name} ended`)));
      started.#child.on(
        "message",
        (message: { port?: number; n?: number; result?: unknown; error?: string }) => {
          if (message.port !== undefined) {
            started.url = `http://127.0.0.1:${message.port}/`;
            resolve();
          } else started.#answers.get(message.n!)?.(message);
        },
      );
    });
    return started;
  }

  private constructor(module: string, argument: string, options: string) {
    const program = fileURLToPath(new URL("support/hub.mjs", import.meta.url));
    this.#child = fork(program, [module, argument, options], { execArgv: [] });
  }

  async do<Result>(action: string, ...values: unknown[]): Promise<Result> {
    const n = (this.#asked += 1);
    const answered = new Promise<{ result?: unknown; error?: string }>((resolve) => {
      this.#answers.set(n, resolve);
    });
    this.#child.send({ n, action, values });
    const { result, error } = await answered;
    this.#answers.delete(n);
    if (error !== undefined) throw new Error(error);
    return result as Result;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => void this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await exited;
  }
}

const open: (Process | Reader)[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) {
    if (one instanceof Reader) one.cut();
    else await one.kill();
  }
});

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  await expect.poll(condition, { message: what, timeout: 60_000, interval: 50 }).toBe(true);
}

function describeCluster(module: string, prepare: () => { argument: string; dispose?: () => void }): void {
  const path = fileURLToPath(new URL(module, import.meta.url));
  const start = async (...names: string[]): Promise<Process[]> => {
    const { argument, dispose } = prepare();
    disposers.push(() => dispose?.());
    const processes = await Promise.all(names.map((name) => Process.start(path, argument, name)));
    open.push(...processes);
    return processes;
  };
  const read = async (process: Process, query: string): Promise<Reader> => {
    const reader = await Reader.open(`${process.url}?${query}`);
    open.push(reader);
    return reader;
  };
  const disposers: (() => void)[] = [];
  afterEach(() => {
    for (const dispose of disposers.splice(0)) dispose();
  });
  const present = (process: Process, topic: string, ...members: string[]): Promise<void> =>
    eventually(async () => {
      const presence = await process.do<Presence>("presence", topic);
      return (
        presence.members.length === members.length && members.every((one) => presence.members.includes(one))
      );
    }, `${members.join()} in ${topic}`);

  it("revokes in every process, and in one that stood still once it goes on", async () => {
    const [one, two, three] = (await start("one", "two", "three")) as [Process, Process, Process];
    const ann = await Promise.all([one, two, three].map((process) => read(process, "topic=a&who=ann")));
    const bob = await read(two, "topic=a&who=bob");
    // From here on all get what is new, and none reads the log for itself.
    await one.do("publish", "a", "before");
    for (const stream of [...ann, bob]) await stream.messagesUntil(1);
    three.signal("SIGSTOP");
    const revoked = one.do("revoke", "ann");
    // A process that stands still in the middle of a write holds up all others, in LMDB, which wait for 10 seconds.
    const timer = setTimeout(() => three.signal("SIGCONT"), 5_000);
    expect(await revoked).toBe(1);
    clearTimeout(timer);
    await Promise.all(ann.slice(0, 2).map(({ ended }) => ended));
    await one.do("publish", "a", "after");
    three.signal("SIGCONT");
    await ann[2]!.ended;
    expect(ann.flatMap(({ data }) => data)).toEqual(["before", "before", "before"]);
    await bob.until(() => bob.data.length === 2);
    expect(bob.data).toEqual(["before", "after"]);
  });

  it("knows who is present, and that those of a killed process are gone within its lease", async () => {
    const [one, two, three] = (await start("one", "two", "three")) as [Process, Process, Process];
    for (const process of [one, two, three])
      await eventually(async () => (await process.do<HubProcess[]>("processes")).length === 3, "all three");
    const watching = await read(one, "presence=a");
    await read(one, "topic=a&who=ann");
    await read(two, "topic=a&who=ann");
    await read(two, "topic=a&who=bob");
    await read(three, "topic=a&who=cat");
    for (const process of [one, two, three]) await present(process, "a", "ann", "bob", "cat");
    const killedMs = performance.now();
    await two.kill();
    for (const process of [one, three]) await present(process, "a", "ann", "cat");
    // By the rule it is at most a lease; a busy machine gets as long again.
    expect(performance.now() - killedMs).toBeLessThan(2 * LEASE_MS + 4_000);
    await present(one, "a", "ann", "cat");
    type Event = { joined: string[]; left: string[] };
    const events = (): Event[] => watching.messages.map(({ data }) => JSON.parse(data) as Event);
    await watching.until(() => events().some(({ left }) => left.length > 0), "the leave");
    expect(
      events()
        .flatMap(({ joined }) => joined)
        .sort(),
    ).toEqual(["ann", "bob", "cat"]);
    expect(events().flatMap(({ left }) => left)).toEqual(["bob"]);
    const processes = await one.do<HubProcess[]>("processes");
    expect(processes.map(({ name }) => name).sort()).toEqual(["one", "three"]);
  });

  it("is told of the members of a process that stood still for longer than its lease: they left, and are back", async () => {
    const [one, two] = (await start("one", "two")) as [Process, Process];
    await eventually(async () => (await one.do<HubProcess[]>("processes")).length === 2, "both processes");
    const watching = await read(one, "presence=a");
    type Event = { joined: string[]; left: string[] };
    const told = (): string[] =>
      watching.messages
        .map(({ data }) => JSON.parse(data) as Event)
        .flatMap(({ joined, left }) => [
          ...joined.map((name) => `${name} joined`),
          ...left.map((name) => `${name} left`),
        ]);
    const ann = await read(two, "topic=a&who=ann");
    await watching.until(() => told().length === 1, "the join");
    // Not in the middle of a write, which would hold up the other one in LMDB.
    await new Promise((resolve) => void setTimeout(resolve, 100));
    two.signal("SIGSTOP");
    await present(one, "a");
    await watching.until(() => told().length === 2, "the leave");
    two.signal("SIGCONT");
    for (const process of [one, two]) await present(process, "a", "ann");
    await watching.until(() => told().length === 3, "the second join");
    ann.cut();
    for (const process of [one, two]) await present(process, "a");
    await watching.until(() => told().length === 4, "the second leave");
    expect(told()).toEqual(["ann joined", "ann left", "ann joined", "ann left"]);
    expect(await one.do<HubProcess[]>("processes")).toHaveLength(2);
  });

  it("finds out what became of a message in any process", async () => {
    const [one, two] = (await start("one", "two")) as [Process, Process];
    await eventually(async () => (await one.do<HubProcess[]>("processes")).length === 2, "both processes");
    const ann = await read(two, "topic=a&who=ann");
    const id = await one.do<string>("publish", "a", "1");
    // Also in a process that follows nothing, and a moment after the message was acknowledged.
    expect((await one.do<Inspection>("inspect", id)).message).toBe("retained");
    await ann.messagesUntil(1);
    const { streams, silent } = await one.do<Inspection>("inspect", id);
    expect(silent).toEqual([]);
    expect(streams).toMatchObject([{ process: "two", subscriber: "ann", verdict: "sent" }]);
  });

  it("changes the topics of an open stream while others publish", async () => {
    const [one, two] = (await start("one", "two")) as [Process, Process];
    const ann = await read(two, "topic=a&who=ann");
    const published: { topic: string; data: string; offset: number }[] = [];
    const borders: number[] = [];
    for (let n = 1; n <= 60; n += 1) {
      const topic = n % 2 === 0 ? "a" : "b";
      const id = await one.do<string>("publish", topic, `${n}`);
      published.push({ topic, data: `${n}`, offset: Number(id.split(".")[1]) });
      if (n !== 30) continue;
      // The border is where its process stands in the log.
      await ann.until(() => ann.data.at(-1) === "30", "message 30");
      expect(await two.do("update", "ann", { add: ["b"], remove: ["a"] })).toBe("updated");
      borders.push(n);
    }
    await ann.until(() => ann.data.at(-1) === "59", "the last message");
    expect(ann.data).toEqual(
      published.filter(({ topic }, i) => topic === (i < borders[0]! ? "a" : "b")).map(({ data }) => data),
    );
  });
}

describe("hubs on a log in Redis", () => {
  let server: RedisServer;
  let logs = 0;
  beforeAll(async () => void (server = await startRedis()));
  afterAll(() => server.stop());
  describeCluster("redis/member.mjs", () => ({ argument: `${server.port} cluster-${(logs += 1)}` }));
});

describe("hubs on a log in LMDB", () => {
  describeCluster("lmdb/member.mjs", () => {
    const path = mkdtempSync(join(tmpdir(), "tidings-cluster-"));
    return { argument: path, dispose: () => rmSync(path, { recursive: true, force: true }) };
  });
});

describe("hubs on a log in Postgres", () => {
  let server: PostgresServer;
  let logs = 0;
  beforeAll(async () => void (server = await startPostgres()), 60_000);
  afterAll(() => server.end());
  describeCluster("postgres/member.mjs", () => ({ argument: `${server.port} cluster_${(logs += 1)}` }));
});

describe("hubs on a log in NATS", () => {
  let server: NatsServer;
  let logs = 0;
  beforeAll(async () => void (server = await startNats()));
  afterAll(() => server.stop());
  describeCluster("nats/member.mjs", () => ({ argument: `cluster-${(logs += 1)} 1 ${server.port}` }));
});
