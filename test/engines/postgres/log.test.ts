/** How a log in Postgres is set up: through PgBouncer, with tables that were made before, and in a process of its own. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Pool } from "pg";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  postgresLog,
  postgresSchema,
  type PostgresClient,
} from "../../../packages/tidings/src/log/postgres/index.ts";
import { createHub } from "../../../packages/tidings/src/server/index.ts";
import { Cleanups, draft, openLog, readAll, retention, textOf } from "./opened.ts";
import { openForTest } from "../support/opened-log.ts";
import { startPgBouncer } from "./pgbouncer.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres("fsync = off")));
afterAll(() => server.end());
const cleanups = new Cleanups();
afterEach(() => cleanups.run());

describe("postgresLog() through PgBouncer in transaction mode", () => {
  it.each(["pg", "postgres"])("appends, reads and listens over another client, with %s", async (client) => {
    const { port } = cleanups.add(await startPgBouncer(server.port), (bouncer) => bouncer.end());
    const direct = await cleanups.client(client, server.port);
    const table = `bounced_${client}`;
    // Only a notification can be in time.
    const reader = await openLog(cleanups, { client, port, table, listen: direct.client, pollMs: 3_600_000 });
    const writer = await openLog(cleanups, { client, port, table, listen: false });
    await reader.log.follow!("all");
    const listening = "SELECT pid FROM pg_stat_activity WHERE query ILIKE 'listen%'";
    await expect.poll(async () => (await server.sql(listening)).length).toBeGreaterThan(0);
    const texts = Array.from({ length: 200 }, (_, n) => `${n}`);
    await Promise.all(texts.map((text) => writer.log.append([draft(text)])));
    await expect.poll(() => reader.seen()).toEqual(texts);
    expect((await readAll(reader.log)).entries.map(textOf)).toEqual(texts);
    await writer.log.follow!("all");
    await reader.log.append([draft("asked for")]);
    await expect.poll(() => writer.seen().at(-1)).toBe("asked for");
  });
});

describe("postgresLog()", () => {
  const options = { retention, onTail: () => undefined };

  it("rejects alone, of what is appended together, what cannot be written", async () => {
    const forTopic = (topic: string): undefined => {
      if (topic === "broken") throw new Error("forTopic is broken");
    };
    const opening = { port: server.port, table: "alone" };
    const { log } = await openLog(cleanups, opening, { retention: { ...retention, forTopic } });
    const topics = ["a", "zero \0", "a", "half \ud800", "broken", "a"];
    const settled = await Promise.allSettled(topics.map((topic) => log.append([draft("text", topic)])));
    expect(settled.map(({ status }) => status === "fulfilled")).toEqual(topics.map((topic) => topic === "a"));
    expect((await readAll(log)).entries.map(({ offset }) => offset)).toEqual([1, 2, 3]);
  });

  it.each(["pg", "postgres"])("does not depend on parsers of the application, with %s", async (name) => {
    const at = { host: "127.0.0.1", port: server.port, database: "postgres" };
    const own = (text: unknown): unknown => ({ text });
    let client: PostgresClient;
    if (name === "pg") {
      const pool = new Pool({ ...at, user: "postgres", types: { getTypeParser: () => own } });
      cleanups.add(pool, () => pool.end());
      client = pool;
    } else {
      const sql = postgres({
        ...at,
        username: "postgres",
        fetch_types: false,
        onnotice: () => undefined,
        types: {
          text: { to: 25, from: [25], serialize: String, parse: own },
        },
        transform: { value: { from: own }, column: { from: () => "own" } },
      });
      cleanups.add(sql, () => sql.end({ timeout: 1 }));
      client = sql;
    }
    const log = postgresLog(client, { table: `parsers_${name}`, deadlineMs: 3_000 });
    const { seen, errors } = await openForTest(cleanups, log);
    await log.follow!("all");
    for (const text of ["1", "2"]) await log.append([draft(text)]);
    await expect.poll(seen).toEqual(["1", "2"]);
    expect((await readAll(log)).entries.map(textOf)).toEqual(["1", "2"]);
    expect(await log.stats()).toMatchObject({ head: 2, messages: 2 });
    expect(errors).toEqual([]);
  });

  it("says which client it cannot work with: one of postgres.js that makes something else of rows", async () => {
    const at = { host: "127.0.0.1", port: server.port, database: "postgres", username: "postgres" };
    const own = { fetch_types: false, transform: { row: { from: (row: unknown) => ({ row }) } } };
    const sql = postgres({ ...at, ...own, onnotice: () => undefined });
    cleanups.add(sql, () => sql.end({ timeout: 1 }));
    const log = postgresLog(sql, { table: "parsers_rows" });
    await expect(log.open(options)).rejects.toMatchObject({
      code: "failed",
      message: expect.stringMatching(/expected its text: a client .* without transform\.row/),
    });
  });

  it("is closed, to what is still under way when it and its client are closed", async () => {
    const at = { host: "127.0.0.1", port: server.port, database: "postgres", username: "postgres" };
    const sql = postgres({ ...at, fetch_types: false, onnotice: () => undefined });
    const log = postgresLog(sql, { table: "ended" });
    const errors: unknown[] = [];
    await log.open({ ...options, onError: (error) => errors.push(error) });
    const reads = Promise.allSettled([log.head(), log.stats()]);
    const closing = log.close();
    await sql.end({ timeout: 0 });
    await closing;
    const closed = { status: "rejected", reason: { name: "LogError", code: "closed" } };
    expect(await reads).toMatchObject([closed, closed]);
    expect(errors).toEqual([]);
  });

  it("lets the pool of an open log end, and says so", async () => {
    const at = { host: "127.0.0.1", port: server.port, user: "postgres", database: "postgres" };
    const pool = new Pool(at);
    const { log, seen, errors } = await openForTest(cleanups, postgresLog(pool, { table: "ended_early" }));
    await log.follow!("all");
    await log.append([draft("1")]);
    await expect.poll(seen).toEqual(["1"]);
    await pool.end();
    await expect(log.append([draft("2")])).rejects.toThrow(/Close the client after the hub has drained/);
    await expect.poll(() => errors.map(String).join("\n"), { timeout: 10_000 }).toMatch(/client is closed/);
  });

  it("goes on by asking where the pool that it listens with is ended", async () => {
    const at = { host: "127.0.0.1", port: server.port, user: "postgres", database: "postgres" };
    const listen = new Pool(at);
    const pool = cleanups.add(new Pool(at), (one) => one.end());
    const { log, seen } = await openForTest(cleanups, postgresLog(pool, { table: "deaf", listen }));
    await log.follow!("all");
    await expect.poll(() => listen.totalCount).toBe(1);
    await listen.end();
    const other = await openLog(cleanups, { port: server.port, table: "deaf" });
    await other.log.append([draft("1")]);
    await expect.poll(seen, { timeout: 10_000 }).toEqual(["1"]);
  });

  it("uses tables that another role made, and says how to make them where they are missing", async () => {
    await server.sql("CREATE ROLE app LOGIN; CREATE SCHEMA events; GRANT USAGE ON SCHEMA events TO app");
    const pool = new Pool({ host: "127.0.0.1", port: server.port, user: "app", database: "postgres" });
    cleanups.add(pool, () => pool.end());
    const names = { schema: "events", table: "Log" };
    await expect(postgresLog(pool, { ...names, create: false }).open(options)).rejects.toThrow(
      /Run postgresSchema\(\), or leave out create: false/,
    );
    await expect(postgresLog(pool, names).open(options)).rejects.toThrow(
      /cannot be created: permission denied.* Run postgresSchema\(\) as their owner/,
    );
    const sql = postgresSchema(names);
    await server.sql(sql);
    await server.sql(sql);
    await server.sql(`
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA events TO app;
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA events TO app`);
    const log = postgresLog(pool, { ...names, create: false });
    await log.open(options);
    cleanups.add(log, () => log.close());
    expect(await log.append([draft("1")])).toEqual({ first: 1, last: 1, repeated: false });
    // An ordinary role may ask which server it is: a restart is no failover.
    const [{ server: known }] = (await server.sql('SELECT server FROM events."Log_log"')) as [
      { server: string },
    ];
    expect(known).toMatch(/^\d+ [0-9A-F]{8} \d+\/\d+$/);
  });

  it("hands on what comes while the application has all other connections of the pool", async () => {
    const pool = new Pool({
      host: "127.0.0.1",
      port: server.port,
      user: "postgres",
      database: "postgres",
      max: 3,
    });
    cleanups.add(pool, () => pool.end());
    const names = { table: "taken" };
    const log = postgresLog(pool, names);
    const seen: string[] = [];
    await log.open({ retention, onTail: ({ entries }) => void seen.push(...entries.map(textOf)) });
    cleanups.add(log, () => log.close());
    await log.follow!("all");
    const other = await openLog(cleanups, { port: server.port, ...names });
    await other.log.append([draft("it listens")]);
    await expect.poll(() => seen).toEqual(["it listens"]);
    const taken = [await pool.connect(), await pool.connect()];
    await other.log.append([draft("1")]);
    await expect.poll(() => seen).toEqual(["it listens", "1"]);
    for (const client of taken) client.release();
  });

  it("refuses what would not work, and says what would", async () => {
    const pool = new Pool({
      host: "127.0.0.1",
      port: server.port,
      user: "postgres",
      database: "postgres",
      max: 1,
    });
    cleanups.add(pool, () => pool.end());
    expect(() => postgresLog(pool)).toThrow(/has one connection \(max\), expected 2 or more/);
    const text = new Pool({ max: "1" as never });
    expect(() => postgresLog(text)).toThrow(/has one connection \(max\)/);
    expect(() => postgresLog(text, { listen: false })).not.toThrow();
    expect(() => postgresLog({} as never)).toThrow(/expected a Pool of pg, or what postgres\(\) returns/);
    const two = new Pool({ max: 2 });
    expect(() => postgresLog(two, { table: "a b" })).toThrow(/table is "a b"/);
    expect(() => postgresLog(two, { deadlineMs: 0 })).toThrow(RangeError);
    expect(() => postgresLog(two, { deadlinMs: 1 } as never)).toThrow(
      /no option deadlinMs, expected deadlineMs/,
    );
    await server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'");
    const latin = new Pool({ host: "127.0.0.1", port: server.port, user: "postgres", database: "latin" });
    cleanups.add(latin, () => latin.end());
    await expect(postgresLog(latin).open(options)).rejects.toThrow(/encoding of the database is LATIN1/);
    const serial = new Pool({
      host: "127.0.0.1",
      port: server.port,
      user: "postgres",
      database: "postgres",
      options: "-c default_transaction_isolation=serializable",
    });
    cleanups.add(serial, () => serial.end());
    await expect(postgresLog(serial, { table: "serial" }).open(options)).rejects.toThrow(
      /expected read committed/,
    );
  });
});

describe("hubs on Postgres", () => {
  it("deliver in one process what was published in another, and continue a stream of the other", async () => {
    const program = fileURLToPath(new URL("hub.mjs", import.meta.url));
    const other = fork(program, [`${server.port}`], { execArgv: [] });
    cleanups.add(other, () => other.kill("SIGKILL"));
    const port = await new Promise<number>((resolve) => void other.once("message", resolve as never));
    const { client } = await cleanups.client("pg", server.port);
    const hub = createHub({ log: postgresLog(client, { table: "hubs" }) });
    cleanups.add(hub, () => hub.drain({ overMs: 0, graceMs: 100 }));
    const stop = new AbortController();
    cleanups.add(stop, () => stop.abort());
    const read = (response: Response): (() => string) => {
      let text = "";
      void (async () => {
        for await (const bytes of response.body!) text += Buffer.from(bytes).toString();
      })().catch(() => undefined);
      return () => text;
    };
    const there = read(await fetch(`http://127.0.0.1:${port}/`, { signal: stop.signal }));
    const { id } = await hub.publish("a", { data: "from here" });
    await expect.poll(there).toContain("data: from here");
    await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "from there" });
    await expect.poll(there).toContain("data: from there");
    const headers = { "last-event-id": id };
    const here = read(await hub.respond(new Request("http://127.0.0.1/", { headers }), { topics: ["a"] }));
    await expect.poll(here).toContain("data: from there");
    expect(here()).not.toContain("from here");
  });
});
