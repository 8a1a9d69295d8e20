/** How much of Redis the log takes: what makes room where it is full, and what stays in it. */
import { afterEach, expect, it } from "vitest";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest, readAll, retention, textOf } from "../support/opened-log.ts";
import { CLIENTS } from "./clients.ts";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function redis(...options: string[]): Promise<RedisServer> {
  return cleanups.add(await startRedis(...options), (server) => server.stop());
}

it("makes room in a Redis that is full by discarding what is too old, although nobody reads", async () => {
  const server = await redis("--maxmemory", "8mb", "--maxmemory-policy", "noeviction");
  const { client } = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
  const { log } = await openForTest(cleanups, redisLog(client), {
    retention: { ...retention, ageMs: 2_000 },
  });
  const append = (): Promise<unknown> => log.append([draft("x".repeat(100_000))]);
  const fill = async (): Promise<unknown> => {
    for (;;) {
      try {
        await append();
      } catch (error) {
        return error;
      }
    }
  };
  expect(await fill()).toMatchObject({ code: "full" });
  // What is not too old stays.
  expect((await log.stats()).messages).toBeGreaterThan(10);
  await new Promise((resolve) => void setTimeout(resolve, 2_500));
  for (let n = 0; n < 20; n += 1) await append();
  expect((await log.stats()).messages).toBe(20);
});

it("leaves no more scripts in Redis, however often it is opened", async () => {
  const server = await redis();
  const { client } = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
  const scripts = async (): Promise<number> =>
    Number(/number_of_cached_scripts:(\d+)/.exec(await server.command("INFO", "memory"))![1]);
  const before = await scripts();
  for (let n = 0; n < 30; n += 1) {
    const log = redisLog(client);
    await log.open({ retention, onTail() {} });
    await log.append([draft(`${n}`)]);
    await log.read({ topics: { matches: () => true }, after: 0, maxMessages: 9, maxBytes: 999 });
    expect((await readAll(log)).entries.map(textOf)).toHaveLength(n + 1);
    await log.stats();
    await log.close();
    // A server that lost its scripts gets them again.
    if (n === 15) await server.command("SCRIPT", "FLUSH");
  }
  expect((await scripts()) - before).toBeLessThan(10);
});

it("rejects alone, of what is appended together, what cannot be written", async () => {
  const server = await redis();
  const { client } = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
  const { log } = await openForTest(cleanups, redisLog(client), {
    retention: {
      ...retention,
      forTopic: (topic) => {
        if (topic === "broken") throw new Error("forTopic is broken");
        return undefined;
      },
    },
  });
  const settled = await Promise.allSettled([
    log.append([draft("1")]),
    log.append([draft("2", "x".repeat(65_536))]),
    log.append([draft("3"), { ...draft("4"), key: "é".repeat(40_000) }]),
    log.append([draft("5", "broken")]),
    log.append([draft("6", "x".repeat(65_535))]),
    log.append([draft("7")]),
  ]);
  expect(settled.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "rejected",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  expect(String((settled[1] as PromiseRejectedResult).reason)).toMatch(
    /the topic has 65536 bytes and the key 0, expected at most 65535 each/,
  );
  expect((await readAll(log)).entries.map(textOf)).toEqual(["1", "7"]);
  expect((await log.head()).head).toBe(3);
});
