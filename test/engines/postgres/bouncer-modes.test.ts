/** PgBouncer in each of its modes, in front of everything that a log does, and when it pauses or hangs. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CLIENTS } from "./clients.ts";
import { Cleanups, draft, openLog, readAll, textOf } from "./opened.ts";
import { startPgBouncer, type PoolMode } from "./pgbouncer.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

let server: PostgresServer;
let logs = 0;
beforeAll(async () => void (server = await startPostgres("fsync = off")));
afterAll(() => server.end());
const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const MODES: PoolMode[] = ["session", "transaction", "statement"];
const HEARS_NOTHING = /hears no notifications.*Expected the option listen/;

describe.each(Object.keys(CLIENTS))("postgresLog() with %s alone, through PgBouncer", (client) => {
  it.each(MODES)("in %s mode hands on everything, and says if notifications do not come", async (mode) => {
    const bouncer = await startPgBouncer(server.port, { mode, connections: 6 });
    cleanups.add(bouncer, (one) => one.end());
    const table = `log_${(logs += 1)}`;
    const { log, seen, errors } = await openLog(cleanups, { client, port: bouncer.port, table });
    await log.follow!("all");
    // What a process appends itself it reads at once.
    const other = await openLog(cleanups, { client, port: server.port, table });
    const all: string[] = [];
    for (let n = 0; n < 7; n += 1) {
      all.push(`${n}`);
      await other.log.append([draft(`${n}`)]);
      await expect.poll(seen, { timeout: 10_000, interval: 5 }).toEqual(all);
    }
    const told = errors.map((error) => HEARS_NOTHING.test(String(error)));
    expect(told).toEqual(mode === "session" ? [] : [true]);
  });

  it.each(["session", "statement"] as const)(
    "in %s mode stores once what is published while it pauses, and while it hangs",
    async (mode) => {
      const bouncer = await startPgBouncer(server.port, { mode, connections: 6 });
      cleanups.add(bouncer, (one) => one.end());
      const table = `log_${(logs += 1)}`;
      const options = { client, port: bouncer.port, table, deadlineMs: 30_000 };
      const { log, seen } = await openLog(cleanups, options);
      await log.follow!("all");
      const published: string[] = [];
      for (const [from, to] of [
        ["pause", "resume"],
        ["hang", "go on"],
      ] as const) {
        await log.append([draft(`before ${from}`)]);
        bouncer.signal(from);
        const texts = Array.from({ length: 20 }, (_, n) => `${from} ${n}`);
        const publishing = Promise.all(texts.map((text) => log.append([draft(text)])));
        // Longer than an attempt.
        await sleep(4_000);
        bouncer.signal(to);
        await publishing;
        published.push(`before ${from}`, ...texts);
      }
      const { entries, lostThrough } = await readAll(log);
      expect([lostThrough, ...entries.map(textOf)]).toEqual([0, ...published]);
      await expect.poll(seen, { timeout: 20_000 }).toEqual(published);
    },
  );
});

describe("postgresLog() through PgBouncer in statement mode", () => {
  it("publishes nothing in a transaction, which PgBouncer refuses to begin", async () => {
    const bouncer = await startPgBouncer(server.port, { mode: "statement" });
    cleanups.add(bouncer, (one) => one.end());
    const table = `log_${(logs += 1)}`;
    const { log, client } = await openLog(cleanups, { port: bouncer.port, table, listen: false });
    const pool = client as import("pg").Pool;
    const lent = await pool.connect();
    lent.on("error", () => undefined);
    await expect(lent.query("BEGIN")).rejects.toThrow(/transaction blocks not allowed|terminated/);
    await expect(log.enlist!(lent, [draft("1")])).rejects.toThrow(/not queryable|terminated|closed/);
    lent.release(true);
    const other = await pool.connect();
    await expect(log.enlist!(other, [draft("1")])).rejects.toThrow(/there is no transaction/);
    other.release();
    expect(await log.append([draft("2")])).toMatchObject({ first: 1 });
  });
});
