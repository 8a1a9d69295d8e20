/**
 * What becomes of a log when its Redis is cut off, hangs, is full, dies, or comes back as another one: what was acknowledged is
 * there or is told to be lost, and no promise stays open.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { redisLog, type RedisLogOptions } from "../../../packages/tidings/src/log/redis/index.ts";
import { faultsOf } from "../support/faults.ts";
import {
  Cleanups,
  draft,
  expectHandedOn,
  expectLossTold,
  expectStoredOnce,
  hubWithStream,
  openForTest,
  readAll,
  retention,
  textOf,
  type Opened,
} from "../support/opened-log.ts";
import { CLIENTS, withSubscriberAt } from "./clients.ts";
import { freePort } from "../../support/free-port.mjs";
import { startRedis, type RedisServer } from "./server.ts";

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
    await expectStoredOnce(await openLog(client, server.port), faultsOf(server));
  });

  it("is interrupted by a Redis that hangs, and goes on without a seam when that does", async () => {
    const server = await redis();
    const { log, seen, states, errors } = await openLog(client, server.port);
    await log.follow!(["a"]);
    await log.append([draft("before")]);
    await expect.poll(() => seen()).toEqual(["before"]);
    await server.kill("SIGSTOP");
    // Within some seconds: whoever comes then is refused.
    await expect.poll(() => states, { timeout: 9_000 }).toEqual(["interrupted"]);
    // The connections that are opened meanwhile are silent as well.
    await sleep(8_000);
    await server.kill("SIGCONT");
    await expect.poll(() => states, { timeout: 20_000 }).toEqual(["interrupted", "following"]);
    expect(errors).toMatchObject([{ name: "LogError", code: "failed" }]);
    await log.append([draft("after")]);
    await expect.poll(() => seen()).toEqual(["before", "after"]);
  });

  it.each([
    ["connects", /HELLO|INFO|CLIENT/i],
    ["catches up", /SSUBSCRIBE/i],
  ])("replaces the connection of its tail that falls silent while it %s", async (_, words) => {
    const server = await redis();
    const board = await cleanups.switchboard(server.port);
    const connected = cleanups.add(await CLIENTS[client]!(server.port), (one) => one.close());
    const { log, seen, states } = await openForTest(
      cleanups,
      redisLog(withSubscriberAt(connected.client, board.port)),
    );
    await log.follow!(["a"]);
    await log.append([draft("1")]);
    await expect.poll(() => seen()).toEqual(["1"]);
    board.mute(words);
    board.cut();
    await expect.poll(() => states).toEqual(["interrupted"]);
    await sleep(1_000);
    // For those that come: the one that is silent stays so.
    board.mute(undefined);
    await log.append([draft("2")]);
    await expect.poll(() => states, { timeout: 20_000 }).toEqual(["interrupted", "following"]);
    await expect.poll(() => seen()).toEqual(["1", "2"]);
  });

  it("gives its client no more than it can hold while Redis is silent", async () => {
    const server = await redis();
    const connected = cleanups.add(await CLIENTS[client]!(server.port), (one) => one.close());
    let given = 0;
    const counted = new Proxy(connected.client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          if (name === "sendCommand" || name === "evalshaBuffer")
            given += Buffer.byteLength(String(args.flat()));
          return (value as (...all: unknown[]) => unknown).apply(target, args);
        };
      },
    });
    const { log } = await openForTest(cleanups, redisLog(counted, { deadlineMs: 200 }));
    await log.append([draft("before")]);
    await server.kill("SIGSTOP");
    const large = "x".repeat(2 ** 20);
    for (let n = 0; n < 30; n += 1) {
      await expect(log.append([draft(large)])).rejects.toMatchObject({ code: "failed" });
    }
    expect(given).toBeGreaterThan(10 * 2 ** 20);
    expect(given).toBeLessThan(18 * 2 ** 20);
    await server.kill("SIGCONT");
    await expect.poll(() => log.append([draft("after")]).then(() => true, String)).toBe(true);
    await expect.poll(async () => textOf((await readAll(log)).entries.at(-1)!)).toBe("after");
  });

  it("appends what is larger than a client may hold while something always waits for its answer", async () => {
    const server = await redis();
    const { log } = await openLog(client, server.port, { deadlineMs: 20_000, pendingBytes: 2 ** 26 });
    let isOver = false;
    const readers = Array.from({ length: 4 }, async () => {
      while (!isOver) await log.head();
    });
    const appended = await log.append([draft("x".repeat(17 * 2 ** 20))]).catch(String);
    isOver = true;
    await Promise.all(readers);
    expect(appended).toMatchObject({ first: 1 });
  });

  it("does not leave a follow() open when it is closed before its tail was ever connected", async () => {
    const server = await redis();
    const board = await cleanups.switchboard(server.port);
    board.mute(/HELLO|INFO|CLIENT/i);
    const connected = cleanups.add(await CLIENTS[client]!(server.port), (one) => one.close());
    const { log } = await openForTest(
      cleanups,
      redisLog(withSubscriberAt(connected.client, board.port), { deadlineMs: 2 ** 31 - 1 }),
    );
    const followed = log.follow!(["a"]).catch((error: unknown) => error);
    await sleep(200);
    await log.close();
    expect(await followed).toMatchObject({ code: "closed" });
  });

  it("is closed, to what is still under way when it and its client are closed", async () => {
    const server = await redis();
    const connected = cleanups.add(await CLIENTS[client]!(server.port), (one) => one.close());
    const log = redisLog(connected.client);
    const errors: unknown[] = [];
    await log.open({ retention, onTail: () => undefined, onError: (error) => errors.push(error) });
    await server.kill("SIGSTOP");
    const reads = Promise.allSettled([log.head(), log.stats()]);
    await log.close();
    connected.close();
    await server.kill("SIGCONT");
    const closed = { status: "rejected", reason: { name: "LogError", code: "closed" } };
    expect(await reads).toMatchObject([closed, closed]);
    expect(errors).toEqual([]);
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

  it("discards nothing when the clock of its process jumps, or was wrong from the start", async () => {
    const server = await redis();
    const nowMs = Date.now();
    let aheadMs = 0;
    const one = await openLog(client, server.port);
    const told = await openLog(client, server.port, { now: () => nowMs + aheadMs });
    await one.log.append([draft("0")]);
    const clock = cleanups.add(vi.spyOn(Date, "now"), (spy) => spy.mockRestore());
    const texts = ["0"];
    for (const days of [30, -30]) {
      aheadMs = days * 86_400_000;
      clock.mockReturnValue(nowMs + aheadMs);
      const fresh = await openLog(client, server.port);
      for (const { log } of [one, told, fresh]) {
        texts.push(`${texts.length}`);
        await log.append([draft(texts.at(-1)!)]);
        const { entries, lostThrough } = await readAll(log);
        expect(entries.map(textOf)).toEqual(texts);
        expect(lostThrough).toBe(0);
        // They are dated by Redis.
        for (const { atMs } of entries) expect(Math.abs(atMs - nowMs)).toBeLessThan(60_000);
      }
      expect(fresh.errors).toEqual([]);
    }
    expect(one.errors).toEqual([]);
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
    const opened = await openLog(client, board.port);
    const { log, parts } = opened;
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
    await expectLossTold(opened, first);
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
