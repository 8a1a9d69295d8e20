/**
 * What becomes of a log when its NATS is cut off, hangs, is full, dies, or comes back as another one: what was acknowledged is
 * there or is told to be lost, and no promise stays open.
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Log, Retention } from "../../packages/tidings/src/log/log.ts";
import { natsLog, type NatsLogOptions } from "../../packages/tidings/src/log/nats/index.ts";
import {
  connectTo,
  onEachNats,
  startCluster,
  startNats,
  type NatsOptions,
  type NatsServer,
} from "./nats-server.ts";
import {
  Cleanups,
  draft,
  expectHandedOn,
  hubWithStream,
  openForTest,
  readAll,
  retention,
  textOf,
  type Opened,
} from "./opened-log.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const LONG = { timeout: 30_000 };

async function nats(options?: NatsOptions): Promise<NatsServer> {
  return cleanups.add(await startNats(options), (server) => server.stop());
}

async function connected(...ports: readonly number[]): Promise<NatsConnection> {
  return cleanups.add(await connectTo(...ports), (connection) => connection.close());
}

async function openLog(
  ports: readonly number[],
  options: NatsLogOptions = {},
  bounds: Partial<Retention> = {},
): Promise<Opened & { connection: NatsConnection }> {
  const connection = await connected(...ports);
  const opened = await openForTest(cleanups, natsLog(connection, options), {
    retention: { ...retention, ...bounds },
  });
  return { ...opened, connection };
}

/** Twenty writers at once, until `enough`. What was refused is refused, and not in the log later: every message is repeated until it is acknowledged. */
async function write(log: Log, enough: (acknowledged: number) => boolean): Promise<Map<number, string>> {
  const acknowledged = new Map<number, string>();
  let n = 0;
  const writers = Array.from({ length: 20 }, async () => {
    while (!enough(acknowledged.size)) {
      const text = `${(n += 1)}`;
      acknowledged.set((await log.append([draft(text)])).first, text);
    }
  });
  await Promise.all(writers);
  return acknowledged;
}

/** Everything acknowledged is stored once, and was handed on once or said to be missing. */
async function expectWhole(
  opened: Opened,
  acknowledged: ReadonlyMap<number, string>,
  from: number,
): Promise<void> {
  const { entries } = await readAll(opened.log);
  const stored = new Map(entries.map((entry) => [entry.offset, textOf(entry)]));
  expect(stored).toEqual(new Map([...acknowledged].sort(([one], [other]) => one - other)));
  expect(new Set(stored.values()).size).toBe(stored.size);
  await expect.poll(() => opened.parts.at(-1)?.through, LONG).toBe(Math.max(...acknowledged.keys()));
  expectHandedOn(opened, entries, from);
}

