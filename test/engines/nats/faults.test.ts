/**
 * What becomes of a log when its NATS is cut off, hangs, is full, dies, or comes back as another one: what was acknowledged is
 * there or is told to be lost, and no promise stays open.
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Log, Retention } from "../../../packages/tidings/src/log/log.ts";
import { createAnswers, createHub } from "../../../packages/tidings/src/server/index.ts";
import { natsLog, type NatsLogOptions } from "../../../packages/tidings/src/log/nats/index.ts";
import { freePort } from "../../support/free-port.mjs";
import {
  connectTo,
  leaderOf,
  onEachNats,
  startCluster,
  startNats,
  type NatsOptions,
  type NatsServer,
} from "./server.ts";
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
} from "../support/opened-log.ts";

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
  through: (connection: NatsConnection) => NatsConnection = (connection) => connection,
): Promise<Opened & { connection: NatsConnection }> {
  const connection = await connected(...ports);
  const opened = await openForTest(cleanups, natsLog(through(connection), options), {
    retention: { ...retention, ...bounds },
  });
  return { ...opened, connection };
}

/** What got lost on its way. */
const NEVER = new Promise<never>(() => undefined);

type Request = NatsConnection["request"];

/** A connection over which what is asked, or its answer, may get lost. */
function withRequests(
  connection: NatsConnection,
  pass: (subject: string, ask: () => ReturnType<Request>) => ReturnType<Request>,
): NatsConnection {
  return new Proxy(connection, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "request") return value.bind(target) as unknown;
      return (...args: Parameters<Request>) => pass(args[0], () => target.request(...args));
    },
  });
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

    it("refuses with full what the account has no room for, and reads on", async () => {
      const server = await nats({ jetstream: ["max_file_store: 2MB"] });
      // JetStream reserves what a stream may take.
      const { log, connection } = await openLog([server.port], {}, { bytes: 1_000_000 });
      await (await jetstreamManager(connection)).streams.update("tidings", { max_bytes: -1 });
      const accepted: number[] = [];
      const filling = async (): Promise<void> => {
        for (;;) accepted.push((await log.append([draft("x".repeat(50_000))])).first);
      };
      await expect(filling()).rejects.toMatchObject({ name: "LogError", code: "full" });
      expect(accepted.length).toBeGreaterThan(10);
      expect((await readAll(log)).entries.map(({ offset }) => offset)).toEqual(accepted);
    });

    it("refuses at once what is larger than the server takes, with all that was to be appended with it", async () => {
      const server = await nats();
      const { log, connection } = await openLog([server.port]);
      const most = connection.info!.max_payload;
      const tooLarge = draft("x".repeat(most));
      for (const drafts of [[tooLarge], [draft("beside"), tooLarge]]) {
        const appending = log.append(drafts, { idempotencyKey: "large" });
        await expect(appending).rejects.toThrow(RangeError);
        await expect(appending).rejects.toThrow(`at most ${most} (max_payload`);
      }
      const large = "x".repeat(most - 1_000);
      await log.append([draft(large)], { idempotencyKey: "large" });
      expect((await readAll(log)).entries.map(textOf)).toEqual([large]);
    });

    it("ends an answer at once that yields more than the server takes, and no other", async () => {
      const server = await nats();
      const errors: unknown[] = [];
      const answers = createAnswers({
        log: natsLog(await connected(server.port), { name: "answers" }),
        onError: (error) => errors.push(error),
      });
      cleanups.add(answers, () => answers.close());
      const request = new Request("http://localhost/");
      const small = answers.resumable(request, "small", () => [{ data: "1" }]);
      const large = answers.resumable(request, "large", () => [{ data: "x".repeat(2 * 2 ** 20) }]);
      await expect((await large).text()).rejects.toThrow(/./);
      expect(await (await small).text()).toContain('{"complete":true}');
      expect(errors).toHaveLength(1);
      expect(errors[0]).toBeInstanceOf(RangeError);
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

    it("keeps its epoch when an acknowledgement comes behind a later one", async () => {
      const server = await nats();
      const connection = await connected(server.port);
      let held: (() => void) | undefined;
      // What a leader said that is not it any more, and what the next one says.
      const reordered = new Proxy(connection, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          if (name !== "subscribe") return value.bind(target) as unknown;
          return (...[subject, options]: Parameters<NatsConnection["subscribe"]>) =>
            target.subscribe(subject, {
              ...options,
              callback: (error, message) => {
                const next = (): void => void options!.callback!(error, message);
                if (!subject.endsWith(".a.*") || held !== undefined) {
                  next();
                  held?.();
                } else held = next;
              },
            });
        },
      });
      const { log, position, resets } = await openForTest(cleanups, natsLog(reordered));
      const appended = await Promise.all(["1", "2"].map((text) => log.append([draft(text)])));
      expect(appended.map(({ first }) => first)).toEqual([1, 2]);
      expect(await log.head()).toEqual({ epoch: position.epoch, head: 2 });
      expect(resets).toEqual([]);
    });

    it("asks again beside a question that nobody heard, and takes what time it is from the one that was answered", async () => {
      const server = await nats();
      let asked = 0;
      const opened = await openLog([server.port], { deadlineMs: 2_500 }, {}, (connection) =>
        // Of every two questions, the first gets lost.
        withRequests(connection, (subject, ask) =>
          subject.startsWith("$JS.API.") && (asked += 1) % 2 === 1 ? NEVER : ask(),
        ),
      );
      await opened.log.append([draft("1")]);
      const topics = { exact: ["a"], matches: () => true };
      const page = await opened.log.read({ topics, after: 0, maxMessages: 9, maxBytes: 999 });
      expect(page.entries.map(textOf)).toEqual(["1"]);
      expect(Math.abs(page.nowMs! - Date.now())).toBeLessThan(2_000);
    });

    it("hands on what is appended as long as no consumer can be made, and leaves none behind", async () => {
      const server = await nats();
      const board = await cleanups.switchboard(server.port);
      const other = await openLog([server.port]);
      let isLost = false;
      const opened = await openLog([board.port], {}, {}, (connection) =>
        withRequests(connection, (subject, ask) =>
          isLost && subject.includes("CONSUMER.CREATE") ? NEVER : ask(),
        ),
      );
      const from = await opened.log.follow!(["a"]);
      await other.log.append([draft("1")]);
      await expect.poll(() => opened.seen(), LONG).toEqual(["1"]);
      isLost = true;
      board.cut();
      await expect.poll(() => opened.states, LONG).toEqual(["interrupted"]);
      const texts = Array.from({ length: 100 }, (_, n) => `${n + 2}`);
      for (const text of texts) await other.log.append([draft(text)]);
      await expect.poll(() => opened.seen(), LONG).toEqual(["1", ...texts]);
      isLost = false;
      await expect.poll(() => opened.states, LONG).toEqual(["interrupted", "following"]);
      await other.log.append([draft("last")]);
      await expect.poll(() => opened.seen().at(-1), LONG).toBe("last");
      expectHandedOn(opened, (await readAll(opened.log)).entries, from);
      const { consumers } = await jetstreamManager(other.connection);
      const names = async (): Promise<string[]> => {
        const all: string[] = [];
        for await (const { name } of consumers.list("tidings")) all.push(name);
        return all;
      };
      await expect.poll(async () => (await names()).length, LONG).toBe(2);
    });

    it("takes a consumer that delivers, also if the answer that it was made is lost", async () => {
      const server = await nats();
      const board = await cleanups.switchboard(server.port);
      const other = await openLog([server.port]);
      let isLost = false;
      const opened = await openLog([board.port], {}, {}, (connection) =>
        withRequests(connection, async (subject, ask) => {
          const answer = await ask();
          return isLost && subject.includes("CONSUMER.CREATE") ? NEVER : answer;
        }),
      );
      const from = await opened.log.follow!(["a"]);
      isLost = true;
      board.cut();
      for (let n = 0; n < 20; n += 1) await other.log.append([draft(`${n}`)]);
      await expect.poll(() => opened.states, LONG).toEqual(["interrupted", "following"]);
      for (let n = 20; n < 40; n += 1) await other.log.append([draft(`${n}`)]);
      await expect.poll(() => opened.parts.at(-1)?.through, LONG).toBe(40);
      isLost = false;
      expectHandedOn(opened, (await readAll(opened.log)).entries, from);
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

    it("is closed, to what is still under way when it and its connection are closed", async () => {
      const server = await nats();
      const connection = await connected(server.port);
      const errors: unknown[] = [];
      const log = natsLog(connection);
      await log.open({ retention, onTail() {}, onError: (error) => errors.push(error) });
      await server.kill("SIGSTOP");
      const reads = Promise.allSettled([log.head(), log.stats()]);
      await log.close();
      await connection.close();
      await server.kill("SIGCONT");
      const closed = { status: "rejected", reason: { name: "LogError", code: "closed" } };
      expect(await reads).toMatchObject([closed, closed]);
      expect(errors).toEqual([]);
    });

    it("refuses a stream that another program made, and leaves it alone", async () => {
      const server = await nats();
      const connection = await connected(server.port);
      const { streams } = await jetstreamManager(connection);
      await streams.add({ name: "orders", subjects: ["orders.>"] });
      await connection.request("orders.7", "x".repeat(1_000));
      const log = natsLog(connection, { name: "orders" });
      const bounds = { messages: 1, bytes: 100, ageMs: 1_000 };
      await expect(log.open({ retention: bounds, onTail() {} })).rejects.toThrow("was not made by Tidings");
      await log.close();
      // It is left as it is: these bounds would have discarded what it holds.
      const { config, state } = await streams.info("orders");
      expect([config.max_age, config.max_bytes, state.messages]).toEqual([0, -1, 1]);
    });
  });

  describe("natsLog() on a cluster of three", () => {
    it("goes on about when the cluster does after its leader was killed for good", async () => {
      const servers = cleanups.add(await startCluster(), (all) =>
        Promise.all(all.map((server) => server.stop())),
      );
      const ports = servers.map(({ port }) => port);
      const around = (first: number): number[] => [...ports.slice(first), ...ports.slice(0, first)];
      const logs: (Opened & { connection: NatsConnection })[] = [];
      for (const first of [0, 1, 2]) {
        const opened = await openLog(around(first), { replicas: 3, deadlineMs: 60_000 });
        await opened.log.follow!(["a"]);
        logs.push(opened);
      }
      const bare = await connected(...ports);
      const { streams } = await jetstreamManager(bare, { timeout: 20_000 });
      await streams.add({ name: "bare", subjects: ["bare"], num_replicas: 3 });
      const isWhole = async (): Promise<boolean> => {
        const { cluster } = await streams.info("tidings");
        return cluster?.replicas?.every(({ current }) => current) === true;
      };
      await expect.poll(isWhole, LONG).toBe(true);
      const leader = await leaderOf("tidings", servers, bare);
      const { subjects } = (await streams.info("tidings")).config;
      const subject = subjects[0]!.replace(">", "another-program");
      await leader.kill("SIGKILL");
      let newest = Infinity;
      const appended = Promise.all(logs.map(({ log }) => log.append([draft("after")]))).then(
        (all) => void (newest = Math.max(...all.map(({ first }) => first))),
      );
      const isDone = (): boolean => logs.every(({ parts }) => (parts.at(-1)?.through ?? 0) >= newest);
      // A client that does nothing else, and a log that goes on before that has sent so many more.
      const publish = async (): Promise<boolean> => {
        const sent = bare.request(subject, "x", { timeout: 250 });
        return sent.then(
          ({ data }) => /"seq":\d/.test(Buffer.from(data).toString()),
          () => false,
        );
      };
      while (!(await publish())) await new Promise((resolve) => void setTimeout(resolve, 50));
      let more = 0;
      while (!isDone() && more < 200) {
        await publish();
        await new Promise((resolve) => void setTimeout(resolve, 50));
        more += 1;
      }
      await appended;
      expect(more).toBeLessThanOrEqual(35);
    }, 120_000);

    it("waits for a majority of its servers, and stores once what it sent again and again", async () => {
      const servers = cleanups.add(await startCluster(), (all) =>
        Promise.all(all.map((server) => server.stop())),
      );
      const bare = await connected(...servers.map(({ port }) => port));
      const first = await openLog([servers[0]!.port], { replicas: 3, deadlineMs: 60_000 });
      await first.log.append([draft("before")]);
      await first.log.close();
      const leader = await leaderOf("tidings", servers, bare);
      const { log } = await openLog([leader.port], { replicas: 3, deadlineMs: 60_000 });
      await log.append([draft("1")]);
      const others = servers.filter((server) => server !== leader);
      for (const other of others) await other.kill("SIGSTOP");
      const appending = Promise.all(["2", "3", "4"].map((text) => log.append([draft(text)])));
      // Longer than an attempt.
      await new Promise((resolve) => void setTimeout(resolve, 5_000));
      for (const other of others) await other.kill("SIGCONT");
      await appending;
      expect((await readAll(log)).entries.map(textOf).sort()).toEqual(["1", "2", "3", "4", "before"]);
    }, 120_000);

    it("is opened when there are enough servers, where one of them is late", async () => {
      const routes = await Promise.all([freePort(), freePort(), freePort()]);
      const all = routes.map((port) => `nats-route://127.0.0.1:${port}`).join(", ");
      const start = (n: number): Promise<NatsServer> =>
        nats({
          name: `n${n}`,
          lines: [`cluster { name: test, listen: "127.0.0.1:${routes[n]!}", routes: [${all}] }`],
          wait: false,
        });
      const { port } = await start(0);
      await start(1);
      const opening = openLog([port], { replicas: 3, deadlineMs: 60_000 });
      const { streams } = await jetstreamManager(await connected(port), { timeout: 20_000, checkAPI: false });
      const probe = { name: "probe", subjects: ["probe"], num_replicas: 3 };
      const refusal = async (): Promise<string> => streams.add(probe).then(() => "", String);
      await expect.poll(refusal, LONG).toContain("no suitable peers");
      await start(2);
      const { log } = await opening;
      expect(await log.append([draft("1")])).toMatchObject({ first: 1 });
    }, 120_000);

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
    it("refuses presence where the server knows ids for less time than that needs", async () => {
      const server = await nats();
      const connection = await connected(server.port);
      const create = (ageMs: number, options?: NatsLogOptions) => () =>
        createHub({ log: natsLog(connection, options), presence: true, retention: { ageMs } });
      expect(create(60_000)).toThrow(/retention.ageMs is 60000, expected 120000 or more with presence/);
      expect(create(600_000, { idempotencyAgeMs: 5_000 })).toThrow(/idempotencyAgeMs of its log is 5000/);
      cleanups.add(create(120_000)(), (hub) => hub.drain({ overMs: 0, graceMs: 100 }));
    });

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
