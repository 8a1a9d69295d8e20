/**
 * What others do with the keys and channels of a log: who appends gets it done or is told that it was not, all else goes on, and who reads
 * gets all that was acknowledged, or a gap.
 */
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "../../../packages/tidings/src/log/log.ts";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, expectHandedOn, openForTest, readAll, retention } from "../support/opened-log.ts";
import { textOf, type Opened } from "../support/opened-log.ts";
import { append, expectAllOrTold, type Acknowledged } from "./acknowledged.ts";
import { CLIENTS } from "./clients.ts";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

let texts = 0;
/** Never the same. */
const text = (topic: string): string => `${topic} ${(texts += 1)}`;

async function redis(): Promise<RedisServer> {
  return cleanups.add(await startRedis(), (one) => one.stop());
}

type More = Parameters<typeof openForTest>[2];

async function open(server: RedisServer, name = "ioredis", more: More = {}): Promise<Opened> {
  const { client } = cleanups.add(await CLIENTS[name]!(server.port), (one) => one.close());
  return openForTest(cleanups, redisLog(client), more);
}

/** A client that sends bytes as they are. */
async function stranger(server: RedisServer): Promise<Redis> {
  const client = new Redis({ port: server.port, host: "127.0.0.1" });
  return cleanups.add(client, (one) => one.disconnect());
}

describe.each(Object.keys(CLIENTS))("redisLog() with %s, where somebody else writes to", (name) => {
  it.each([
    ["t:a", ["LPUSH", "x"]],
    ["t:a", ["SET", "x"]],
    ["t:a", ["SET", "thirteen byte"]],
    ["topics", ["SET", "x"]],
    ["lost", ["SET", "x"]],
    ["entries", ["SET", "x"]],
    ["entries", ["XADD", "*", "x", "y"]],
    ["server", ["LPUSH", "x"]],
  ] as const)("{tidings}:%s, with %j", async (name_, [command, ...words]) => {
    const server = await redis();
    const opened = await open(server, name);
    const { log } = opened;
    const from = await log.follow!(["a", "b"]);
    const acknowledged: Acknowledged = new Map();
    await append(log, acknowledged, ["a", "b", "a"], text);
    const key = `{tidings}:${name_}`;
    if (command !== "XADD") await server.command("DEL", key);
    await server.command(command, key, ...words);
    const errors: unknown[] = [];
    for (const topic of ["a", "b", "c", "a", "b"]) {
      await append(log, acknowledged, [topic], text).catch((error: unknown) => errors.push(error));
    }
    const refusal = {
      code: "failed",
      message: expect.stringMatching(/WRONGTYPE.*expected another name/) as string,
    };
    expect(errors).toEqual(errors.map(() => expect.objectContaining(refusal) as unknown));
    // What is of another type is in the way until it is removed. An index that is none is replaced.
    if (command !== "XADD" && name_ !== "t:a") await server.command("DEL", key);
    if (command === "LPUSH") await server.command("DEL", key);
    await append(log, acknowledged, ["a", "b", "c"], text);
    for (const [topic, offsets] of acknowledged) await expectAllOrTold(log, topic, offsets);
    const { head } = await log.head();
    await expect.poll(() => opened.parts.at(-1)?.through).toBe(head);
    for (const topic of ["a", "b"]) expectHandedOn(opened, (await readAll(log, topic)).entries, from);
  });
});

it("rejects alone, of what is appended together, what goes to a key of somebody else, and stores nothing of it", async () => {
  const server = await redis();
  const { log } = await open(server);
  await log.append([draft("first", "b")]);
  await server.command("LPUSH", "{tidings}:t:a", "x");
  const key = { idempotencyKey: "key" };
  const settled = await Promise.allSettled([
    log.append([draft("1", "b")]),
    log.append([draft("2", "b"), draft("3", "c")], { idempotencyKey: "other" }),
    log.append([draft("4", "c"), draft("refused", "a")], key),
    log.append([draft("5", "b")]),
  ]);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect((settled[2] as PromiseRejectedResult).reason).toMatchObject({
    message: expect.stringMatching(/nothing was appended: WRONGTYPE.*\{tidings\}:t:a/) as string,
  });
  expect((await readAll(log, "b")).entries.map(textOf)).toEqual(["first", "1", "2", "5"]);
  expect(await readAll(log, "c")).toMatchObject({ entries: [{}], lostThrough: 0 });
  const all = { topics: { matches: () => true }, after: 0, maxMessages: 99, maxBytes: 999 };
  expect((await log.read(all)).entries.map(textOf)).toEqual(["first", "1", "2", "3", "5"]);
  expect((await log.stats()).messages).toBe(5);
  // Its key was not used up.
  await server.command("DEL", "{tidings}:t:a");
  expect(await log.append([draft("4", "c"), draft("6", "a")], key)).toMatchObject({ repeated: false });
  expect((await readAll(log, "a")).entries.map(textOf)).toEqual(["6"]);
});

it("stores nothing for a topic with a retention of its own whose key is of somebody else", async () => {
  const server = await redis();
  const { log } = await open(server, "ioredis", {
    retention: { ...retention, forTopic: (topic) => (topic === "a" ? { messages: 2 } : undefined) },
  });
  await server.command("LPUSH", "{tidings}:t:a", "x");
  await expect(log.append([draft("1", "b"), draft("refused", "a")])).rejects.toMatchObject({
    message: expect.stringMatching(/nothing was appended: WRONGTYPE of \{tidings\}:t:a/) as string,
  });
  expect(await log.append([draft("2", "b")])).toMatchObject({ first: 1 });
});

