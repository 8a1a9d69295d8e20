/** Transactions of every kind that publish: what does not commit publishes nothing, and nothing waits for what is in doubt. */
import { Client } from "pg";
import type { Sql } from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Cleanups, draft, openLog, readAll } from "./opened.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

let server: PostgresServer;
let logs = 0;
beforeAll(async () => void (server = await startPostgres("fsync = off\nmax_prepared_transactions = 5\n")));
afterAll(() => server.end());
const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function connect(): Promise<Client> {
  const client = new Client({ host: "127.0.0.1", port: server.port, user: "postgres", database: "postgres" });
  await client.connect();
  return cleanups.add(client, (one) => one.end());
}

async function open(client = "pg") {
  const table = `log_${(logs += 1)}`;
  await server.sql(`CREATE TABLE ${table}_data (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, n int)`);
  await server.sql(`INSERT INTO ${table}_data VALUES (1, 0)`);
  const opened = await openLog(cleanups, { client, port: server.port, table });
  await opened.log.follow!("all");
  return { ...opened, data: `${table}_data` };
}

describe("postgresLog() with a transaction", () => {
  it.each(["SERIALIZABLE", "REPEATABLE READ"])(
    "that is %s publishes once when it was repeated",
    async (level) => {
      const { log, seen, data } = await open();
      const work = async (client: Client, text: string, between?: () => Promise<void>): Promise<void> => {
        await client.query(`BEGIN ISOLATION LEVEL ${level}`);
        await client.query(`SELECT * FROM ${data}`);
        await log.enlist!(client, [draft(text)]);
        await between?.();
        await client.query(`UPDATE ${data} SET n = n + 1`);
        await client.query("COMMIT");
      };
      const [one, other] = [await connect(), await connect()];
      await expect(work(one, "1", () => work(other, "2"))).rejects.toMatchObject({ code: "40001" });
      await one.query("ROLLBACK");
      await work(one, "1");
      await expect.poll(seen).toEqual(["2", "1"]);
      expect((await readAll(log)).entries.map(({ offset }) => offset)).toEqual([1, 2]);
    },
  );

  it("that fails when it commits, or only reads, or was aborted, publishes nothing", async () => {
    const { log, seen, data } = await open();
    const client = await connect();
    const enlist = (text: string): Promise<void> => log.enlist!(client, [draft(text)]);
    await client.query(`BEGIN; INSERT INTO ${data} VALUES (1, 1)`);
    await enlist("deferred");
    await expect(client.query("COMMIT")).rejects.toMatchObject({ code: "23505" });
    await client.query("BEGIN READ ONLY");
    await expect(enlist("reads")).rejects.toMatchObject({ code: "25006" });
    await client.query("ROLLBACK; BEGIN");
    await expect(client.query("SELECT 1 / 0")).rejects.toMatchObject({ code: "22012" });
    await expect(enlist("aborted")).rejects.toMatchObject({ code: "25P02" });
    await client.query("ROLLBACK; BEGIN");
    await enlist("done");
    await client.query("COMMIT");
    await expect.poll(seen).toEqual(["done"]);
    expect((await log.head()).head).toBe(1);
  });

  it("that is prepared is refused, and one in doubt that locks its rows keeps nothing waiting", async () => {
    const { log, seen, data } = await open();
    const client = await connect();
    await client.query("BEGIN");
    await log.enlist!(client, [draft("prepared")]);
    await expect(client.query("PREPARE TRANSACTION 'with'")).rejects.toThrow(/NOTIFY/);
    await client.query(`BEGIN; UPDATE ${data} SET n = 7; PREPARE TRANSACTION 'without'`);
    await client.query("BEGIN");
    await log.enlist!(client, [draft("1")]);
    await client.query("COMMIT");
    await log.append([draft("2")]);
    await expect.poll(() => [...seen()].sort()).toEqual(["1", "2"]);
    await client.query("COMMIT PREPARED 'without'");
    expect((await log.head()).head).toBe(2);
  });

  it("of postgres.js whose savepoint is undone publishes what is outside of it", async () => {
    const { log, seen, client } = await open("postgres");
    await (client as unknown as Sql).begin(async (outer) => {
      await log.enlist!(outer, [draft("1")]);
      const undone = outer.savepoint(async (inner) => {
        await log.enlist!(inner, [draft("undone")]);
        throw new Error("undone");
      });
      await expect(undone).rejects.toThrow("undone");
      await outer.savepoint((inner) => log.enlist!(inner, [draft("2")]));
    });
    await expect.poll(seen).toEqual(["1", "2"]);
  });
});
