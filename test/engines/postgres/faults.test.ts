/**
 * What becomes of a log when its Postgres is cut off, hangs, dies in the middle of a commit, or comes back as another one:
 * what was acknowledged is there or is told to be lost, nothing is there twice, and no promise stays open.
 */
import { Pool } from "pg";
import { afterEach, describe, expect, it } from "vitest";
import type { LogError } from "../../../packages/tidings/src/log/log.ts";
import { postgresLog } from "../../../packages/tidings/src/log/postgres/index.ts";
import { faultsOf } from "../support/faults.ts";
import { openForTest } from "../support/opened-log.ts";
import { CLIENTS } from "./clients.ts";
import {
  Cleanups,
  draft,
  expectHandedOn,
  expectLossTold,
  expectStoredOnce,
  hubWithStream,
  missedBy,
  openLog,
  readAll,
  textOf,
  type Opened,
} from "./opened.ts";
import { freePort } from "../../support/free-port.mjs";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** Writers that go on until something happened. Each message is acknowledged or refused. */
function write({ log }: Opened, until: () => boolean, atOnce = 20) {
  const acknowledged = new Map<number, string>();
  const refused: { text: string; error: LogError }[] = [];
  let n = 0;
  const done = Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (!until()) {
        const text = `${(n += 1)}`;
        try {
          acknowledged.set((await log.append([draft(text)])).first, text);
        } catch (error) {
          refused.push({ text, error: error as LogError });
        }
      }
    }),
  );
  return { acknowledged, refused, done };
}

/** Everything that was acknowledged is there, and nothing twice. */
async function expectAll({ log }: Opened, acknowledged: ReadonlyMap<number, string>): Promise<void> {
  const { entries } = await readAll(log);
  const held = new Map(entries.map((entry) => [entry.offset, textOf(entry)]));
  expect([...acknowledged].filter(([offset, text]) => held.get(offset) !== text)).toEqual([]);
  expect(new Set(held.values()).size).toBe(entries.length);
}

