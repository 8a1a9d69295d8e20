/** What a role may do: as much as the documents name is enough, and what is missing or hidden is said, never lost. */
import { readFileSync } from "node:fs";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { postgresLog, postgresSchema } from "../../../packages/tidings/src/log/postgres/index.ts";
import { openForTest, type Opened } from "../support/opened-log.ts";
import { Cleanups, draft, readAll, textOf } from "./opened.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

let server: PostgresServer;
let databases = 0;
beforeAll(async () => void (server = await startPostgres("fsync = off")));
afterAll(() => server.end());
const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const page = readFileSync(new URL("../../../docs/logs/postgres.md", import.meta.url), "utf8");
const GRANTS = /```sql\n(?<sql>.*?)```/s.exec(page)!.groups!["sql"]!;

interface Database {
  readonly sql: (text: string) => Promise<Record<string, unknown>[]>;
  readonly pool: (user: string) => Pool;
}

/** A database where nobody may do anything by default, with roles that can connect to it. */
async function createDatabase(...roles: string[]): Promise<Database> {
  const name = `rights_${(databases += 1)}`;
  await server.sql(`CREATE DATABASE ${name}`);
  const sql: Database["sql"] = (text) => server.sql(text, name);
  await sql("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC");
  await sql("REVOKE ALL ON SCHEMA public FROM PUBLIC");
  for (const role of roles) {
    await sql(`DROP ROLE IF EXISTS ${role}`).catch(() => undefined);
    await sql(`DO $$ BEGIN CREATE ROLE ${role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
  }
  await sql(postgresSchema());
  const pool = (user: string): Pool => {
    const one = new Pool({ host: "127.0.0.1", port: server.port, user, database: name });
    return cleanups.add(one, (created) => created.end());
  };
  return { sql, pool };
}

const open = (pool: Pool, deadlineMs = 10_000): Promise<Opened> =>
  openForTest(cleanups, postgresLog(pool, { create: false, deadlineMs }));

describe("postgresLog() with a role that has the rights of its page", () => {
  it("appends, reads, hands on, publishes in transactions and deletes", async () => {
    const { sql, pool } = await createDatabase("app");
    await sql(GRANTS);
    const own = pool("app");
    const bounds = { messages: 5, bytes: 2 ** 20, ageMs: 3_600_000 };
    const forTopic = (topic: string) => (topic === "latest" ? { messages: 1 } : undefined);
    const { log, seen, errors } = await openForTest(cleanups, postgresLog(own, { create: false }), {
      retention: { ...bounds, forTopic },
    });
    await log.follow!("all");
    for (const text of ["1", "2"]) await log.append([draft(text, "latest")], { idempotencyKey: text });
    const client = await own.connect();
    await client.query("BEGIN");
    await log.enlist!(client, [draft("3")]);
    await client.query("COMMIT");
    client.release();
    await expect.poll(seen).toEqual(["1", "2", "3"]);
    for (let n = 4; n < 20; n += 1) await log.append([draft(`${n}`)]);
    const rows = async () => (await sql("SELECT count(*)::int AS rows FROM tidings_entries"))[0]!["rows"];
    await expect.poll(rows, { timeout: 40_000 }).toBe(5);
    expect(await log.stats()).toMatchObject({ messages: 5, head: 19 });
    expect(errors).toEqual([]);
  });

  it("needs each of them", async () => {
    const statements = GRANTS.split(";").filter((statement) => statement.trim() !== "");
    expect(statements.length).toBeGreaterThan(3);
    for (const left of statements) {
      const { sql, pool } = await createDatabase("app");
      await sql(statements.filter((statement) => statement !== left).join(";"));
      const own = pool("app");
      const used = async (): Promise<void> => {
        const { log } = await open(own);
        const client = await own.connect();
        try {
          await client.query("BEGIN");
          await log.enlist!(client, [draft("1")]);
        } finally {
          client.release(true);
        }
      };
      await expect(used(), left).rejects.toThrow(/permission denied/);
    }
  });

  it("publishes in a transaction with a role that may do only that", async () => {
    const { sql, pool } = await createDatabase("app", "shop");
    await sql(GRANTS);
    await sql(`
      GRANT USAGE ON SCHEMA public TO shop;
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO shop;
      GRANT INSERT ON tidings_outbox TO shop;
      GRANT USAGE ON SEQUENCE tidings_outbox_id_seq TO shop`);
    const { log, seen } = await open(pool("app"));
    await log.follow!("all");
    const client = await pool("shop").connect();
    await client.query("BEGIN");
    await log.enlist!(client, [draft("1")]);
    await client.query("COMMIT");
    client.release();
    await expect.poll(seen).toEqual(["1"]);
  });
});

describe("postgresLog() whose rights are withdrawn while it runs", () => {
  it.each([
    ["SELECT on its tables", "SELECT ON ALL TABLES IN SCHEMA public", /permission denied for table/],
    ["its schema", "USAGE ON SCHEMA public", /permission denied for schema/],
    ["its functions", "EXECUTE ON ALL FUNCTIONS IN SCHEMA public", /permission denied for function/],
  ])("says so at once, and loses nothing: %s", async (_, right, expected) => {
    const { sql, pool } = await createDatabase("app");
    await sql(GRANTS);
    const opened = await open(pool("app"));
    const other = await open(pool("postgres"));
    const { log, seen, states, errors } = opened;
    await log.follow!("all");
    await log.append([draft("1")]);
    await sql(`REVOKE ${right} FROM app`);
    await expect(log.append([draft("refused")])).rejects.toThrow(expected);
    await other.log.append([draft("2")]);
    await expect.poll(() => states.at(-1), { timeout: 20_000 }).toBe("interrupted");
    expect(errors.map(String).join("\n")).toMatch(expected);
    await sql(`GRANT ${right} TO app`);
    await expect.poll(seen, { timeout: 20_000 }).toEqual(["1", "2"]);
    expect(await log.append([draft("3")])).toMatchObject({ first: 3 });
    await expect.poll(() => states.at(-1), { timeout: 20_000 }).toBe("following");
  });
});

describe("postgresLog() with tables that have row-level security", () => {
  it.each(["", "CREATE POLICY few ON tidings_entries USING (topic <> 'a') WITH CHECK (true)"])(
    "says that it cannot see all rows, and does not take them for lost or absent: %s",
    async (policy) => {
      const { sql, pool } = await createDatabase("app");
      await sql(GRANTS);
      const owner = await open(pool("postgres"));
      const { log } = await open(pool("app"));
      for (const text of ["1", "2"]) await log.append([draft(text)]);
      await sql(`ALTER TABLE tidings_entries ENABLE ROW LEVEL SECURITY; ${policy}`);
      const expected = /row-level security .*which row-level security must not hide from it/;
      await expect(readAll(log)).rejects.toThrow(expected);
      await expect(log.append([draft("3")])).rejects.toThrow(expected);
      // Its owner sees everything.
      expect((await readAll(owner.log)).entries.map(textOf)).toEqual(["1", "2"]);
      await sql("ALTER TABLE tidings_entries DISABLE ROW LEVEL SECURITY");
      expect(await log.append([draft("3")])).toMatchObject({ first: 3 });
      expect(await readAll(log)).toMatchObject({ lostThrough: 0, entries: { length: 3 } });
    },
  );
});
