/** What somebody who looks after Redis does to it while messages go through: nothing is lost, doubled or left open. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { LogError } from "../../../packages/tidings/src/log/log.ts";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, expectHandedOn, openForTest, readAll, textOf } from "../support/opened-log.ts";
import { CLIENTS } from "./clients.ts";
import { startRedis } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** Each is done again and again. */
const HANDS: Record<string, readonly (readonly string[])[]> = {
  "kills connections": [
    ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
    ["CLIENT", "KILL", "TYPE", "pubsub"],
  ],
  "pauses clients": [
    ["CLIENT", "PAUSE", "300", "ALL"],
    ["CLIENT", "PAUSE", "100", "WRITE"],
  ],
  "flushes scripts": [
    ["SCRIPT", "FLUSH", "SYNC"],
    ["SCRIPT", "FLUSH", "ASYNC"],
  ],
  "is busy with another script": [
    ["CONFIG", "SET", "busy-reply-threshold", "10"],
    ["EVAL", "local n = 0 while n < 2e6 do n = n + 1 end", "0"],
  ],
  "saves, and rewrites its files": [
    ["BGSAVE", "SCHEDULE"],
    ["CONFIG", "SET", "appendonly", "yes"],
    ["BGREWRITEAOF"],
  ],
  "is full for a moment": [
    ["CONFIG", "SET", "maxmemory", "1"],
    ["CONFIG", "SET", "maxmemory", "0"],
  ],
};

describe.each(Object.keys(CLIENTS))("redisLog() with %s, while Redis", (client) => {
  it.each(Object.keys(HANDS))("%s", async (hands) => {
    const server = cleanups.add(await startRedis(), (one) => one.stop());
    const connected = cleanups.add(await CLIENTS[client]!(server.port), (one) => one.close());
    const opened = await openForTest(cleanups, redisLog(connected.client, { deadlineMs: 30_000 }));
    const { log, parts } = opened;
    const from = await log.follow!(["a"]);
    const acknowledged = new Map<number, string>();
    const errors: LogError[] = [];
    let isOver = false;
    let n = 0;
    const writers = Array.from({ length: 5 }, async () => {
      while (!isOver) {
        const text = `${(n += 1)}`;
        try {
          acknowledged.set((await log.append([draft(text)])).first, text);
        } catch (error) {
          errors.push(error as LogError);
          await sleep(5);
        }
      }
    });
    for (let round = 0; round < 12; round += 1) {
      for (const command of HANDS[hands]!) {
        await server.command(...command).catch(() => undefined);
        await sleep(50);
      }
    }
    isOver = true;
    await Promise.all(writers);
    const { entries } = await readAll(log);
    const stored = new Map(entries.map((entry) => [entry.offset, textOf(entry)]));
    for (const [offset, text] of acknowledged) expect(stored.get(offset)).toBe(text);
    expect(new Set(stored.values()).size).toBe(entries.length);
    expect(errors.filter(({ code }) => code !== "full").map(String)).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(0);
    const { head } = await log.head();
    await expect.poll(() => parts.at(-1)?.through, { timeout: 20_000 }).toBe(head);
    expectHandedOn(opened, entries, from);
  });
});