describe.each(Object.keys(CLIENTS))("postgresLog() with %s", (client) => {
  it("stores once what it appends while connections are cut, and hands it on without a seam", async () => {
    const server = await cleanups.postgres();
    const board = await cleanups.switchboard(server.port);
    const opened = await openLog(cleanups, { client, port: board.port, deadlineMs: 30_000 });
    const { log, parts } = opened;
    const from = await log.follow!(["a"]);
    let cuts = 0;
    const { acknowledged, refused, done } = write(opened, () => cuts >= 6 && acknowledged.size >= 1_000);
    const cutting = setInterval(() => {
      cuts += 1;
      board.cut();
    }, 300);
    await done;
    clearInterval(cutting);
    expect(refused).toEqual([]);
    const { entries, lostThrough } = await readAll(log);
    expect(lostThrough).toBe(0);
    expect(new Map(entries.map((entry) => [entry.offset, textOf(entry)]))).toEqual(acknowledged);
    await expect.poll(() => parts.at(-1)?.through, { timeout: 20_000 }).toBe(acknowledged.size);
    expectHandedOn(opened, entries, from);
  });

  it("waits while the network is gone, and stores once what was sent meanwhile", async () => {
    const server = await cleanups.postgres();
    const board = await cleanups.switchboard(server.port);
    const opened = await openLog(cleanups, { client, port: board.port, deadlineMs: 30_000 });
    await expectStoredOnce(opened, { hang: () => board.hold(true), goOn: () => board.hold(false) });
  });

  it("loses nothing when Postgres dies in the middle of commits, and says nothing of a gap", async () => {
    const server = await cleanups.postgres();
    const opened = await openLog(cleanups, { client, port: server.port, deadlineMs: 40_000 });
    const { log, seen, states } = opened;
    const from = await log.follow!(["a"]);
    let deaths = 0;
    const { acknowledged, refused, done } = write(opened, () => deaths >= 2 && acknowledged.size >= 400);
    for (const enough of [100, 200]) {
      await expect.poll(() => acknowledged.size, { timeout: 30_000 }).toBeGreaterThan(enough);
      await server.signal("die");
      await server.restart();
      deaths += 1;
    }
    await done;
    expect(refused).toEqual([]);
    await expectAll(opened, acknowledged);
    // Postgres proves that it has everything.
    expect((await readAll(log)).lostThrough).toBe(0);
    expect((await log.head()).head).toBe(acknowledged.size);
    await expect.poll(() => seen().length, { timeout: 20_000 }).toBe(acknowledged.size);
    expect(missedBy(opened.parts, from)).toEqual([]);
    // Where Postgres was back soon enough, the tail was not interrupted at all.
    expect(states.at(-1)).not.toBe("interrupted");
  });

  it("rejects within its deadline what a Postgres that is gone does not answer, and goes on when it returns", async () => {
    const server = await cleanups.postgres();
    const { log, seen, states, errors } = await openLog(cleanups, {
      client,
      port: server.port,
      deadlineMs: 1_500,
    });
    await log.follow!(["a"]);
    await log.append([draft("before")]);
    await server.signal("die");
    const startedMs = performance.now();
    // More than fits in one group.
    const refused = await Promise.allSettled(
      Array.from({ length: 1_200 }, (_, n) => log.append([draft(`lost ${n}`)])),
    );
    for (const one of refused) {
      expect(one).toMatchObject({ status: "rejected", reason: { name: "LogError", code: "failed" } });
    }
    await expect(log.head()).rejects.toMatchObject({ name: "LogError", code: "failed" });
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    await expect.poll(() => states, { timeout: 20_000 }).toEqual(["interrupted"]);
    await server.restart();
    await expect.poll(() => states, { timeout: 30_000 }).toEqual(["interrupted", "following"]);
    // It says how long was tried, which is not how long an append may wait.
    const ofTail = errors.map(String).filter((error) => error.includes("tail"));
    expect(ofTail).toEqual([expect.stringContaining("Postgres did not do it within 3000 ms (")]);
    await expect
      .poll(async () => (await log.append([draft("after")]).catch(() => undefined))?.first, {
        timeout: 20_000,
      })
      .toBeDefined();
    await expect.poll(() => seen().at(-1), { timeout: 20_000 }).toBe("after");
  });

  it("waits for a Postgres that hangs, and stores once what was sent meanwhile", async () => {
    const server = await cleanups.postgres();
    await expectStoredOnce(
      await openLog(cleanups, { client, port: server.port, deadlineMs: 30_000 }),
      faultsOf(server),
    );
  });

  it("never gives an offset again that a primary acknowledged which a lagging replica takes over from", async () => {
    const primary = await cleanups.postgres();
    const toReplica = await cleanups.switchboard(primary.port);
    const board = await cleanups.switchboard(primary.port);
    const opened = await openLog(cleanups, { client, port: board.port });
    const { log, parts } = opened;
    const other = await openLog(cleanups, { client, port: board.port });
    const from = await log.follow!(["a"]);
    const otherFrom = await other.log.follow!(["another"]);
    await log.append([draft("both have it")]);
    const replica = cleanups.add(await primary.replica(toReplica.port), (server) => server.end());
    // What is acknowledged now, the replica never hears of.
    toReplica.lead(await freePort());
    toReplica.cut();
    const acknowledged = new Map<number, string>();
    for (const text of ["lost 1", "lost 2"]) acknowledged.set((await log.append([draft(text)])).first, text);
    expect([...acknowledged.keys()]).toEqual([2, 3]);
    await primary.signal("die");
    board.lead(replica.port);
    board.cut();
    // Until it is promoted it refuses to be written to.
    const appending = other.log.append([draft("after")]);
    await replica.sql("SELECT pg_promote()");
    // It is the other process that appends first, and that does not know what was acknowledged.
    const { first } = await appending;
    await expectLossTold(opened, first);
    // Streams that are open hear of it in both processes: also where nothing of what was lost is followed.
    await expect.poll(() => missedBy(parts, from).length, { timeout: 20_000 }).toBeGreaterThan(0);
    await expect.poll(() => missedBy(other.parts, otherFrom).length, { timeout: 20_000 }).toBeGreaterThan(0);
  });

  it("listens again after that connection is lost, and catches up", async () => {
    const server = await cleanups.postgres();
    // So that only a notification can be in time.
    const opened = await openLog(cleanups, { client, port: server.port, pollMs: 3_600_000 });
    const publisher = await openLog(cleanups, { port: server.port, deadlineMs: 30_000 });
    await opened.log.follow!("all");
    await publisher.log.append([draft("1")]);
    await expect.poll(() => opened.seen()).toEqual(["1"]);
    await server.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    );
    await publisher.log.append([draft("2")]);
    await expect.poll(() => opened.seen(), { timeout: 20_000 }).toEqual(["1", "2"]);
    await publisher.log.append([draft("3")]);
    await expect.poll(() => opened.seen()).toEqual(["1", "2", "3"]);
    await server.signal("die");
    // Long enough for an attempt that fails.
    await new Promise((resolve) => void setTimeout(resolve, 2_000));
    await server.restart();
    await publisher.log.append([draft("4")]);
    await expect.poll(() => opened.seen(), { timeout: 30_000 }).toEqual(["1", "2", "3", "4"]);
    expect(missedBy(opened.parts, 0)).toEqual([]);
  });
});

