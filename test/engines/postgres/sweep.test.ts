/** Deleting what is discarded: appends and reads go on meanwhile, however much it is. */
import { Client } from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { type PostgresLogOptions } from "../../../packages/tidings/src/log/postgres/index.ts";
import { namesOf } from "../../../packages/tidings/src/log/postgres/names.ts";
import { CLIENTS } from "./clients.ts";
import { Cleanups, draft, openLog, type Opened, readAll, retention, textOf } from "./opened.ts";
import { type PostgresServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** A statement that waits longer for a lock fails. */
const SETTINGS = "fsync = off\nlock_timeout = 2s\n";
const KEPT = 500;
const { call } = namesOf({});

async function connect({ port }: PostgresServer): Promise<Client> {
  const client = new Client({ host: "127.0.0.1", port, user: "postgres", database: "postgres" });
  await client.connect();
  return cleanups.add(client, (one) => one.end());
}

/** Appends many, and opens the log again, which is to keep few. */
async function fill(options: { port: number } & PostgresLogOptions, messages: number): Promise<void> {
  const { log } = await openLog(cleanups, options);
  const batch = Array.from({ length: 500 }, (_, n) => draft(`old ${n}`, `old/${n % 7}`));
  for (let n = 0; n < messages; n += batch.length) await log.append(batch);
  await log.close();
}

/** What an application does: each read has to have what was appended. */
async function use({ log, seen }: Opened, n: number): Promise<void> {
  const text = `new ${n}`;
  await log.append([draft(text)]);
  expect((await readAll(log)).entries.map(textOf).at(-1)).toBe(text);
  await expect.poll(() => seen().at(-1)).toBe(text);
}

describe.each(Object.keys(CLIENTS))("postgresLog() with %s", (client) => {
  it("appends and reads go on while 100,000 messages are discarded and deleted", async () => {
    const server = await cleanups.postgres(SETTINGS);
    const options = { client, port: server.port };
    await fill(options, 100_000);
    const opened = await openLog(cleanups, options, { retention: { ...retention, messages: KEPT } });
    await opened.log.follow!("all");
    const watch = await connect(server);
    const rollbacks = async (): Promise<number> => {
      const { rows } = await watch.query<{ count: string }>(
        "SELECT xact_rollback AS count FROM pg_stat_database WHERE datname = 'postgres'",
      );
      return Number(rows[0]!.count);
    };
    const stored = async (): Promise<number> => {
      const { rows } = await watch.query<{ count: string }>("SELECT count(*) FROM tidings_entries");
      return Number(rows[0]!.count);
    };
    const before = await rollbacks();
    let used = 0;
    const counts = [await stored()];
    for (const giveUp = Date.now() + 50_000; counts.at(-1)! > KEPT + 1_000 && Date.now() < giveUp;) {
      await use(opened, (used += 1));
      counts.push(await stored());
    }
    expect(counts[0]).toBeGreaterThanOrEqual(100_000);
    expect(counts.at(-1)).toBeLessThanOrEqual(KEPT + 1_000);
    // While it was at it, and not before or after.
    expect(new Set(counts).size).toBeGreaterThan(5);
    // Nobody waited for a lock in vain.
    expect(await rollbacks()).toBe(before);
    expect(opened.errors).toEqual([]);
  });

  it("appends and reads wait for nothing that a deletion holds", async () => {
    const server = await cleanups.postgres(SETTINGS);
    const options = { client, port: server.port };
    await fill(options, 10_000);
    const opened = await openLog(cleanups, options, { retention: { ...retention, messages: KEPT } });
    await opened.log.follow!("all");
    // Its own sweeps find another at it.
    const sweeper = await connect(server);
    await sweeper.query("SELECT pg_advisory_lock(hashtext('tidings public.tidings'), 2)");
    await use(opened, 1);
    const { position, log } = opened;
    const meta = JSON.stringify({
      epoch: position.epoch,
      newEpoch: "another",
      seen: (await log.head()).head,
      now: Date.now(),
      age: retention.ageMs,
      messages: KEPT,
      bytes: retention.bytes,
      lostTopics: 1_000,
    });
    await sweeper.query(`SELECT ${call("expire")}($1)`, [meta]);
    await sweeper.query("DELETE FROM tidings_sweeps");
    await sweeper.query(
      "INSERT INTO tidings_sweeps SELECT 1, head, head, clock_timestamp(), 0, 0 FROM tidings_log",
    );
    await sweeper.query("BEGIN");
    for (let n = 0; n < 5; n += 1) await sweeper.query(`SELECT ${call("sweep")}($1)`, [meta]);
    const { rows } = await sweeper.query<{ count: string }>("SELECT count(*) FROM tidings_entries");
    expect(Number(rows[0]!.count)).toBeLessThan(KEPT + 100);
    // It stands still, with all that it locks.
    for (let n = 2; n < 30; n += 1) await use(opened, n);
    expect(await opened.log.stats()).toMatchObject({ messages: KEPT });
    await sweeper.query("COMMIT");
    await use(opened, 30);
    expect(opened.errors).toEqual([]);
  });
});
