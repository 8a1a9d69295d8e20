/**
 * Rights that are taken from a user while its processes run, and given back: what is acknowledged is there and comes to everybody, what is
 * not is rejected, and all go on.
 */
import { createClient } from "redis";
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { afterEach, describe, expect, it } from "vitest";
import { redisLog, type RedisClient } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, expectHandedOn, openForTest, readAll, retention } from "../support/opened-log.ts";
import type { Opened } from "../support/opened-log.ts";
import { append, expectAllOrTold, type Acknowledged } from "./acknowledged.ts";
import { CLIENTS } from "./clients.ts";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

let texts = 0;
/** Never the same. */
const text = (topic: string): string => `${topic} ${(texts += 1)}`;

const RULES = "+@read +@write +@scripting +@pubsub +@connection +@fast +info +time".split(" ");
const KEYS = ["~{tidings}*", "&{tidings}*"];

async function setUser(server: RedisServer, user: string, ...rules: readonly string[]): Promise<void> {
  expect(await server.command("ACL", "SETUSER", user, ...rules)).toBe("+OK\r\n");
}

async function clientOf(name: string, server: RedisServer, username: string): Promise<RedisClient> {
  const options = { host: "127.0.0.1", port: server.port, username, password: "secret" };
  if (name !== "node-redis") {
    const client = name === "ioredis" ? new Redis(options) : new Valkey(options);
    client.on("error", () => undefined);
    return cleanups.add(client, (one) => one.disconnect());
  }
  const client = createClient({ url: `redis://${username}:secret@127.0.0.1:${server.port}` });
  client.on("error", () => undefined);
  await client.connect();
  return cleanups.add(client, (one) => one.destroy());
}

async function openAs(
  name: string,
  server: RedisServer,
  user: string,
  more: Parameters<typeof openForTest>[2] = {},
): Promise<Opened> {
  await setUser(server, user, "on", ">secret", ...KEYS, ...RULES);
  return openForTest(cleanups, redisLog(await clientOf(name, server, user), { lostTopics: 3 }), more);
}

async function redis(): Promise<RedisServer> {
  return cleanups.add(await startRedis(), (one) => one.stop());
}

describe.each(Object.keys(CLIENTS))("redisLog() with %s, of a user", (name) => {
  it.each([
    ["the command to publish", ["-spublish"], ["+spublish"]],
    ["its channels", ["resetchannels"], ["&{tidings}*"]],
    ["scripts", ["-@scripting"], ["+@scripting"]],
    ["its keys", ["resetkeys"], ["~{tidings}*"]],
  ])("that loses %s: appends nothing that nobody hears of", async (_, withdrawn, returned) => {
    const server = await redis();
    const [writer, reader] = [await openAs(name, server, "writer"), await openAs(name, server, "reader")];
    const from = await reader.log.follow!(["a"]);
    await writer.log.follow!(["a"]);
    await writer.log.append([draft("1")]);
    await setUser(server, "writer", ...withdrawn);
    await expect(writer.log.append([draft("refused")])).rejects.toMatchObject({
      code: "failed",
      message: expect.stringMatching(/NOPERM.*Expected a user that may run what a log does/) as string,
    });
    await reader.log.append([draft("2")]);
    await setUser(server, "writer", ...returned);
    await writer.log.append([draft("3")]);
    const { entries, lostThrough } = await readAll(reader.log);
    expect({ offsets: entries.map(({ offset }) => offset), lostThrough }).toEqual({
      offsets: [1, 2, 3],
      lostThrough: 0,
    });
    for (const opened of [reader, writer]) {
      await expect.poll(() => opened.parts.at(-1)?.through, { timeout: 20_000 }).toBe(3);
      expectHandedOn(opened, entries, from);
    }
    expect(reader.seen()).toEqual(["1", "2", "3"]);
  });

  it("that loses the channels it listens to: says so once, and goes on without a seam", async () => {
    const server = await redis();
    const [writer, reader] = [await openAs(name, server, "writer"), await openAs(name, server, "reader")];
    const from = await reader.log.follow!(["a"]);
    await writer.log.append([draft("1")]);
    await expect.poll(reader.seen).toEqual(["1"]);
    await setUser(server, "reader", "resetchannels");
    await expect
      .poll(() => reader.errors.map(String).filter((error) => /NOPERM/.test(error)))
      .toHaveLength(1);
    await writer.log.append([draft("2")]);
    await expect(reader.log.follow!(["b"])).rejects.toMatchObject({
      code: "failed",
      message: expect.stringMatching(/NOPERM/) as string,
    });
    await setUser(server, "reader", "&{tidings}*");
    await writer.log.append([draft("3")]);
    await expect.poll(() => reader.states.at(-1), { timeout: 20_000 }).toBe("following");
    await expect.poll(() => reader.parts.at(-1)?.through).toBe(3);
    expectHandedOn(reader, (await readAll(reader.log)).entries, from);
    expect(reader.errors.map(String).filter((error) => /NOPERM/.test(error))).toHaveLength(1);
  });
});

