/** What a database, a role or a session may be set to, without harm to what is published and read. */
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { postgresLog } from "../../../packages/tidings/src/log/postgres/index.ts";
import { openForTest } from "../support/opened-log.ts";
import { Cleanups, draft, openLog, readAll, retention, textOf } from "./opened.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

let server: PostgresServer;
let logs = 0;
beforeAll(async () => void (server = await startPostgres("fsync = off")));
afterAll(() => server.end());
const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** A pool whose sessions have these settings. */
function poolWith(options: string, more: object = {}): Pool {
  const pool = new Pool({
    host: "127.0.0.1",
    port: server.port,
    user: "postgres",
    database: "postgres",
    options,
    ...more,
  });
  pool.on("error", () => undefined);
  return cleanups.add(pool, (one) => one.end());
}

describe("postgresLog() in sessions that look up names elsewhere", () => {
  it.each(["hostile,pg_catalog,public", "hostile", "hostile, pg_catalog"])("search_path=%s", async (path) => {
    await server.sql(`
      CREATE SCHEMA IF NOT EXISTS hostile;
      CREATE OR REPLACE FUNCTION hostile.greatest_(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
      CREATE OR REPLACE FUNCTION hostile.pg_notify(text, text) RETURNS void LANGUAGE sql AS 'SELECT NULL::void';
      CREATE OR REPLACE FUNCTION hostile.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT timestamptz '2000-01-01'$$;
      CREATE OR REPLACE FUNCTION hostile.pg_advisory_xact_lock(integer, integer) RETURNS void LANGUAGE sql AS 'SELECT NULL::void';
      CREATE OR REPLACE FUNCTION hostile.octet_length(bytea) RETURNS integer LANGUAGE sql AS 'SELECT 0';
      CREATE OR REPLACE FUNCTION hostile.encode(bytea, text) RETURNS text LANGUAGE sql AS $$SELECT ''$$;
      CREATE OR REPLACE FUNCTION hostile.bigint_lt(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';
      DO $$ BEGIN
        CREATE OPERATOR hostile.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.bigint_lt);
      EXCEPTION WHEN duplicate_function THEN NULL; END $$;
    `);
    const table = `log_${(logs += 1)}`;
    const { log, seen } = await openForTest(
      cleanups,
      postgresLog(poolWith(`-c search_path=${path.replaceAll(" ", "")}`), { table }),
    );
    const other = await openLog(cleanups, { port: server.port, table });
    await log.follow!(["a"]);
    for (const n of [1, 2]) {
      await log.append([draft(`${n}`)]);
      await other.log.append([draft(`other ${n}`)]);
    }
    const all = ["1", "other 1", "2", "other 2"];
    expect((await readAll(log)).entries.map(textOf)).toEqual(all);
    expect((await readAll(other.log)).entries.map(textOf)).toEqual(all);
    await expect.poll(seen).toEqual(all);
  });
});

describe("postgresLog() in sessions with settings of their own", () => {
  it.each([
    "client_encoding=LATIN1",
    "client_encoding=SQL_ASCII",
    "standard_conforming_strings=off",
    "bytea_output=escape",
    "default_transaction_deferrable=on",
    "extra_float_digits=-15",
    "IntervalStyle=sql_standard",
    "DateStyle=German",
    "timezone=Asia/Kathmandu",
    "row_security=off",
    "jit=on",
    "transform_null_equals=on",
    "array_nulls=off",
    "quote_all_identifiers=on",
    "check_function_bodies=off",
    "plpgsql.variable_conflict=use_column",
    "plpgsql.variable_conflict=use_variable",
    "plpgsql.extra_errors=all",
    "lc_messages=C",
    "default_table_access_method=heap",
    "idle_session_timeout=300",
    "idle_in_transaction_session_timeout=300",
    "gin_fuzzy_search_limit=1",
    "backslash_quote=off",
    "escape_string_warning=on",
    "xmloption=document",
  ])("%s", async (setting) => {
    const table = `log_${(logs += 1)}`;
    const { log, seen } = await openForTest(cleanups, postgresLog(poolWith(`-c ${setting}`), { table }), {
      retention: { ...retention, forTopic: (topic) => (topic === "own" ? { messages: 2 } : undefined) },
    });
    await log.follow!(["a", "grün 你好 \\ ' %"]);
    const text = "grün 你好 \\ ' % \u0001";
    for (const topic of ["a", "grün 你好 \\ ' %", "own", "own", "own"]) {
      await log.append([{ ...draft(text, topic), key: text }]);
    }
    for (const [topic, count] of [
      ["a", 1],
      ["grün 你好 \\ ' %", 1],
      ["own", 2],
    ] as const) {
      const { entries } = await readAll(log, topic);
      expect(entries.map(({ key, topic: of, body }) => [key, of, new TextDecoder().decode(body)])).toEqual(
        Array.from({ length: count }, () => [text, topic, text]),
      );
    }
    await expect.poll(seen).toEqual([text, text]);
  });
});
