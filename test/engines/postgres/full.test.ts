/** A Postgres whose disk is full: that of everything, or that of its write-ahead log, without which it stops. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "../../../packages/tidings/src/log/log.ts";
import { CLIENTS } from "./clients.ts";
import { Cleanups, draft, openLog, readAll, textOf } from "./opened.ts";
import { makeFolder, startPostgres, type PostgresServer } from "./server.ts";
import { mountSmallDisk, type SmallDisk } from "../support/small-disk.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

function smallDisk(megabytes: number): SmallDisk {
  return cleanups.add(mountSmallDisk(makeFolder(), megabytes), (disk) => disk.remove());
}

function makeRemovedFolder(): string {
  return cleanups.add(makeFolder(), (folder) => rmSync(folder, { recursive: true, force: true }));
}

async function postgres(...options: Parameters<typeof startPostgres>): Promise<PostgresServer> {
  return cleanups.add(await startPostgres(...options), (server) => server.end());
}

/** Appends until that is refused. */
async function fill(log: Log): Promise<{ accepted: number[]; refusal: unknown; tookMs: number }> {
  const accepted: number[] = [];
  for (;;) {
    const startedMs = performance.now();
    try {
      // It cannot be compressed.
      const body = crypto.getRandomValues(new Uint8Array(60_000));
      accepted.push((await log.append([{ topic: "a", body }])).first);
    } catch (refusal) {
      return { accepted, refusal, tookMs: performance.now() - startedMs };
    }
  }
}

const offsets = async (log: Log): Promise<number[]> =>
  (await readAll(log)).entries.map(({ offset }) => offset);

describe.each(Object.keys(CLIENTS))("postgresLog() with %s", (client) => {
  it("refuses with full while the disk of Postgres is, reads on, and goes on when there is space", async () => {
    const disk = smallDisk(70);
    const folders = { data: join(disk.folder, "data"), wal: join(makeRemovedFolder(), "wal") };
    const server = await postgres("", undefined, folders);
    const { log, states, resets, seen } = await openLog(cleanups, { client, port: server.port });
    await log.follow!(["a"]);
    const { accepted, refusal } = await fill(log);
    expect(refusal).toMatchObject({ name: "LogError", code: "full" });
    expect(accepted.length).toBeGreaterThan(100);
    expect(await offsets(log)).toEqual(accepted);
    disk.resize(400);
    const after = await log.append([draft("after")]);
    expect(after.first).toBe(accepted.length + 1);
    // Some 6 MB come before it.
    await expect.poll(() => seen().at(-1), { timeout: 30_000 }).toBe("after");
    expect([states, resets]).toEqual([[], []]);
  });

  it("waits for a Postgres that stopped since the disk of its write-ahead log is full, and stores once what was under way", async () => {
    const disk = smallDisk(40);
    const server = await postgres("", undefined, { wal: join(disk.folder, "wal") });
    const { log, states, seen } = await openLog(cleanups, { client, port: server.port, deadlineMs: 4_000 });
    const patient = await openLog(cleanups, { client, port: server.port, deadlineMs: 60_000 });
    await log.follow!(["a"]);
    const { accepted, refusal, tookMs } = await fill(log);
    // It may be stored.
    expect(refusal).toMatchObject({ name: "LogError", code: "failed" });
    expect(String(refusal)).toContain("may still do it");
    expect(tookMs).toBeLessThan(8_000);
    const waiting = patient.log.append([draft("waits")]);
    disk.resize(400);
    await server.signal("die");
    await server.restart();
    const { first } = await waiting;
    const held = await offsets(log);
    expect(held.slice(0, accepted.length)).toEqual(accepted);
    expect(held.at(-1)).toBe(first);
    // The one that was refused may be there.
    expect(first - accepted.length).toBeLessThanOrEqual(2);
    expect((await readAll(log)).lostThrough).toBe(0);
    await expect.poll(() => seen().at(-1), { timeout: 20_000 }).toBe("waits");
    expect(states.at(-1)).toBe("following");
  });
});

describe("postgresLog()", () => {
  it("does not say that a commit was refused for want of space that was made before Postgres stopped", async () => {
    const disk = smallDisk(36);
    // A commit waits for others, and those fill the disk: what is written then includes the commit.
    const settings =
      "wal_buffers = 16MB\nwal_writer_delay = 10s\ncommit_delay = 100000\ncommit_siblings = 1\n";
    const server = await postgres(settings, undefined, { wal: join(disk.folder, "wal") });
    const { log } = await openLog(cleanups, { port: server.port, deadlineMs: 60_000 });
    let stopped = false;
    const filling = [1, 2].map(() => fillWriteAheadLog(server.port).then(() => (stopped = true)));
    const acknowledged: string[] = [];
    const appending = (async () => {
      while (!stopped) {
        const text = `${acknowledged.length}`;
        await log.append([draft(text)]);
        acknowledged.push(text);
      }
    })();
    await Promise.all(filling);
    disk.resize(400);
    await server.signal("die");
    await server.restart();
    await appending;
    expect((await readAll(log)).entries.map(textOf)).toEqual(acknowledged);
  });
});

/** In a transaction that is never committed, until Postgres stops. */
async function fillWriteAheadLog(port: number): Promise<void> {
  const client = new Client({ host: "127.0.0.1", port, user: "postgres", database: "postgres" });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("BEGIN");
    for (;;) {
      await client.query("SELECT pg_logical_emit_message(true, '', repeat(md5(random()::text), 2000))");
    }
  } catch {
    await client.end().catch(() => undefined);
  }
}
