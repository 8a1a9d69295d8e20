/**
 * Keys of the log that Redis evicts, or that somebody removes: who reads gets all that was acknowledged, once and in order, or is told that
 * something may be lost.
 */
import { afterEach, describe, expect, it } from "vitest";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest, readAll, retention, type Opened } from "../support/opened-log.ts";
import { append, expectAllOrTold, type Acknowledged } from "./acknowledged.ts";
import { CLIENTS } from "./clients.ts";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function redis(...options: string[]): Promise<RedisServer> {
  return cleanups.add(await startRedis(...options), (server) => server.stop());
}

async function open(server: RedisServer): Promise<Opened> {
  const { client } = cleanups.add(await CLIENTS["ioredis"]!(server.port), (one) => one.close());
  return openForTest(cleanups, redisLog(client));
}

const keysOf = (reply: string): string[] => reply.match(/^\{tidings\}:.*(?=\r$)/gm) ?? [];

describe("redisLog() whose keys are removed one by one", () => {
  it.each(["entries", "t:a", "t:old", "topics", "lost", "server"])("{tidings}:%s", async (key) => {
    const server = await redis();
    const { log, parts, seen } = await open(server);
    const acknowledged: Acknowledged = new Map();
    await log.follow!(["a", "b", "old"]);
    // Of topics with many messages, a reader looks at the newest of the index only.
    await append(log, acknowledged, ["old", ...Array.from({ length: 100 }, () => "a"), "b"]);
    await server.command("DEL", `{tidings}:${key}`);
    for (const more of [[], ["a"], ["b", "c"], ["a", "old"]]) {
      await append(log, acknowledged, more);
      for (const [topic, offsets] of acknowledged) await expectAllOrTold(log, topic, offsets);
    }
    const { head } = await log.head();
    await expect.poll(() => parts.at(-1)?.through).toBe(head);
    // Those who are there miss nothing of what comes.
    expect(seen().slice(-3)).toEqual(["b", "a", "old"]);
  });

  it("{tidings}:log: another log begins, with nothing of the one before", async () => {
    const server = await redis();
    const { log, resets } = await open(server);
    await append(log, new Map(), ["old", ...Array.from({ length: 100 }, () => "a"), "b"]);
    await log.append([draft("1", "a")], { idempotencyKey: "k" });
    await server.command("DEL", "{tidings}:log");
    const acknowledged: Acknowledged = new Map();
    for (const more of [["a"], ["b", "c"], ["a", "old"]]) {
      await append(log, acknowledged, more);
      for (const [topic, offsets] of acknowledged) await expectAllOrTold(log, topic, offsets);
    }
    expect(resets).toHaveLength(1);
    expect(await log.append([draft("1", "a")], { idempotencyKey: "k" })).toMatchObject({
      first: 6,
      repeated: false,
    });
  });

  it.each(["t:a", "topics", "lost", "entries"])(
    "{tidings}:%s, with topics that have their own retention",
    async (key) => {
      const server = await redis();
      const { client } = cleanups.add(await CLIENTS["ioredis"]!(server.port), (one) => one.close());
      const forTopic = (topic: string) => (topic === "b" ? undefined : { messages: 3 });
      const { log } = await openForTest(cleanups, redisLog(client), {
        retention: { ...retention, forTopic },
      });
      const acknowledged: Acknowledged = new Map();
      await append(log, acknowledged, ["c", "c", "c", "c", "a", "a", "b"]);
      await server.command("DEL", `{tidings}:${key}`);
      for (const more of [[], ["a"], ["a", "a", "a"], ["c"], ["b"]]) {
        await append(log, acknowledged, more);
        for (const [topic, offsets] of acknowledged) await expectAllOrTold(log, topic, offsets);
      }
      // What is appended from then on is there.
      const { entries, lostThrough } = await readAll(log);
      expect(entries.map(({ offset }) => offset)).toEqual(acknowledged.get("a")!.slice(-3));
      expect(lostThrough).toBeLessThan(entries[0]!.offset);
    },
  );

  it("the losses of topics", async () => {
    const server = await redis();
    const { client } = cleanups.add(await CLIENTS["ioredis"]!(server.port), (one) => one.close());
    const { log } = await openForTest(cleanups, redisLog(client), {
      retention: { ...retention, messages: 10 },
    });
    const acknowledged: Acknowledged = new Map();
    await append(
      log,
      acknowledged,
      Array.from({ length: 30 }, (_, n) => `${n}`),
    );
    await server.command("DEL", "{tidings}:lost");
    for (const [topic, offsets] of acknowledged) await expectAllOrTold(log, topic, offsets);
    await append(log, acknowledged, ["a", "b"]);
    for (const [topic, offsets] of acknowledged) await expectAllOrTold(log, topic, offsets);
  });
});

it("redisLog() does not append twice what it sends again while its key of the process is removed", async () => {
  const server = await redis();
  const board = await cleanups.switchboard(server.port);
  const { client } = cleanups.add(await CLIENTS["ioredis"]!(board.port), (one) => one.close());
  const { log } = await openForTest(cleanups, redisLog(client));
  // What is sent once only is appended.
  await log.append([draft("x")]);
  await server.command("DEL", ...keysOf(await server.command("KEYS", "{tidings}:p:*")));
  await log.append([draft("x")]);
  // Redis knows the script by then.
  await (await open(server)).log.append([draft("0")]);
  for (const n of [4, 6]) {
    board.deafen();
    const appending = log.append([draft(`${n}`)]).catch((error: unknown) => error);
    await expect.poll(() => server.command("XLEN", "{tidings}:entries")).toContain(`:${n}`);
    await server.command("DEL", ...keysOf(await server.command("KEYS", "{tidings}:p:*")));
    board.cut();
    expect(await appending).toMatchObject({ name: "LogError", code: "failed" });
    expect(String(await appending)).toMatch(/unknown whether this was appended.*noeviction/);
    // What comes then is appended.
    expect((await log.append([draft("next")])).first).toBe(n + 1);
  }
});

it.each(["allkeys-random", "allkeys-lru"])("redisLog() in a Redis that evicts: %s", async (policy) => {
  const server = await redis("--maxmemory", "6mb", "--maxmemory-policy", policy);
  const { log, resets, errors } = await open(server);
  expect(errors).toMatchObject([{ message: expect.stringContaining(policy) as string }]);
  let acknowledged: Acknowledged = new Map();
  let checked = 0;
  for (let round = 0; round < 160; round += 1) {
    const before = resets.length;
    const appended = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const topic = `topic ${(round * 40 + i * i * 37) % 1_009}`;
        return [topic, (await log.append([draft("x".repeat(1_000), topic)])).first] as const;
      }),
    );
    if (resets.length > before) acknowledged = new Map();
    else
      for (const [topic, first] of appended)
        acknowledged.set(topic, [...(acknowledged.get(topic) ?? []), first]);
    if (round < 100 || round % 20 > 0 || acknowledged.size < 40) continue;
    for (const [topic, offsets] of [...acknowledged].slice(0, 3)) {
      await expectAllOrTold(log, topic, offsets.slice(-3)).catch((error: unknown) => {
        // The log itself may be evicted meanwhile.
        if (resets.length === before) throw error;
      });
      checked += 1;
    }
  }
  expect(await server.command("INFO", "stats")).toMatch(/evicted_keys:[1-9]/);
  expect(checked).toBeGreaterThan(0);
});
