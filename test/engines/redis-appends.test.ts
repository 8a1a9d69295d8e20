/** How the log in Redis appends: what goes together. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "../../packages/tidings/src/log/log.ts";
import { redisLog, type RedisLogOptions } from "../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest, readAll, textOf } from "./opened-log.ts";
import { CLIENTS } from "./redis-clients.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";

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

describe("lingerMs", () => {
  it("sends together what comes one after another, in order, and the first at once", async () => {
    const { server, log } = await open({ lingerMs: 300 });
    const appends = [];
    for (let n = 1; n <= 10; n += 1) {
      appends.push(log.append([draft(`${n}`)]));
      // Not in the turn of an answer.
      if (n === 1) await appends[0];
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
    expect(await blocks(server)).toBe(2);
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
