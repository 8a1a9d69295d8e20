/** Somebody holds a lock on the tables of the log for long. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { postgresLog } from "../../../packages/tidings/src/log/postgres/index.ts";
import { namesOf } from "../../../packages/tidings/src/log/postgres/names.ts";
import { CLIENTS } from "./clients.ts";
import { Cleanups, draft, openLog, readAll, retention, textOf } from "./opened.ts";
import { type PostgresServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** Locks a table until the function that it returns is called. */
async function lock(server: PostgresServer, table: string): Promise<() => Promise<void>> {
  const { client } = await cleanups.client("pg", server.port);
  const pool = client as import("pg").Pool;
  const holder = await pool.connect();
  await holder.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  cleanups.add(holder, (one) => one.release(true));
  return async () => void (await holder.query("COMMIT"));
}

/** How many statements wait for a lock, and for how many seconds the first one has. */
const WAITING = `SELECT count(*)::int AS count, coalesce(extract(epoch FROM max(now() - query_start)), 0)::float8 AS seconds
  FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;

describe.each(Object.keys(CLIENTS))(
  "postgresLog() with %s, whose tables somebody locks for long",
  (client) => {
    it("leaves no statement waiting that nobody waits for, and stores everything once", async () => {
      const server = await cleanups.postgres("fsync = off");
      const opened = await openLog(cleanups, { client, port: server.port, deadlineMs: 30_000 });
      const { log, seen } = opened;
      await log.follow!(["a"]);
      const unlock = await lock(server, "tidings_log, tidings_entries");
      const appending = Promise.all(["1", "2"].map((text) => log.append([draft(text)])));
      let longest = 0;
      let most = 0;
      for (let n = 0; n < 16; n += 1) {
        await sleep(500);
        const [{ count, seconds }] = (await server.sql(WAITING)) as [{ count: number; seconds: number }];
        longest = Math.max(longest, seconds);
        most = Math.max(most, count);
      }
      // It did wait. A client gives up after three seconds, and Postgres does not notice that.
      expect(longest).toBeGreaterThan(1);
      expect(longest).toBeLessThan(2.9);
      // An append, reads, a sweep.
      expect(most).toBeLessThan(6);
      await unlock();
      await appending;
      const { entries } = await readAll(log);
      expect(entries.map(textOf)).toEqual(["1", "2"]);
      await expect.poll(seen, { timeout: 20_000 }).toEqual(["1", "2"]);
    });

    it("says so to what is published in a transaction, within its deadline", async () => {
      const server = await cleanups.postgres("fsync = off");
      const { log, transaction } = await openLog(cleanups, { client, port: server.port, deadlineMs: 1_500 });
      const unlock = await lock(server, "tidings_outbox");
      const startedMs = performance.now();
      await expect(transaction((tx) => log.enlist!(tx, [draft("1")]))).rejects.toThrow(
        /lock timeout|did not do it within 1500 ms, and may still publish it if it commits/,
      );
      expect(performance.now() - startedMs).toBeLessThan(2_900);
      await unlock();
      await expect.poll(async () => (await log.append([draft("2")])).first).toBe(1);
      expect((await readAll(log)).entries.map(textOf)).toEqual(["2"]);
    });
  },
);

it("postgresLog() says within its deadline that its tables cannot be made, and makes them when they can", async () => {
  const server = await cleanups.postgres("fsync = off");
  const { log } = await openLog(cleanups, { port: server.port });
  await log.close();
  await server.sql("DROP TABLE tidings_sweeps");
  await server.sql(`DROP FUNCTION ${namesOf({}).call("open")}`);
  const unlock = await lock(server, "tidings_entries");
  const { client } = await cleanups.client("pg", server.port);
  const opening = { retention, onTail: () => undefined };
  await expect(postgresLog(client, { deadlineMs: 4_000 }).open(opening)).rejects.toThrow(/lock timeout/);
  await unlock();
  await expect.poll(async () => (await server.sql(WAITING))[0]).toMatchObject({ count: 0 });
  const again = postgresLog(client);
  await again.open(opening);
  expect(await again.append([draft("1")])).toMatchObject({ first: 1 });
  await again.close();
});