onEachNats(() => {
  describe("natsLog()", () => {
    it("stores once what it appends while connections are cut, and hands it on without a seam", async () => {
      const server = await nats();
      const board = await cleanups.switchboard(server.port);
      // A machine that is busy for seconds is no loss.
      const opened = await openLog([board.port], { deadlineMs: 60_000 });
      const from = await opened.log.follow!(["a"]);
      let cuts = 0;
      const cutting = setInterval(() => {
        cuts += 1;
        board.cut();
      }, 300);
      const acknowledged = await write(opened.log, (count) => count >= 4_000 && cuts >= 4);
      clearInterval(cutting);
      await expectWhole(opened, acknowledged, from);
      expect(opened.resets).toEqual([]);
    });

    it("waits for a server that hangs, and stores once what it sent meanwhile", async () => {
      const server = await nats();
      const { log, seen } = await openLog([server.port]);
      await log.follow!(["a"]);
      await log.append([draft("before")]);
      await server.kill("SIGSTOP");
      const appending = Promise.all(["1", "2", "3"].map((text) => log.append([draft(text)])));
      // Longer than an attempt.
      await new Promise((resolve) => void setTimeout(resolve, 3_500));
      await server.kill("SIGCONT");
      expect((await appending).map(({ first }) => first)).toEqual([2, 3, 4]);
      expect((await readAll(log)).entries.map(textOf)).toEqual(["before", "1", "2", "3"]);
      await expect.poll(() => seen()).toEqual(["before", "1", "2", "3"]);
    });

    it("rejects within its deadline what a server that is gone does not answer, and goes on when that returns", async () => {
      const server = await nats();
      const { log, seen, states, errors, resets, position } = await openLog([server.port], {
        deadlineMs: 1_500,
      });
      await log.follow!(["a"]);
      await log.append([draft("before")]);
      await expect.poll(() => seen()).toEqual(["before"]);
      await server.kill("SIGKILL");
      const startedMs = performance.now();
      const refused = { name: "LogError", code: "failed" };
      const reading = {
        topics: { exact: ["a"], matches: () => true },
        after: 0,
        maxMessages: 9,
        maxBytes: 999,
      };
      await Promise.all([
        expect(log.append([draft("lost")])).rejects.toMatchObject(refused),
        expect(log.head()).rejects.toMatchObject(refused),
        expect(log.read(reading)).rejects.toMatchObject(refused),
      ]);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
      await expect.poll(() => states).toEqual(["interrupted"]);
      await server.restart();
      await expect.poll(() => states, LONG).toEqual(["interrupted", "following"]);
      expect(errors.length).toBe(1);
      await expect
        .poll(async () => (await log.append([draft("after")]).catch(() => undefined))?.first, LONG)
        .toBeDefined();
      await expect.poll(() => seen().at(-1)).toBe("after");
      const { entries, lostThrough } = await readAll(log);
      expect(entries.map(textOf)[0]).toBe("before");
      expect(lostThrough).toBe(0);
      expect(resets).toEqual([]);
      expect((await log.head()).epoch).toBe(position.epoch);
    });

    it("says that the server lost everything, and goes on in a new log", async () => {
      const server = await nats();
      const { log, position, resets, seen } = await openLog([server.port]);
      await log.follow!(["a"]);
      for (const text of ["1", "2", "3"]) await log.append([draft(text)]);
      await expect.poll(() => seen()).toEqual(["1", "2", "3"]);
      await server.kill("SIGKILL");
      rmSync(join(server.folder, "jetstream"), { recursive: true });
      await server.restart();
      const { first } = await log.append([draft("new")]);
      expect(first).toBe(1);
      expect(resets).toHaveLength(1);
      expect(resets[0]!.epoch).not.toBe(position.epoch);
      expect(resets[0]!.head).toBe(0);
      expect((await log.head()).epoch).toBe(resets[0]!.epoch);
      await expect.poll(() => seen()).toEqual(["1", "2", "3", "new"]);
    });

    it("begins another epoch in every process when the stream was deleted", async () => {
      const server = await nats();
      const one = await openLog([server.port]);
      const other = await openLog([server.port]);
      await other.log.follow!("all");
      await one.log.append([draft("1"), draft("2")]);
      // What the other has not got yet goes with the stream.
      await expect.poll(() => other.seen(), LONG).toEqual(["1", "2"]);
      await (await jetstreamManager(one.connection)).streams.delete("tidings");
      expect((await one.log.append([draft("new")])).first).toBe(1);
      await expect.poll(() => other.resets.length, LONG).toBe(1);
      expect(other.resets).toEqual(one.resets);
      await expect.poll(() => other.seen()).toEqual(["1", "2", "new"]);
    });

    it("begins another epoch when a server comes back with less than was seen, also if it went on since", async () => {
      const server = await nats();
      const { log, position, resets, seen } = await openLog([server.port]);
      await log.follow!(["a"]);
      await log.append([draft("1")]);
      await server.kill("SIGTERM");
      const [folder, copy] = [join(server.folder, "jetstream"), join(server.folder, "copy")];
      cpSync(folder, copy, { recursive: true });
      await server.restart();
      await log.append([draft("2"), draft("3")]);
      await expect.poll(() => seen(), LONG).toEqual(["1", "2", "3"]);
      await server.kill("SIGKILL");
      rmSync(folder, { recursive: true });
      cpSync(copy, folder, { recursive: true });
      await server.restart();
      // Offsets 2 and 3 are given again: what has been acknowledged under them is another message.
      await log.append([draft("another 2")]);
      await expect.poll(() => resets.length, LONG).toBe(1);
      expect(resets[0]!.epoch).not.toBe(position.epoch);
      await log.append([draft("after")]);
      await expect.poll(() => seen().at(-1), LONG).toBe("after");
      expect((await log.head()).epoch).toBe(resets[0]!.epoch);
    });

    it("refuses with full what the stream or the account has no room for, and reads on", async () => {
      const server = await nats({ jetstream: ["max_file_store: 2MB"] });
      // JetStream reserves what a stream may take.
      const { log, connection } = await openLog([server.port], {}, { bytes: 1_000_000 });
      const streams = (await jetstreamManager(connection)).streams;
      await streams.update("tidings", { max_bytes: 500_000, discard: "new" } as never);
      const fill = async (): Promise<{ accepted: number[]; refusal: unknown }> => {
        const accepted: number[] = [];
        for (;;) {
          try {
            accepted.push((await log.append([draft("x".repeat(50_000))])).first);
          } catch (refusal) {
            return { accepted, refusal };
          }
        }
      };
      const stream = await fill();
      expect(stream.refusal).toMatchObject({ name: "LogError", code: "full" });
      expect((await readAll(log)).entries.map(({ offset }) => offset)).toEqual(stream.accepted);
      await streams.update("tidings", { max_bytes: -1 });
      const account = await fill();
      expect(account.refusal).toMatchObject({ name: "LogError", code: "full" });
      expect(account.accepted[0]).toBe(stream.accepted.length + 1);
      expect((await readAll(log)).entries.length).toBe(stream.accepted.length + account.accepted.length);
    });

    it("discards nothing when the clock of its process jumps", async () => {
      const server = await nats();
      const { log, errors } = await openLog([server.port]);
      await log.append([draft("1")]);
      const nowMs = Date.now();
      const clock = cleanups.add(vi.spyOn(Date, "now"), (spy) => spy.mockRestore());
      for (const [text, days] of [
        ["2", 30],
        ["3", -30],
      ] as const) {
        clock.mockReturnValue(nowMs + days * 86_400_000);
        await log.append([draft(text)]);
        const { entries, lostThrough } = await readAll(log);
        expect(entries.map(textOf).at(-1)).toBe(text);
        expect(entries.length).toBe(Number(text));
        expect(lostThrough).toBe(0);
        // They are dated by the server.
        for (const { atMs } of entries) expect(Math.abs(atMs - nowMs)).toBeLessThan(60_000);
      }
      expect(errors).toEqual([]);
    });

    it("repeats one idempotency key over a cut connection without storing it again, and says which was first", async () => {
      const server = await nats();
      const board = await cleanups.switchboard(server.port);
      const { log } = await openLog([board.port]);
      const other = await openLog([server.port]);
      const options = { idempotencyKey: "order 7" };
      await server.kill("SIGSTOP");
      const appending = log.append([draft("1"), draft("2")], options);
      await new Promise((resolve) => void setTimeout(resolve, 100));
      await server.kill("SIGCONT");
      board.cut();
      expect(await appending).toMatchObject({ first: 1, last: 2, repeated: false });
      expect(await other.log.append([draft("1"), draft("2")], options)).toMatchObject({
        first: 1,
        repeated: true,
      });
      expect((await readAll(log)).entries.map(textOf)).toEqual(["1", "2"]);
    });

    it("settles everything when the application closes its connection", async () => {
      const server = await nats();
      const { log, connection } = await openLog([server.port], { deadlineMs: 1_000 });
      await log.append([draft("1")]);
      await connection.close();
      await expect(log.append([draft("2")])).rejects.toMatchObject({ name: "LogError", code: "failed" });
      await expect(log.head()).rejects.toMatchObject({ name: "LogError", code: "failed" });
      await log.close();
    });

    it("refuses a stream that another program made", async () => {
      const server = await nats();
      const connection = await connected(server.port);
      await (await jetstreamManager(connection)).streams.add({ name: "orders", subjects: ["orders.>"] });
      const log = natsLog(connection, { name: "orders" });
      await expect(log.open({ retention, onTail() {} })).rejects.toThrow("was not made by Tidings");
      await log.close();
    });
  });

  describe("natsLog() on a cluster of three", () => {
    it("loses and doubles nothing when the leader is killed while it is written to, three times", async () => {
      const servers = cleanups.add(await startCluster(), (all) =>
        Promise.all(all.map((server) => server.stop())),
      );
      const ports = servers.map(({ port }) => port);
      const opened = await openLog(ports, { replicas: 3, deadlineMs: 60_000 });
      const other = await openLog([ports[2]!, ports[1]!, ports[0]!], { replicas: 3 });
      const from = await opened.log.follow!(["a"]);
      const otherFrom = await other.log.follow!("all");
      let rounds = 0;
      const killing = (async () => {
        const { streams } = await jetstreamManager(other.connection, { timeout: 20_000 });
        while (rounds < 3) {
          const cluster = await streams.info("tidings").then(
            (info) => info.cluster,
            () => undefined,
          );
          // Two copies of three have to be whole.
          const isWhole =
            cluster?.replicas?.every(({ current, offline }) => current && !(offline ?? false)) === true;
          const server = isWhole ? servers.find(({ name }) => name === cluster?.leader) : undefined;
          if (server === undefined) {
            await new Promise((resolve) => void setTimeout(resolve, 200));
            continue;
          }
          const before = (await other.log.head()).head;
          await expect.poll(async () => (await other.log.head()).head, LONG).toBeGreaterThan(before + 200);
          await server.kill("SIGKILL");
          // Without it: the two others go on.
          await expect
            .poll(async () => (await other.log.head().catch(() => ({ head: 0 }))).head, { timeout: 60_000 })
            .toBeGreaterThan(before + 400);
          rounds += 1;
          await server.restart();
        }
      })();
      const acknowledged = await write(opened.log, () => rounds >= 3);
      await killing;
      await expectWhole(opened, acknowledged, from);
      await expectWhole(other, acknowledged, otherFrom);
      expect([...opened.resets, ...other.resets]).toEqual([]);
    }, 180_000);
  });

  describe("a hub on NATS", () => {
    it("keeps its streams while the server is away, and hands on what came before and after", async () => {
      const server = await nats();
      const connection = await connected(server.port);
      const { hub, data } = await hubWithStream(cleanups, natsLog(connection));
      await server.kill("SIGKILL");
      const publishing = hub.publish("a", { data: "3" });
      await server.restart();
      await publishing;
      await hub.publish("b/2", { data: "4" });
      await expect.poll(data, LONG).toEqual(["data: 1", "data: 2", "data: 3", "data: 4"]);
      expect(hub.stats()).toMatchObject({ streams: 1, gaps: {} });
    });
  });
});
