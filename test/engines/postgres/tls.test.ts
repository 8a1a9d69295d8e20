/** Connections of TLS that are cut, in the middle of its records: nothing is lost, doubled or left open. */
import { chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pool } from "pg";
import postgres from "postgres";
import { generate } from "selfsigned";
import { afterEach, expect, it } from "vitest";
import { postgresLog, type PostgresClient } from "../../../packages/tidings/src/log/postgres/index.ts";
import { openForTest } from "../support/opened-log.ts";
import { Cleanups, draft, expectHandedOn, readAll, textOf } from "./opened.ts";
import { type PostgresServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** Gives it a certificate. */
async function useTls(server: PostgresServer): Promise<void> {
  const made = await generate([{ name: "commonName", value: "127.0.0.1" }]);
  const { uid, gid } = statSync(server.folder);
  for (const [name, content] of [
    ["server.key", made.private],
    ["server.crt", made.cert],
  ] as const) {
    const file = join(server.folder, name);
    writeFileSync(file, content, { mode: 0o600 });
    chownSync(file, uid, gid);
  }
  await server.sql("ALTER SYSTEM SET ssl = on");
  await server.sql("SELECT pg_reload_conf()");
  await expect.poll(async () => (await server.sql("SHOW ssl"))[0]).toEqual({ ssl: "on" });
}

const ssl = { rejectUnauthorized: false };
const CONNECT: Record<string, (port: number) => PostgresClient> = {
  pg: (port) => {
    const pool = new Pool({ host: "127.0.0.1", port, user: "postgres", database: "postgres", ssl });
    return cleanups.add(pool, (one) => one.end());
  },
  postgres: (port) => {
    const at = { host: "127.0.0.1", port, username: "postgres", database: "postgres", ssl };
    const sql = postgres({ ...at, fetch_types: false, backoff: () => 1, onnotice: () => undefined });
    return cleanups.add(sql, (one) => one.end({ timeout: 1 }));
  },
};

it.each(Object.keys(CONNECT))(
  "postgresLog() with %s stores once what it appends while TLS is cut",
  async (client) => {
    const server = await cleanups.postgres("fsync = off");
    await useTls(server);
    const board = await cleanups.switchboard(server.port);
    const log = postgresLog(CONNECT[client]!(board.port), { deadlineMs: 30_000 });
    const opened = await openForTest(cleanups, log);
    const from = await log.follow!(["a"]);
    const using = "SELECT count(*)::int AS count FROM pg_stat_ssl WHERE ssl";
    expect((await server.sql(using))[0]!["count"]).toBeGreaterThan(0);
    const acknowledged = new Map<number, string>();
    const refused: unknown[] = [];
    let cuts = 0;
    let n = 0;
    const writing = Promise.all(
      Array.from({ length: 20 }, async () => {
        while (cuts < 6 || acknowledged.size < 500) {
          const text = `${(n += 1)}`.padEnd(20_000);
          try {
            acknowledged.set((await log.append([draft(text)])).first, text);
          } catch (error) {
            refused.push(error);
          }
        }
      }),
    );
    const cutting = setInterval(() => {
      cuts += 1;
      board.cut();
    }, 300);
    await writing;
    clearInterval(cutting);
    expect(refused).toEqual([]);
    const { entries, lostThrough } = await readAll(log);
    expect(lostThrough).toBe(0);
    expect(new Map(entries.map((entry) => [entry.offset, textOf(entry)]))).toEqual(acknowledged);
    await expect.poll(() => opened.parts.at(-1)?.through, { timeout: 20_000 }).toBe(acknowledged.size);
    expectHandedOn(opened, entries, from);
  },
);