describe("postgresLog()", () => {
  it("begins another log where its tables were dropped", async () => {
    const server = await cleanups.postgres();
    const { log, position, resets, seen } = await openLog(cleanups, { port: server.port });
    await log.follow!(["a"]);
    for (const text of ["1", "2", "3"]) await log.append([draft(text)]);
    await expect.poll(() => seen()).toEqual(["1", "2", "3"]);
    await server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    expect((await log.append([draft("new")])).first).toBe(1);
    expect(resets).toHaveLength(1);
    expect(resets[0]!.epoch).not.toBe(position.epoch);
    expect((await log.head()).epoch).toBe(resets[0]!.epoch);
    await expect.poll(() => seen()).toEqual(["1", "2", "3", "new"]);
  });

  it("gives every reader a gap where its entries were truncated, and another log where all tables were", async () => {
    const server = await cleanups.postgres();
    const { log, resets, position } = await openLog(cleanups, { port: server.port });
    for (const text of ["1", "2", "3"]) await log.append([draft(text)]);
    await server.sql("TRUNCATE tidings_entries");
    expect(await readAll(log)).toEqual({ entries: [], lostThrough: 3 });
    expect((await log.append([draft("4")])).first).toBe(4);
    expect((await log.stats()).messages).toBe(1);
    await server.sql("TRUNCATE tidings_log");
    expect((await log.append([draft("new")])).first).toBe(1);
    expect(resets.map(({ epoch }) => epoch)).not.toContain(position.epoch);
    expect((await readAll(log)).entries.map(textOf)).toEqual(["new"]);
  });

  it("discards nothing when a clock jumps ahead, and reports it", async () => {
    const server = await cleanups.postgres();
    let nowMs = 1_700_000_000_000;
    const { log, errors } = await openLog(cleanups, { port: server.port, now: () => nowMs });
    await log.append([draft("1")]);
    nowMs += 30 * 86_400_000;
    await log.append([draft("2")]);
    expect(errors).toMatchObject([{ name: "LogError", code: "clock" }]);
    expect(await readAll(log)).toMatchObject({ entries: [{ offset: 1 }, { offset: 2 }], lostThrough: 0 });
    nowMs -= 60 * 86_400_000;
    await log.append([draft("3")]);
    const { entries, lostThrough } = await readAll(log);
    expect(entries.map(textOf)).toEqual(["1", "2", "3"]);
    expect(lostThrough).toBe(0);
  });

  it("deletes what is discarded after some seconds, and remembers what was lost", async () => {
    const server = await cleanups.postgres();
    const bounds = { messages: 50, bytes: 2 ** 20, ageMs: 3_600_000 };
    const forTopic = (topic: string) => (topic === "latest" ? { messages: 1 } : undefined);
    const { log } = await openLog(cleanups, { port: server.port }, { retention: { ...bounds, forTopic } });
    for (let n = 0; n < 40; n += 1) {
      await log.append(
        Array.from({ length: 5 }, (_, i) => draft(`${n}`, i < 2 ? "latest" : `topic/${n % 7}`)),
      );
    }
    const stored = async () => {
      const [row] = await server.sql(
        "SELECT (SELECT count(*) FROM tidings_entries) AS entries, (SELECT count(*) FROM tidings_discarded) AS discarded",
      );
      return row;
    };
    const before = await Promise.all([readAll(log, "latest"), readAll(log, "topic/1"), log.stats()]);
    await expect.poll(stored, { timeout: 40_000 }).toEqual({ entries: "50", discarded: "0" });
    expect(await Promise.all([readAll(log, "latest"), readAll(log, "topic/1"), log.stats()])).toEqual(before);
    expect(before[0].entries.map(textOf)).toEqual(["39"]);
    expect(before[1].lostThrough).toBeGreaterThan(0);
  });
});