it.each([
  ["another version", (state: Buffer) => Buffer.from(state.toString("latin1").replace("|", " "), "latin1")],
  ["another program", () => Buffer.from("x")],
])("refuses a log of %s, and leaves it alone", async (_, changed) => {
  const server = await redis();
  const { log } = await open(server);
  await log.append([draft("1")]);
  const hands = await stranger(server);
  const state = changed((await hands.getBuffer("{tidings}:log"))!);
  await hands.set("{tidings}:log", state);
  const before = await server.command("DBSIZE");
  const refusal = {
    code: "failed",
    message: expect.stringMatching(
      /FORMAT .* is of another version.*Expected one version of Tidings/,
    ) as string,
  };
  const { client } = cleanups.add(await CLIENTS["ioredis"]!(server.port), (one) => one.close());
  const opening = redisLog(client).open({ retention, onTail: () => undefined });
  await expect(opening).rejects.toMatchObject(refusal);
  await expect(log.append([draft("2")])).rejects.toMatchObject(refusal);
  await expect(readAll(log)).rejects.toMatchObject(refusal);
  expect(await hands.getBuffer("{tidings}:log")).toEqual(state);
  expect(await server.command("DBSIZE")).toBe(before);
  expect(await server.command("XLEN", "{tidings}:entries")).toBe(":1\r\n");
});

describe("redisLog() whose key {tidings}:log is set back", () => {
  it.each([
    ["who appends", () => Promise.resolve()],
    ["who looks", (log: Log) => log.head()],
  ])("notices it, by %s, and gives no offset again", async (_, look) => {
    const server = await redis();
    const before = await open(server);
    const hands = await stranger(server);
    const acknowledged: Acknowledged = new Map();
    await append(before.log, acknowledged, ["a", "b", "a"], text);
    const copy = await hands.dumpBuffer("{tidings}:log");
    await append(before.log, acknowledged, ["a", "b", "c", "a"], text);
    // No process remembers how far it was.
    await before.log.close();
    await hands.restore("{tidings}:log", 0, copy, "REPLACE");
    const after = await open(server);
    await look(after.log);
    await append(after.log, acknowledged, ["a", "b"], text);
    expect(acknowledged.get("a")!.at(-1)).toBeGreaterThan(1_000_000);
    for (const [topic, offsets] of acknowledged) await expectAllOrTold(after.log, topic, offsets);
    for (const reader of [0, 3, 7]) {
      const topics = { exact: ["a"], matches: () => true };
      const page = await after.log.read({ topics, after: reader, maxMessages: 99, maxBytes: 9_999 });
      expect(page.lostThrough).toBeGreaterThanOrEqual(1_000_000);
    }
    expect((await after.log.head()).epoch).toBe(before.position.epoch);
    expect((await after.log.stats()).messages).toBe(9);
  });

  it("tells readers before the next append", async () => {
    const server = await redis();
    const { log } = await open(server);
    const hands = await stranger(server);
    await append(log, new Map(), ["a"], text);
    const copy = await hands.dumpBuffer("{tidings}:log");
    await append(log, new Map(), ["a"], text);
    await log.close();
    await hands.restore("{tidings}:log", 0, copy, "REPLACE");
    const { position } = await open(server);
    expect(position.head).toBeGreaterThan(1_000_000);
  });

  it("under processes that go on", async () => {
    const server = await redis();
    const opened = await open(server);
    const hands = await stranger(server);
    const from = await opened.log.follow!(["a"]);
    const acknowledged: Acknowledged = new Map();
    await append(opened.log, acknowledged, ["a", "b", "a"], text);
    const copy = await hands.dumpBuffer("{tidings}:log");
    await append(opened.log, acknowledged, ["a", "b", "a"], text);
    await hands.restore("{tidings}:log", 0, copy, "REPLACE");
    await append(opened.log, acknowledged, ["a", "b", "a"], text);
    for (const [topic, offsets] of acknowledged) await expectAllOrTold(opened.log, topic, offsets);
    const { head } = await opened.log.head();
    await expect.poll(() => opened.parts.at(-1)?.through).toBe(head);
    expectHandedOn(opened, (await readAll(opened.log)).entries, from);
  });
});

it.each(Object.keys(CLIENTS))(
  "goes on with %s while others publish to its channels, and says so once",
  async (name) => {
    const server = await redis();
    const opened = await open(server, name);
    const { log } = opened;
    const from = await log.follow!(["a"]);
    await log.follow!("all");
    const hands = await stranger(server);
    const epoch = Buffer.from(opened.position.epoch);
    const intro = Buffer.alloc(25);
    intro[0] = epoch.length;
    const payloads = [
      Buffer.alloc(0),
      Buffer.from("hello"),
      Buffer.alloc(25),
      Buffer.alloc(25, 255),
      Buffer.alloc(4_000_000, 7),
      // Of our log, and cut off.
      Buffer.concat([intro, epoch, Buffer.from([0, 9, 0, 0, 0, 0, 0, 9, 1])]),
    ];
    const asked = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await server.command("INFO", "commandstats"))![1]);
    const before = await asked();
    for (let n = 0; n < 20; n += 1) {
      for (const channel of ["{tidings}:all", "{tidings}:c:a"]) {
        const random = Buffer.alloc(40, n);
        random[0] = 10;
        for (const payload of [...payloads, random]) await hands.spublish(channel, payload);
        await hands.publish(channel, "of another kind");
      }
      await log.append([draft(`${n}`)]);
    }
    const all = Array.from({ length: 20 }, (_, n) => `${n}`);
    await expect.poll(() => opened.seen(), { timeout: 5_000 }).toEqual(all);
    expectHandedOn(opened, (await readAll(log)).entries, from);
    expect(opened.errors.map(String)).toEqual([expect.stringMatching(/somebody else publishes there/)]);
    expect((await asked()) - before).toBeLessThan(20 + 280);
  },
);
