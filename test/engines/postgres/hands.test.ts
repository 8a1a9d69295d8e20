/** What somebody who looks after Postgres does to it while messages go through: nothing is lost, doubled or left open. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CLIENTS } from "./clients.ts";
import { Cleanups, draft, expectHandedOn, openLog, readAll, textOf } from "./opened.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

let server: PostgresServer;
let logs = 0;
beforeAll(async () => void (server = await startPostgres("fsync = off")));
afterAll(() => server.end());
const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** Each is done again and again. */
const HANDS: Record<string, (table: string) => readonly string[]> = {
  "ends connections": () => [
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
  ],
  "cancels what runs": () => [
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
  ],
  "rewrites its tables": (table) => [
    `VACUUM FULL ${table}_entries`,
    `CLUSTER ${table}_log USING ${table}_log_pkey`,
    `REINDEX TABLE ${table}_entries`,
  ],
  "locks its tables": (table) => [
    `BEGIN; LOCK TABLE ${table}_entries, ${table}_log IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.2); COMMIT`,
    `BEGIN; LOCK TABLE ${table}_keys IN SHARE MODE; LOCK TABLE ${table}_log IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.1); COMMIT`,
  ],
  "is set to time limits": () => [
    "ALTER ROLE postgres SET statement_timeout = 20; ALTER ROLE postgres SET lock_timeout = 5; ALTER ROLE postgres SET idle_in_transaction_session_timeout = 5",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    "ALTER ROLE postgres RESET ALL",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
  ],
  "only reads for a moment": () => [
    "ALTER SYSTEM SET default_transaction_read_only = on",
    "SELECT pg_reload_conf()",
    "SELECT pg_sleep(0.1)",
    "ALTER SYSTEM RESET default_transaction_read_only",
    "SELECT pg_reload_conf()",
  ],
};

describe.each(Object.keys(CLIENTS))("postgresLog() with %s, while Postgres", (client) => {
  it.each(Object.keys(HANDS))("%s", async (hands) => {
    const table = `log_${(logs += 1)}`;
    const opened = await openLog(cleanups, { client, port: server.port, table, deadlineMs: 30_000 });
    const { log, parts } = opened;
    const from = await log.follow!(["a"]);
    const acknowledged = new Map<number, string>();
    const errors: unknown[] = [];
    let isOver = false;
    let n = 0;
    const writers = Array.from({ length: 5 }, async () => {
      while (!isOver) {
        const text = `${(n += 1)}`;
        try {
          acknowledged.set((await log.append([draft(text)])).first, text);
        } catch (error) {
          errors.push(error);
          await sleep(5);
        }
      }
    });
    for (let round = 0; round < 8; round += 1) {
      for (const statement of HANDS[hands]!(table)) {
        await server.sql(statement).catch(() => undefined);
        await sleep(50);
      }
    }
    isOver = true;
    await Promise.all(writers);
    const { entries } = await readAll(log);
    const stored = new Map(entries.map((entry) => [entry.offset, textOf(entry)]));
    for (const [offset, text] of acknowledged) expect(stored.get(offset)).toBe(text);
    expect(new Set(stored.values()).size).toBe(entries.length);
    expect(errors.map(String)).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(0);
    const { head } = await log.head();
    await expect.poll(() => parts.at(-1)?.through, { timeout: 20_000 }).toBe(head);
    expectHandedOn(opened, entries, from);
  });
});
