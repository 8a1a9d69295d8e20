/** What becomes of a log whose Redis dies and has less on its disk than it acknowledged, or cannot write to it. */
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import type { RedisLogOptions } from "../../../packages/tidings/src/log/redis/index.ts";
import {
  Cleanups,
  draft,
  openForTest,
  readAll,
  retention,
  textOf,
  type Opened,
} from "../support/opened-log.ts";
import { CLIENTS } from "./clients.ts";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const LONG = { timeout: 20_000 };

async function redis(...options: string[]): Promise<RedisServer> {
  return cleanups.add(await startRedis(...options), (server) => server.stop());
}

async function openLog(
  server: RedisServer,
  options: RedisLogOptions = {},
  ageMs = 3_600_000,
): Promise<Opened> {
  const connected = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
  return openForTest(cleanups, redisLog(connected.client, options), { retention: { ...retention, ageMs } });
}

/** Each message that was acknowledged is there or told to be lost, and what comes then has an offset of its own. */
async function expectTold({ log, parts }: Opened, acknowledged: ReadonlyMap<number, string>): Promise<void> {
  const { entries, lostThrough } = await readAll(log);
  const found = new Map(entries.map((entry) => [entry.offset, textOf(entry)]));
  for (const [offset, text] of acknowledged) {
    expect(found.get(offset) ?? text).toBe(text);
    expect(lostThrough).toBeGreaterThanOrEqual(offset);
  }
  const { first } = await log.append([draft("after")]);
  expect(first).toBeGreaterThan(Math.max(...acknowledged.keys()));
  await expect.poll(() => parts.at(-1)?.through, LONG).toBe(first);
  const isTold = parts.some(({ after }, i) => after > (parts[i - 1]?.through ?? 0));
  expect(isTold).toBe(true);
}

it("tells what an append-only file that is written each second has lost", async () => {
  const server = await redis("--appendonly", "yes", "--appendfsync", "everysec");
  const opened = await openLog(server);
  await opened.log.follow!(["a"]);
  const acknowledged = new Map<number, string>();
  const dies = new Promise((resolve) => void setTimeout(() => resolve(server.kill("SIGKILL")), 1_300));
  for (let isOver = false; !isOver;) {
    const text = `${acknowledged.size}`;
    const appending = opened.log.append([draft(text)]).then(({ first }) => acknowledged.set(first, text));
    isOver = await Promise.race([appending.then(() => false), dies.then(() => true)]);
    if (isOver) {
      await server.restart();
      await appending;
    }
  }
  expect(acknowledged.size).toBeGreaterThan(100);
  // The last one was acknowledged by the Redis that came back.
  const last = Math.max(...acknowledged.keys());
  expect(last).toBeGreaterThan(1_000_000);
  acknowledged.delete(last);
  await expectTold(opened, acknowledged);
});

it("tells what an older snapshot does not have", async () => {
  const server = await redis();
  const opened = await openLog(server);
  const other = await openLog(server);
  for (const { log } of [opened, other]) await log.follow!(["a"]);
  const acknowledged = new Map<number, string>();
  const append = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      const text = `${acknowledged.size}`;
      acknowledged.set((await opened.log.append([draft(text)])).first, text);
    }
  };
  await append(5);
  expect(await server.command("SAVE")).toContain("OK");
  await append(5);
  await expect.poll(() => other.parts.at(-1)?.through).toBe(10);
  await server.kill("SIGKILL");
  await server.restart();
  await expectTold(other, acknowledged);
});

it("rejects what Redis cannot write since its disk fails, says so, and is read meanwhile", async () => {
  const server = await redis();
  const { log } = await openLog(server, { deadlineMs: 1_000 }, 500);
  await log.append([draft("1")]);
  // Snapshots are renamed to what is a folder.
  const folder = (await server.command("CONFIG", "GET", "dir")).split("\r\n").at(-2)!;
  mkdirSync(join(folder, "dump.rdb"));
  await server.command("CONFIG", "SET", "save", "3600 1");
  await server.command("BGSAVE");
  await expect
    .poll(() => server.command("INFO", "persistence"), LONG)
    .toContain("rdb_last_bgsave_status:err");
  await expect(log.append([draft("2")])).rejects.toMatchObject({
    code: "failed",
    message: expect.stringContaining("MISCONF"),
  });
  // Also what is too old by then cannot be discarded.
  await new Promise((resolve) => void setTimeout(resolve, 1_000));
  expect((await readAll(log)).entries.map(textOf)).toEqual(["1"]);
  expect((await log.head()).head).toBe(1);
  rmdirSync(join(folder, "dump.rdb"));
  await server.command("BGSAVE");
  await expect.poll(() => server.command("INFO", "persistence"), LONG).toContain("rdb_last_bgsave_status:ok");
  expect((await log.append([draft("3")])).first).toBe(2);
  expect((await readAll(log)).entries.map(textOf)).toEqual(["3"]);
});

it("rejects what may not be written without a replica (min-replicas-to-write), and is read meanwhile", async () => {
  const server = await redis();
  const { log } = await openLog(server, { deadlineMs: 1_000 });
  await log.append([draft("1")]);
  await server.command("CONFIG", "SET", "min-replicas-to-write", "1");
  await expect(log.append([draft("2")])).rejects.toMatchObject({
    code: "failed",
    message: expect.stringContaining("NOREPLICAS"),
  });
  expect((await readAll(log)).entries.map(textOf)).toEqual(["1"]);
  const replica = await redis("--replicaof", "127.0.0.1", `${server.port}`);
  const appended = (): Promise<unknown> => log.append([draft("3")]).catch(() => undefined);
  await expect.poll(appended, LONG).toMatchObject({ first: 2 });
  await expect.poll(() => replica.command("XLEN", "{tidings}:entries"), LONG).toContain(":2");
});
