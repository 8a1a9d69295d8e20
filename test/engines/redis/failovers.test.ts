/**
 * What becomes of a log when servers of Redis take over from each other, there and back, while connections to each stay open: no
 * offset is acknowledged for two messages, and whoever may have lost something is told.
 */
import { afterEach, expect, it } from "vitest";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import {
  Cleanups,
  draft,
  missedBy,
  openForTest,
  readAll,
  textOf,
  type Opened,
} from "../support/opened-log.ts";
import { CLIENTS } from "./clients.ts";
import { freePort } from "../../support/free-port.mjs";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const LONG = { timeout: 20_000 };

async function redis(...options: string[]): Promise<RedisServer> {
  const server = await startRedis("--repl-diskless-sync-delay", "0", ...options);
  return cleanups.add(server, (one) => one.stop());
}

async function openLog(server: RedisServer): Promise<Opened> {
  const connected = cleanups.add(await CLIENTS["node-redis"]!(server.port), (one) => one.close());
  return openForTest(cleanups, redisLog(connected.client));
}

async function replicate(replica: RedisServer, primary: RedisServer): Promise<void> {
  await replica.command("REPLICAOF", "127.0.0.1", `${primary.port}`);
  await expect.poll(() => replica.command("INFO", "replication"), LONG).toContain("master_link_status:up");
}

/** It hears nothing from now on, and keeps what it has. */
async function cutOff(replica: RedisServer): Promise<void> {
  await replica.command("REPLICAOF", "127.0.0.1", `${await freePort()}`);
}

const promote = (replica: RedisServer): Promise<string> => replica.command("REPLICAOF", "NO", "ONE");
const entriesOf = (server: RedisServer): Promise<string> => server.command("XLEN", "{tidings}:entries");

it("gives no offset twice when a server leads again that lacks what another acknowledged", async () => {
  const [one, other] = [await redis(), await redis()];
  // Both connections stay open, and nothing is asked over one while the other server leads.
  const atOne = await openLog(one);
  const acknowledged = new Map<number, string>();
  const append = async ({ log }: Opened, text: string): Promise<number> => {
    const { first } = await log.append([draft(text)]);
    expect(acknowledged.has(first), `${first} was ${acknowledged.get(first)}`).toBe(false);
    acknowledged.set(first, text);
    return first;
  };
  await append(atOne, "at one");
  await replicate(other, one);
  const atOther = await openLog(other);
  const logs = [atOne, atOther];
  for (const { log } of logs) await log.follow!(["a"]);
  for (let round = 0; round < 3; round += 1) {
    const [leads, follows] = round % 2 === 0 ? [other, one] : [one, other];
    const [atLeads, atFollows] = round % 2 === 0 ? [atOther, atOne] : [atOne, atOther];
    await promote(leads);
    await replicate(follows, leads);
    await append(atLeads, `both have it, ${round}`);
    const both = await entriesOf(leads);
    await expect.poll(() => entriesOf(follows)).toBe(both);
    await cutOff(follows);
    const gone = [await append(atLeads, `gone 1, ${round}`), await append(atLeads, `gone 2, ${round}`)];
    const told = atFollows.parts.length;
    await promote(follows);
    const next = await append(atFollows, `led again, ${round}`);
    for (const after of [gone[0]! - 1, ...gone]) {
      const topics = { exact: ["a"], matches: () => true };
      const page = await atFollows.log.read({ topics, after, maxMessages: 9, maxBytes: 999 });
      expect(page.lostThrough).toBeGreaterThanOrEqual(gone[1]!);
      expect(page.entries.at(-1)).toMatchObject({ offset: next });
    }
    await expect.poll(() => atFollows.parts.at(-1)?.through, LONG).toBe(next);
    const parts = atFollows.parts.slice(Math.max(0, told - 1));
    expect(missedBy(parts, parts[0]!.through).length).toBeGreaterThan(0);
  }
  // They took over from each other, and neither has heard of what the other gave.
  for (const server of [one, other]) await cutOff(server);
  for (const server of [one, other]) await promote(server);
  for (let n = 0; n < 20; n += 1) for (const at of logs) await append(at, `apart ${n}`);
});

it("tells whoever reads, or has a stream open, that a replica took over, before anybody appends", async () => {
  const [primary, replica] = [await redis(), await redis()];
  const board = await cleanups.switchboard(primary.port);
  const connected = cleanups.add(await CLIENTS["node-redis"]!(board.port), (one) => one.close());
  const opened = await openForTest(cleanups, redisLog(connected.client));
  await opened.log.follow!(["a"]);
  await opened.log.append([draft("1")]);
  await replicate(replica, primary);
  await primary.kill("SIGKILL");
  await promote(replica);
  const other = await openLog(replica);
  expect((await readAll(other.log)).lostThrough).toBeGreaterThan(1_000_000);
  board.lead(replica.port);
  board.cut();
  await expect.poll(() => opened.parts.at(-1)?.through, LONG).toBeGreaterThan(1_000_000);
  expect(missedBy(opened.parts, 0)).toHaveLength(1);
});

it("says that Redis lost everything before anybody appends", async () => {
  const server = await redis();
  const { log, position, resets } = await openLog(server);
  await log.append([draft("1")]);
  await server.kill("SIGKILL");
  await server.restart();
  await expect.poll(() => resets.length, LONG).toBe(1);
  expect(resets[0]!.epoch).not.toBe(position.epoch);
  expect(await log.head()).toEqual(resets[0]);
  expect(await readAll(log)).toEqual({ entries: [], lostThrough: 0 });
});

it("has no gap where a server gets its first replica, or a replica restarts", async () => {
  const [primary, replica] = [await redis(), await redis()];
  const { log } = await openLog(primary);
  const nameOf = async (): Promise<string | undefined> =>
    /master_replid:(\w+)/.exec(await primary.command("INFO", "replication"))?.[1];
  await log.append([draft("1")]);
  const name = await nameOf();
  await replicate(replica, primary);
  expect(await nameOf()).not.toBe(name);
  expect((await log.append([draft("2")])).first).toBe(2);
  await replica.kill("SIGKILL");
  await replica.restart();
  await replicate(replica, primary);
  expect((await log.append([draft("3")])).first).toBe(3);
  const { entries, lostThrough } = await readAll(log);
  expect(entries.map(textOf)).toEqual(["1", "2", "3"]);
  expect(lostThrough).toBe(0);
});
