/** What others do with the notifications of Postgres. */
import { Client } from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { CLIENTS } from "./clients.ts";
import { Cleanups, draft, openLog, readAll, textOf } from "./opened.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

describe.each(Object.keys(CLIENTS))("postgresLog() with %s", (client) => {
  it("hands on each message once, and in time, while strangers flood its channel", async () => {
    const server = await cleanups.postgres("fsync = off");
    const { log, seen, errors } = await openLog(cleanups, { client, port: server.port, pollMs: 3_600_000 });
    await log.follow!("all");
    let isOver = false;
    const garbage = ["", "{", "\u{1f600}".repeat(1_900), "'; DROP TABLE tidings_log; --", "a".repeat(7_900)];
    const flooding = (async () => {
      const stranger = new Client({ host: "127.0.0.1", port: server.port, user: "postgres" });
      await stranger.connect();
      while (!isOver) {
        await stranger.query(
          "SELECT count(pg_notify('tidings_log', g || n)) FROM unnest($1::text[]) g, generate_series(1, 40) n",
          [garbage],
        );
      }
      await stranger.end();
    })();
    const texts = Array.from({ length: 100 }, (_, n) => `${n}`);
    for (const text of texts) await log.append([draft(text)]);
    await expect.poll(seen, { timeout: 20_000 }).toEqual(texts);
    isOver = true;
    await flooding;
    expect(errors).toEqual([]);
  });

  it("publishes on when the queue of notifications is all but full, and finds it by asking", async () => {
    const server = await cleanups.postgres("fsync = off");
    const opened = await openLog(cleanups, { client, port: server.port, pollMs: 100 });
    const { log, transaction, errors } = opened;
    const reader = await openLog(cleanups, { client, port: server.port, pollMs: 100 });
    await reader.log.follow!("all");
    const heard: string[] = [];
    const listener = new Client({ host: "127.0.0.1", port: server.port, user: "postgres" });
    await listener.connect();
    cleanups.add(listener, (one) => one.end());
    listener.on("notification", ({ channel }) => heard.push(channel));
    await listener.query("LISTEN tidings_log");
    await log.append([draft("0")]);
    await expect.poll(() => heard.length).toBe(1);
    // Eight gigabytes fill the queue, which takes minutes: instead, the server says that it is.
    const usage = (used: number): string =>
      `SET allow_system_table_mods = on; CREATE OR REPLACE FUNCTION pg_catalog.pg_notification_queue_usage() RETURNS float8
       LANGUAGE sql VOLATILE STRICT AS 'SELECT ${used}::float8'`;
    await server.sql(usage(0.97));
    const texts = Array.from({ length: 10 }, (_, n) => `${n + 1}`);
    for (const text of texts) {
      await transaction((tx) => log.enlist!(tx, [draft(text)]));
      await expect.poll(() => reader.seen().at(-1), { timeout: 10_000, interval: 5 }).toBe(text);
    }
    expect(heard).toHaveLength(1);
    expect(reader.errors.map(String)).toEqual([expect.stringMatching(/full queue of notifications/)]);
    await server.sql(usage(0.5));
    await log.append([draft("11")]);
    await expect.poll(() => heard.length).toBe(2);
    expect((await readAll(log)).entries.map(textOf)).toEqual(["0", ...texts, "11"]);
    expect(errors.filter((error) => !/full queue/.test(String(error)))).toEqual([]);
  });
});
