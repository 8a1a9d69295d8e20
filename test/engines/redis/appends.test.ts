/** How the log in Redis appends: what goes together. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "../../../packages/tidings/src/log/log.ts";
import { redisLog, type RedisLogOptions } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest, readAll, textOf } from "../support/opened-log.ts";
import { CLIENTS } from "./clients.ts";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function open(options: RedisLogOptions = {}): Promise<{ server: RedisServer; log: Log }> {
  const server = cleanups.add(await startRedis(), (one) => one.stop());
  const connected = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
  const { log } = await openForTest(cleanups, redisLog(connected.client, options));
  return { server, log };
}

/** `:5` */
const integer = async (reply: Promise<string>): Promise<number> => Number((await reply).trim().slice(1));
/** Appended together: each step adds one block to the stream. */
const blocks = (server: RedisServer): Promise<number> => integer(server.command("XLEN", "{tidings}:entries"));

it("answers a group that comes twice as it did before, and forgets it after six to seven hours", async () => {
  const server = cleanups.add(await startRedis(), (one) => one.stop());
  const { client } = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
  const steps: { args: unknown[]; reply: unknown }[] = [];
  const watched = new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "sendCommand") return value.bind(target) as unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        const reply: unknown = await Reflect.apply(value, target, args);
        steps.push({ args, reply });
        return reply;
      };
    },
  });
  const { log } = await openForTest(cleanups, redisLog(watched, { lingerMs: false }));
  await log.append([draft("1")]);
  await log.append([draft("2")], { idempotencyKey: "key" });
  await Promise.all([
    log.append([draft("3"), draft("4")]),
    log.append([draft("2")], { idempotencyKey: "key" }),
    ...Array.from({ length: 40 }, () => log.append([draft("more")])),
  ]);
  const [before, { args, reply }] = [steps.at(-2)!, steps.at(-1)!];
  const send = Reflect.get(client, "sendCommand") as (...args: unknown[]) => Promise<unknown>;
  expect(await Reflect.apply(send, client, args)).toEqual(reply);
  expect(await log.head()).toMatchObject({ head: 44 });
  await expect(Reflect.apply(send, client, before.args)).rejects.toThrow(/STALE/);
  const token = `{tidings}:p:${String((args[0] as unknown[])[7])}`;
  const leftMs = await integer(server.command("PTTL", token));
  expect(leftMs).toBeGreaterThan(6 * 3_600_000);
  expect(leftMs).toBeLessThanOrEqual(7 * 3_600_000);
});

describe("lingerMs", () => {
  it("sends together what comes one after another, in order, and the first ones at once", async () => {
    const { server, log } = await open({ lingerMs: 300 });
    const appends = [];
    for (let n = 1; n <= 10; n += 1) {
      appends.push(log.append([draft(`${n}`)]));
      // Not in the turn of an answer.
      if (n <= 2) await appends[n - 1];
      await nextTurn();
      await nextTurn();
    }
    const appended = await Promise.all(appends);
    expect(appended.map(({ first }) => first)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect((await readAll(log)).entries.map(textOf)).toEqual([
      "1",
      "2",
      "3",
      "4",
      "5",
      "6",
      "7",
      "8",
      "9",
      "10",
    ]);
    // Of the second it is not known yet that more come.
    expect(await blocks(server)).toBe(3);
  });

  it("holds what comes in the turn of an answer without having waited for it", async () => {
    const { server, log } = await open({ lingerMs: 300 });
    const appends = [];
    for (let n = 1; n <= 10; n += 1) {
      appends.push(log.append([draft(`${n}`)]));
      if (n <= 2) await appends[n - 1];
      // What another connection brings comes after what the promises of the answer lead to.
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    await Promise.all(appends);
    expect(await blocks(server)).toBe(3);
  });

  it("holds nothing where few come", async () => {
    const { server, log } = await open({ lingerMs: 20 });
    const appends = [];
    for (let n = 1; n <= 8; n += 1) {
      appends.push(log.append([draft(`${n}`)]));
      await new Promise((resolve) => void setTimeout(resolve, 10));
    }
    await Promise.all(appends);
    expect(await blocks(server)).toBe(8);
  });

  it("holds nobody who waits for each append, and no group that is full", async () => {
    const { server, log } = await open({ lingerMs: 1_000 });
    for (let n = 1; n <= 30; n += 1) await log.append([draft(`${n}`)]);
    expect(await blocks(server)).toBe(30);
    await nextTurn();
    await nextTurn();
    for (let n = 0; n < 10; n += 1) {
      const full = log.append(Array.from({ length: 500 }, () => draft("of many")));
      await full;
      await nextTurn();
      await nextTurn();
    }
    expect((await log.head()).head).toBe(5_030);
  });

  it("false: everything is sent at once", async () => {
    const { server, log } = await open({ lingerMs: false });
    for (let n = 1; n <= 5; n += 1) {
      await log.append([draft(`${n}`)]);
      await nextTurn();
      await nextTurn();
    }
    expect(await blocks(server)).toBe(5);
  });

  it("is a number above 0 and not above a second", async () => {
    const { client } = cleanups.add(await CLIENTS["node-redis"]!((await open()).server.port), (one) =>
      one.close(),
    );
    for (const lingerMs of [0, -1, Number.NaN, 1_001, Infinity]) {
      expect(() => redisLog(client, { lingerMs })).toThrow(/lingerMs is .*, expected a number above 0/);
    }
  });
});
