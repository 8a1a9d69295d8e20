/**
 * What becomes of a log in Postgres whose tables a backup was restored to, on the server that it came from: what was acknowledged
 * since is told to be lost, and none of its offsets is given again.
 */
import { execFileSync } from "node:child_process";
import { Pool } from "pg";
import { afterEach, expect, it } from "vitest";
import { postgresLog, postgresSchema } from "../../../packages/tidings/src/log/postgres/index.ts";
import { openForTest } from "../support/opened-log.ts";
import { Cleanups, draft, openLog, textOf } from "./opened.ts";
import { pathOf, type PostgresServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Backup {
  readonly server: PostgresServer;
  /** Runs a program of Postgres on the database of the log. */
  readonly run: (program: string, args: readonly string[], input?: string) => string;
}

/** Each takes a backup, and returns what restores it. */
const WAYS: Record<string, (backup: Backup) => Promise<() => Promise<unknown>>> = {
  "to tables that are made anew": async ({ run }) => {
    const dump = run("pg_dump", ["--clean", "--if-exists"]);
    return async () => run("psql", ["-q", "-v", "ON_ERROR_STOP=1"], dump);
  },
  "to tables that were emptied": async ({ run, server }) => {
    const dump = run("pg_dump", ["--data-only"]);
    return async () => {
      const tables = await server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", "app");
      const names = tables.map(({ tablename }) => String(tablename));
      await server.sql(`TRUNCATE ${names.join(", ")}`, "app");
      run("psql", ["-q", "-v", "ON_ERROR_STOP=1"], dump);
    };
  },
  "to tables whose rows were deleted": async ({ run, server }) => {
    const dump = run("pg_dump", ["--data-only"]);
    return async () => {
      const tables = await server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", "app");
      for (const { tablename } of tables) await server.sql(`DELETE FROM ${String(tablename)}`, "app");
      run("psql", ["-q", "-v", "ON_ERROR_STOP=1"], dump);
    };
  },
  "as a copy of the database that takes its place": async ({ server }) => {
    await server.sql("CREATE DATABASE copy TEMPLATE app");
    return async () => {
      await server.sql("ALTER DATABASE app RENAME TO former");
      await server.sql("ALTER DATABASE copy RENAME TO app");
    };
  },
};

it.each(Object.keys(WAYS))("gives no offset again after a backup was restored %s", async (way) => {
  const server = await cleanups.postgres();
  await server.sql("CREATE DATABASE app");
  const address = { host: "127.0.0.1", port: server.port, user: "postgres", database: "app" };
  const run: Backup["run"] = (program, args, input) =>
    execFileSync(
      pathOf(program),
      ["-h", "127.0.0.1", "-p", `${server.port}`, "-U", "postgres", ...args, "app"],
      {
        input,
        encoding: "utf8",
      },
    );
  /** A process that opens the log, and ends. */
  const withLog = async <T>(work: (opened: Awaited<ReturnType<typeof openForTest>>) => Promise<T>) => {
    const ending = new Cleanups();
    const pool = ending.add(new Pool({ ...address, max: 3 }), (one) => one.end());
    pool.on("error", () => undefined);
    try {
      return await work(await openForTest(ending, postgresLog(pool)));
    } finally {
      await ending.run();
    }
  };
  const append = (texts: string[]) =>
    withLog(async ({ log }) => {
      for (const text of texts) await log.append([draft(text)]);
      return log.head();
    });

  await append(["1", "2"]);
  const restore = await WAYS[way]!({ server, run });
  const { epoch, head } = await append(["3", "4"]);
  expect(head).toBe(4);
  await restore();
  await withLog(async ({ log, position }) => {
    expect(position.epoch).toBe(epoch);
    const { first } = await log.append([draft("after")]);
    expect(first).toBeGreaterThan(1_000_000);
    for (const after of [1, 2, 3, 4]) {
      const topics = { exact: ["a"], matches: () => true };
      const page = await log.read({ topics, after, maxMessages: 9, maxBytes: 999 });
      expect(page.lostThrough).toBe(first - 1);
      expect(page.entries.map(textOf).at(-1)).toBe("after");
    }
  });
  // Once: it is known then.
  const { head: last } = await append(["next"]);
  await withLog(async ({ log }) => {
    const topics = { exact: ["a"], matches: () => true };
    const page = await log.read({ topics, after: last - 1, maxMessages: 9, maxBytes: 999 });
    expect(page.lostThrough).toBeLessThan(last - 1);
    expect(page.entries.map(textOf)).toEqual(["next"]);
  });
});

it("gives no offset again where a subscriber of logical replication takes over that lacks the newest", async () => {
  const settings = "wal_level = logical\nfsync = off\n";
  const [primary, subscriber] = [await cleanups.postgres(settings), await cleanups.postgres(settings)];
  const { log } = await openLog(cleanups, { port: primary.port });
  await log.append([draft("1")]);
  await subscriber.sql(postgresSchema());
  await primary.sql("CREATE PUBLICATION all_tables FOR ALL TABLES");
  const source = `host=127.0.0.1 port=${primary.port} user=postgres dbname=postgres`;
  await subscriber.sql(`CREATE SUBSCRIPTION its CONNECTION '${source}' PUBLICATION all_tables`);
  const heads = async () =>
    (await subscriber.sql("SELECT head::int FROM tidings_log")).map(({ head }) => head);
  await expect.poll(heads, { timeout: 20_000 }).toEqual([1]);
  await log.append([draft("2")]);
  await expect.poll(heads, { timeout: 20_000 }).toEqual([2]);
  await subscriber.sql("ALTER SUBSCRIPTION its DISABLE");
  await subscriber.sql("ALTER SUBSCRIPTION its SET (slot_name = NONE)");
  await subscriber.sql("DROP SUBSCRIPTION its");
  expect((await log.append([draft("lost")])).first).toBe(3);
  const { log: other, transaction } = await openLog(cleanups, { port: subscriber.port });
  const { first } = await other.append([draft("after")]);
  expect(first).toBeGreaterThan(1_000_000);
  await transaction((tx) => other.enlist!(tx, [draft("in a transaction")]));
  await expect.poll(async () => (await other.head()).head).toBe(first + 1);
  const topics = { exact: ["a"], matches: () => true };
  for (const after of [1, 2, 3]) {
    const page = await other.read({ topics, after, maxMessages: 9, maxBytes: 999 });
    expect(page.lostThrough).toBe(first - 1);
    expect(page.entries.map(textOf).slice(-2)).toEqual(["after", "in a transaction"]);
  }
});
