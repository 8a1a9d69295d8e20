/** What becomes of a log behind a PgBouncer in transaction mode when that dies, or the Postgres behind it. */
import { afterEach, describe, expect, it } from "vitest";
import { startPgBouncer, type PgBouncer } from "./pgbouncer.ts";
import { CLIENTS } from "./clients.ts";
import { Cleanups, draft, missedBy, openLog, readAll, textOf } from "./opened.ts";
import { type PostgresServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

type Fault = (bouncer: PgBouncer, server: PostgresServer) => Promise<void>;

const FAULTS: [string, Fault][] = [
  [
    "PgBouncer dies and comes back",
    async (bouncer) => {
      await bouncer.kill();
      // Long enough for attempts that fail.
      await wait(1_000);
      await bouncer.restart();
    },
  ],
  [
    "the Postgres behind it dies and comes back",
    async (_, server) => {
      await server.signal("die");
      await wait(1_000);
      await server.restart();
    },
  ],
  [
    "the Postgres behind it is restarted in order",
    async (_, server) => {
      await server.signal("stop");
      await server.restart();
    },
  ],
];

const WRITERS = 10;

describe.each(Object.keys(CLIENTS))("postgresLog() through PgBouncer, with %s", (client) => {
  it.each(FAULTS)("loses and doubles nothing when %s", async (_, fault) => {
    const server = await cleanups.postgres();
    const bouncer = cleanups.add(await startPgBouncer(server.port), (one) => one.end());
    const direct = await cleanups.client(client, server.port);
    const options = { client, port: bouncer.port, deadlineMs: 40_000 };
    const writer = await openLog(cleanups, { ...options, listen: false });
    // Only a notification can be in time.
    const reader = await openLog(cleanups, { ...options, listen: direct.client, pollMs: 3_600_000 });
    const from = await reader.log.follow!("all");
    const acknowledged = new Map<number, string>();
    const refused: unknown[] = [];
    let n = 0;
    let enough = Infinity;
    const writing = Promise.all(
      Array.from({ length: WRITERS }, async () => {
        while (acknowledged.size < enough) {
          const text = `${(n += 1)}`;
          try {
            acknowledged.set((await writer.log.append([draft(text)])).first, text);
          } catch (error) {
            refused.push(error);
          }
        }
      }),
    );
    await expect.poll(() => acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(100);
    await fault(bouncer, server);
    enough = acknowledged.size + 100;
    await writing;
    expect(refused).toEqual([]);
    const { entries, lostThrough } = await readAll(writer.log);
    expect(new Map(entries.map((entry) => [entry.offset, textOf(entry)]))).toEqual(acknowledged);
    expect(new Set(acknowledged.values()).size).toBe(entries.length);
    expect(lostThrough).toBe(0);
    await expect.poll(() => reader.seen().length, { timeout: 30_000 }).toBe(acknowledged.size);
    expect(reader.seen()).toEqual(entries.map(textOf));
    expect(missedBy(reader.parts, from)).toEqual([]);
  });
});