describe("postgresLog() that may not delete", () => {
  it("says that what it discards takes space, once, and deletes it when it may", async () => {
    const server = await cleanups.postgres();
    await (await openLog(cleanups, { port: server.port })).log.close();
    await server.sql(`
      CREATE ROLE app LOGIN;
      GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO app;
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO app`);
    const pool = new Pool({ host: "127.0.0.1", port: server.port, user: "app", database: "postgres" });
    cleanups.add(pool, (one) => one.end());
    const bounds = { messages: 10, bytes: 2 ** 20, ageMs: 3_600_000 };
    const opened = openForTest(cleanups, postgresLog(pool, { create: false }), { retention: bounds });
    const { log, errors } = await opened;
    for (let n = 0; n < 20; n += 1) await log.append(Array.from({ length: 5 }, () => draft(`${n}`)));
    await expect.poll(() => errors.length, { timeout: 30_000 }).toBe(1);
    const message = expect.stringMatching(
      /takes space: .*permission denied for table tidings_entries/,
    ) as string;
    expect(errors).toMatchObject([{ name: "LogError", code: "failed", message }]);
    const rows = async () =>
      (await server.sql("SELECT count(*)::int AS rows FROM tidings_entries"))[0]!["rows"];
    expect(await rows()).toBe(100);
    await server.sql("GRANT DELETE ON ALL TABLES IN SCHEMA public TO app");
    await expect.poll(rows, { timeout: 40_000 }).toBe(10);
    expect(errors).toHaveLength(1);
  });
});

describe("a hub on Postgres", () => {
  it("keeps its streams while Postgres is away, and loses nothing", async () => {
    const server = await cleanups.postgres();
    const { client } = await cleanups.client("pg", server.port);
    const { hub, text, data } = await hubWithStream(cleanups, postgresLog(client, { deadlineMs: 40_000 }));
    await server.signal("die");
    const publishing = hub.publish("a", { data: "3" });
    await server.restart();
    await publishing;
    await hub.publish("b/2", { data: "4" });
    const all = ["data: 1", "data: 2", "data: 3", "data: 4"];
    await expect.poll(data, { timeout: 20_000 }).toEqual(all);
    expect(text()).not.toMatch(/^event: gap$/m);
    expect(hub.stats().streams).toBe(1);
  });
});
