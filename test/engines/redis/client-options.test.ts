/** Options of the application's client that change how commands are sent, or what comes back: the log is the same with each. */
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { redisLog, type RedisClient } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest, readAll, retention, textOf } from "../support/opened-log.ts";
import { withSubscriberAt } from "./clients.ts";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterEach(() => cleanups.run());
afterAll(() => server.stop());

const OPTIONS: Record<string, object> = {
  stringNumbers: { stringNumbers: true },
  enableAutoPipelining: { enableAutoPipelining: true },
  "enableOfflineQueue: false": { enableOfflineQueue: false },
  keyPrefix: { keyPrefix: "app:" },
  db: { db: 3 },
  "all together": {
    stringNumbers: true,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    keyPrefix: "b:",
  },
};

/** Appends, reads and follows, beyond offsets of one digit. */
async function expectToWork(client: RedisClient, name: string): Promise<void> {
  const { log, seen, errors } = await openForTest(cleanups, redisLog(client, { name }));
  expect(await log.follow!(["a"])).toBe(0);
  for (let n = 1; n <= 9; n += 1) await log.append([draft(`${n}`)]);
  const key = { idempotencyKey: "key" };
  const appended = await log.append([draft("10"), draft("11")], key);
  expect(appended).toMatchObject({ first: 10, last: 11, repeated: false });
  expect(await log.append([draft("10"), draft("11")], key)).toMatchObject({ first: 10, repeated: true });
  expect(await log.head()).toMatchObject({ head: 11 });
  const all = Array.from({ length: 11 }, (_, n) => `${n + 1}`);
  expect((await readAll(log)).entries.map(textOf)).toEqual(all);
  await expect.poll(seen).toEqual(all);
  expect(await log.stats()).toMatchObject({ head: 11, oldest: 1, messages: 11 });
  expect(errors).toEqual([]);
}

describe.each(Object.entries(OPTIONS))("redisLog() with %s", (title, options) => {
  it.each(["ioredis", "iovalkey"])("of %s", async (name) => {
    const own = { ...options, port: server.port, host: "127.0.0.1" };
    const client = name === "ioredis" ? new Redis(own) : new Valkey(own);
    cleanups.add(client, (one) => one.disconnect());
    await new Promise((resolve) => void client.once("ready", resolve));
    await expectToWork(client, `${name} ${title}`);
  });
});

it.each(["ioredis", "iovalkey"])(
  "follows within its own deadline with commandTimeout of %s",
  async (name) => {
    const own = { commandTimeout: 200, port: server.port, host: "127.0.0.1" };
    const client = name === "ioredis" ? new Redis(own) : new Valkey(own);
    cleanups.add(client, (one) => one.disconnect());
    const board = await cleanups.switchboard(server.port);
    const connected = withSubscriberAt(client, board.port);
    const { log, seen, errors } = await openForTest(cleanups, redisLog(connected, { name: `slow ${name}` }));
    await log.follow!(["a"]);
    board.delay(300);
    expect(await log.follow!(["b"])).toBe(0);
    await log.append([draft("1", "b")]);
    await expect.poll(seen).toEqual(["1"]);
    expect(errors).toEqual([]);
  },
);

it("works with RESP3 of node-redis", async () => {
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP: 3 });
  await client.connect();
  cleanups.add(client, (one) => one.destroy());
  await expectToWork(client, "RESP3");
});

it("says what was in the way of a client of node-redis whose queue has no room for its own commands", async () => {
  const url = `redis://127.0.0.1:${server.port}`;
  const client = createClient({ url, commandsQueueMaxLength: 1 });
  client.on("error", () => undefined);
  client.connect().catch(() => undefined);
  cleanups.add(client, (one) => one.destroy());
  const log = redisLog(client, { deadlineMs: 500 });
  const opening = { retention, onTail: () => undefined };
  await expect(log.open(opening)).rejects.toMatchObject({
    code: "failed",
    message: expect.stringMatching(/no Redis answered within 500 ms \(The queue is full\)/),
  });
});

// node-redis throws what nobody listens for, and ioredis prints it.
it("a client without a listener for errors does not end the process when Redis restarts", async () => {
  const own = cleanups.add(await startRedis(), (one) => one.stop());
  const client = createClient({ url: `redis://127.0.0.1:${own.port}` });
  cleanups.add(await client.connect(), () => client.destroy());
  const logs = ["one", "two"].map((name) => redisLog(client as unknown as RedisClient, { name }));
  for (const log of logs) await openForTest(cleanups, log);
  expect(client.listenerCount("error")).toBe(1); // however many logs use it
  await own.kill("SIGKILL");
  await own.restart();
  for (const log of logs) await log.append([draft("1")]);
});