/** What is published to a topic alone is not heard: its followers have a gap. */
it("tells those who follow a topic of which the user may not publish", async () => {
  const server = await redis();
  const reader = await openAs("ioredis", server, "reader");
  await reader.log.follow!(["a", "b"]);
  const writer = await openAs("ioredis", server, "writer");
  await setUser(server, "writer", "resetchannels", "&{tidings}:all", "&{tidings}:c:", "&{tidings}:c:b");
  const acknowledged: Acknowledged = new Map();
  await append(writer.log, acknowledged, ["b", "a", "b"], text);
  await expect.poll(() => reader.parts.at(-1)?.through).toBe(3);
  expectHandedOn(reader, (await readAll(reader.log)).entries, 0);
  expect(reader.seen()[0]).toMatch(/^b/);
  for (const [topic, offsets] of acknowledged) await expectAllOrTold(reader.log, topic, offsets);
});

const COMMANDS =
  "append del get getrange mget set setrange pubsub xadd xdel xinfo xrange xtrim zadd zcard zrange zremrangebyrank sadd scard srem";

it.each(COMMANDS.split(" "))("goes on after a user had not %s for a while", async (command) => {
  const server = await redis();
  // What is discarded, in every way, needs commands of its own.
  const forTopic = (topic: string) => (topic === "own" ? { messages: 2 } : undefined);
  const bounds = { retention: { ...retention, messages: 20, forTopic } };
  const reader = await openAs("ioredis", server, "reader", bounds);
  const from = await reader.log.follow!(["a", "b"]);
  const writer = await openAs("ioredis", server, "writer", bounds);
  const acknowledged: Acknowledged = new Map();
  const topics = ["a", "own", "b", "c", "d", "e", "own", "a"];
  for (let n = 0; n < 3; n += 1) await append(writer.log, acknowledged, topics, text);
  await setUser(server, "writer", `-${command}`);
  const errors: unknown[] = [];
  for (const topic of topics) {
    await append(writer.log, acknowledged, [topic], text).catch((error: unknown) => errors.push(error));
    // Others go on.
    await append(reader.log, acknowledged, ["b"], text);
  }
  expect(errors).toEqual(
    errors.map(() => expect.objectContaining({ name: "LogError", code: "failed" }) as unknown),
  );
  await setUser(server, "writer", `+${command}`);
  await append(writer.log, acknowledged, topics, text);
  await append(reader.log, acknowledged, topics, text);
  for (const [topic, offsets] of acknowledged) await expectAllOrTold(reader.log, topic, offsets);
  const { head } = await reader.log.head();
  await expect.poll(() => reader.parts.at(-1)?.through).toBe(head);
  for (const topic of ["a", "b"]) {
    expectHandedOn(reader, (await readAll(reader.log, topic)).entries, from);
  }
  expect((await reader.log.stats()).messages).toBeLessThanOrEqual(25);
});
