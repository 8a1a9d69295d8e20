/**
 * What becomes of a log when its Redis is cut off, hangs, is full, dies, or comes back as another one: what was acknowledged is
 * there or is told to be lost, and no promise stays open.
 */
import { afterEach, describe, expect, it } from "vitest";
import { redisLog, type RedisLogOptions } from "../../packages/tidings/src/log/redis/index.ts";
import {
  Cleanups,
  draft,
  expectHandedOn,
  hubWithStream,
  openForTest,
  readAll,
  textOf,
  type Opened,
} from "./opened-log.ts";
import { CLIENTS } from "./redis-clients.ts";
import { freePort, startRedis, type RedisServer } from "./redis-server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function redis(...options: string[]): Promise<RedisServer> {
  return cleanups.add(await startRedis(...options), (server) => server.stop());
}

async function openLog(client: string, port: number, options: RedisLogOptions = {}): Promise<Opened> {
  const connected = cleanups.add(await CLIENTS[client]!(port), (one) => one.close());
  return openForTest(cleanups, redisLog(connected.client, options));
}

describe.each(Object.keys(CLIENTS))("redisLog() with %s", (client) => {
  it("stores once what it appends while connections are cut, and hands it on without a seam", async () => {
    const server = await redis();
    const board = await cleanups.switchboard(server.port);
    const opened = await openLog(client, board.port);
    const { log, parts } = opened;
    const from = await log.follow!(["a"]);
    const acknowledged = new Map<number, string>();
    let n = 0;
    let cuts = 0;
    const writers = Array.from({ length: 20 }, async () => {
      // A fast machine is done with 4,000 before anything was cut.
      while (n < 4_000 || cuts < 3) {
        const text = `${(n += 1)}`;
        acknowledged.set((await log.append([draft(text)])).first, text);
      }
    });
    const cutting = setInterval(() => {
      cuts += 1;
      board.cut();
    }, 150);
    await Promise.all(writers);
    clearInterval(cutting);
    const { entries } = await readAll(log);
    expect(new Map(entries.map((entry) => [entry.offset, textOf(entry)]))).toEqual(acknowledged);
    await expect.poll(() => parts.at(-1)?.through).toBe(acknowledged.size);
    expectHandedOn(opened, entries, from);
  });

  it("follows thousands of topics again after its connections were cut", async () => {
    const server = await redis();
    const board = await cleanups.switchboard(server.port);
    const { log, seen, states } = await openLog(client, board.port);
    const topics = Array.from({ length: 3_000 }, (_, n) => `a topic with a name of some length/${n}`);
    await log.follow!(topics);
    await log.append([draft("1", topics[0])]);
    await expect.poll(() => seen()).toEqual(["1"]);
    board.cut();
    await expect.poll(() => states).toEqual(["interrupted", "following"]);
    await log.append([draft("2", topics[2_999])]);
    await expect.poll(() => seen()).toEqual(["1", "2"]);
  });

  it("waits for a Redis that hangs, and stores once what it sent meanwhile", async () => {
    const server = await redis();
    const { log, seen } = await openLog(client, server.port);
    await log.follow!(["a"]);
    await log.append([draft("before")]);
    await server.kill("SIGSTOP");
    const appending = Promise.all(["1", "2", "3"].map((text) => log.append([draft(text)])));
    // Longer than an attempt.
    await new Promise((resolve) => void setTimeout(resolve, 3_500));
    await server.kill("SIGCONT");
    expect((await appending).map(({ first }) => first)).toEqual([2, 3, 4]);
    expect((await readAll(log)).entries.map(textOf)).toEqual(["before", "1", "2", "3"]);
    await expect.poll(() => seen()).toEqual(["before", "1", "2", "3"]);
  });

  it("rejects within its deadline what a Redis that is gone does not answer, and goes on when that returns", async () => {
    const server = await redis("--appendonly", "yes", "--appendfsync", "always");
    const { log, seen, states, errors, parts } = await openLog(client, server.port, { deadlineMs: 1_500 });
    await log.follow!(["a"]);
    await log.append([draft("before")]);
    await server.kill("SIGKILL");
    const startedMs = performance.now();
    await expect(log.append([draft("lost")])).rejects.toMatchObject({ name: "LogError", code: "failed" });
    await expect(log.head()).rejects.toMatchObject({ name: "LogError", code: "failed" });
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    await expect.poll(() => states).toEqual(["interrupted"]);
    await server.restart();
    await expect.poll(() => states, { timeout: 20_000 }).toEqual(["interrupted", "following"]);
    expect(errors.length).toBe(1);
    await expect
      .poll(async () => (await log.append([draft("after")]).catch(() => undefined))?.first)
      .toBeDefined();
    await expect.poll(() => seen().at(-1)).toBe("after");
    // Redis cannot prove that it has everything: whoever stands before has a gap, and what is there can be read.
    const { entries, lostThrough } = await readAll(log);
    expect(entries.map(textOf)).toContain("before");
    expect(lostThrough).toBeGreaterThan(1_000_000);
    expect(parts.at(-1)!.through).toBeGreaterThan(1_000_000);
  });

  it("says that Redis lost everything", async () => {
    const server = await redis();
    const { log, position, resets, seen } = await openLog(client, server.port);
    await log.follow!(["a"]);
    for (const text of ["1", "2", "3"]) await log.append([draft(text)]);
    await expect.poll(() => seen()).toEqual(["1", "2", "3"]);
    await server.kill("SIGKILL");
    await server.restart();
    const { first } = await log.append([draft("new")]);
    expect(first).toBe(1);
    expect(resets).toHaveLength(1);
    expect(resets[0]!.epoch).not.toBe(position.epoch);
    expect(resets[0]!.head).toBe(0);
    expect((await log.head()).epoch).toBe(resets[0]!.epoch);
    await expect.poll(() => seen()).toEqual(["1", "2", "3", "new"]);
  });

  it("refuses with full what Redis has no memory for, and reads on", async () => {
    const server = await redis("--maxmemory", "8mb", "--maxmemory-policy", "noeviction");
    const { log } = await openLog(client, server.port);
    const accepted: number[] = [];
    const refusal = await (async () => {
      for (;;) {
        try {
          accepted.push((await log.append([draft("x".repeat(100_000))])).first);
        } catch (error) {
          return error;
        }
      }
    })();
    expect(refusal).toMatchObject({ name: "LogError", code: "full" });
    expect(accepted.length).toBeGreaterThan(10);
    expect((await readAll(log)).entries.map(({ offset }) => offset)).toEqual(accepted);
    await server.command("CONFIG", "SET", "maxmemory", "64mb");
    expect((await log.append([draft("after")])).first).toBe(accepted.length + 1);
  });

  it("never gives an offset again that a server acknowledged which a lagging replica takes over from", async () => {
    const primary = await redis();
    const toReplica = await cleanups.switchboard(primary.port);
    const replica = await redis("--replicaof", "127.0.0.1", `${toReplica.port}`);
    const board = await cleanups.switchboard(primary.port);
    const { log, position, parts } = await openLog(client, board.port);
    const other = await openLog(client, board.port);
    await log.follow!(["a"]);
    await other.log.follow!(["another"]);
    await log.append([draft("both have it")]);
    await expect.poll(() => replica.command("EXISTS", "{tidings}:log")).toContain(":1");
    await expect.poll(() => replica.command("XLEN", "{tidings}:entries")).toContain(":1");
    // What is acknowledged now, the replica never hears of.
    toReplica.lead(await freePort());
    toReplica.cut();
    const acknowledged = new Map<number, string>();
    for (const text of ["lost 1", "lost 2"]) acknowledged.set((await log.append([draft(text)])).first, text);
    expect([...acknowledged.keys()]).toEqual([2, 3]);
    await primary.kill("SIGKILL");
    expect(await replica.command("REPLICAOF", "NO", "ONE")).toContain("OK");
    board.lead(replica.port);
    board.cut();
    // It is the other process that appends first, and that does not know what was acknowledged.
    const { first } = await other.log.append([draft("after")]);
    expect(first).toBeGreaterThan(1_000_000);
    const topics = { exact: ["a"], matches: () => true };
    for (const after of [1, 2, 3]) {
      const page = await log.read({ topics, after, maxMessages: 9, maxBytes: 999 });
      expect(page.lostThrough).toBe(first - 1);
      expect(page.entries.map(textOf)).toEqual(["after"]);
    }
    expect((await log.head()).epoch).toBe(position.epoch);
    // Streams that are open hear of it in both processes: also where nothing of what was lost is followed.
    for (const tail of [parts, other.parts]) {
      const isTold = (): boolean => tail.some(({ after }, i) => after > (tail[i - 1]?.through ?? 0));
      await expect.poll(isTold, { timeout: 20_000 }).toBe(true);
    }
  });
});

describe("a hub on Redis", () => {
  it("keeps its streams while Redis is away, and sends a gap for what may be lost", async () => {
    const server = await redis("--appendonly", "yes", "--appendfsync", "always");
    const connected = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
    const { hub, text } = await hubWithStream(cleanups, redisLog(connected.client));
    await server.kill("SIGKILL");
    const publishing = hub.publish("a", { data: "3" });
    await server.restart();
    await publishing;
    await expect.poll(text, { timeout: 20_000 }).toMatch(/^event: gap$/m);
    await hub.publish("b/2", { data: "4" });
    await expect.poll(text).toMatch(/^data: 4$/m);
    expect(hub.stats()).toMatchObject({ streams: 1, gaps: { slow: 1 } });
    expect(text()).not.toContain("not selected");
  });
});
