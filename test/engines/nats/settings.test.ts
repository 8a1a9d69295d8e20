/**
 * What becomes of a log in NATS when somebody changes its stream with other tools: settings with which the log breaks its promise, and
 * messages that were removed.
 */
import {
  DiscardPolicy,
  jetstreamManager,
  type JetStreamManager,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterEach, describe, expect, it } from "vitest";
import { natsLog } from "../../../packages/tidings/src/log/nats/index.ts";
import { connectTo, onEachNats, startNats } from "./server.ts";
import {
  Cleanups,
  draft,
  openForTest,
  readAll,
  retention,
  textOf,
  type Opened,
} from "../support/opened-log.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function openLog(): Promise<
  Opened & { connection: NatsConnection; manager: JetStreamManager; again: () => Promise<Opened> }
> {
  const server = cleanups.add(await startNats(), (one) => one.stop());
  const connection = cleanups.add(await connectTo(server.port), (one) => one.close());
  const again = (): Promise<Opened> => openForTest(cleanups, natsLog(connection));
  return { ...(await again()), connection, manager: await jetstreamManager(connection), again };
}

async function change(manager: JetStreamManager, settings: Partial<StreamConfig>): Promise<void> {
  const { config } = await manager.streams.info("tidings");
  await manager.streams.update("tidings", { ...config, ...settings });
}

/** Of one topic that keeps its first message, and another that has some. */
async function fill({ log }: Opened): Promise<void> {
  await log.append([draft("first", "kept")]);
  for (const text of ["1", "2", "3"]) await log.append([draft(text)]);
}

onEachNats(() => {
  describe("natsLog()", () => {
    it("tells everyone once of what a limit for each subject discarded, and takes that limit away", async () => {
      const opened = await openLog();
      const { log, position, resets, manager, again } = opened;
      await fill(opened);
      await change(manager, { max_msgs_per_subject: 1 });
      await log.append([draft("4")]);
      await expect.poll(() => resets.length, { timeout: 20_000 }).toBe(1);
      expect(resets[0]!.epoch).not.toBe(position.epoch);
      expect((await manager.streams.info("tidings")).config.max_msgs_per_subject).toBe(-1);
      for (const text of ["5", "6"]) await log.append([draft(text)]);
      expect((await readAll(log)).entries.map(textOf).slice(-3)).toEqual(["4", "5", "6"]);
      const other = await again();
      expect(other.position.epoch).toBe(resets[0]!.epoch);
      await new Promise((resolve) => void setTimeout(resolve, 1_500));
      expect([resets.length, other.resets.length]).toEqual([1, 0]);
    });

    it("tells of what was discarded so while it was closed", async () => {
      const opened = await openLog();
      await fill(opened);
      await opened.log.close();
      await change(opened.manager, { max_msgs_per_subject: 1 });
      // Of a server that discards by this limit only when something comes.
      const { config } = await opened.manager.streams.info("tidings");
      await opened.connection.request(config.subjects[0]!.replace(">", "a"), "of another program");
      const { position } = await opened.again();
      expect(position.epoch).not.toBe(opened.position.epoch);
      expect((await opened.again()).position).toEqual(position);
    });

    it("tells everyone of messages that were removed by hand, each time and once", async () => {
      const opened = await openLog();
      const { log, position, resets, manager } = opened;
      await fill(opened);
      await manager.streams.deleteMessage("tidings", 3);
      // A reader at 1 would not hear that 3 is gone.
      await expect.poll(() => resets.length, { timeout: 20_000 }).toBe(1);
      expect(resets[0]!.epoch).not.toBe(position.epoch);
      await log.append([draft("4")]);
      expect((await readAll(log)).entries.map(textOf)).toEqual(["1", "3", "4"]);
      // With the hole, what is before it goes; and another message is removed.
      await manager.streams.purge("tidings", { seq: 4 });
      await log.append([draft("5"), draft("6"), draft("7")]);
      await new Promise((resolve) => void setTimeout(resolve, 1_500));
      expect(resets).toHaveLength(1);
      await manager.streams.deleteMessage("tidings", 6);
      await expect.poll(() => resets.length, { timeout: 20_000 }).toBe(2);
      expect((await opened.again()).position.epoch).toBe(resets[1]!.epoch);
    });

    /** With which appends are not acknowledged, or refused. */
    const HINDERING: Record<string, Partial<StreamConfig>> = {
      no_ack: { no_ack: true },
      discard: { discard: DiscardPolicy.New, max_msgs: 3 },
    };

    it.each(Object.keys(HINDERING))(
      "takes %s back while it runs and when it opens, and says so",
      async (name) => {
        const opened = await openLog();
        const { log, manager, again, errors, seen, resets } = opened;
        await log.follow!(["a"]);
        const before = (await manager.streams.info("tidings")).config;
        await change(manager, HINDERING[name]!);
        for (const text of ["1", "2", "3", "4", "5"]) {
          const isAppended = async (): Promise<boolean> =>
            log.append([draft(text)]).then(
              () => true,
              (error: { code: string }) => error.code !== "full",
            );
          await expect.poll(isAppended, { timeout: 20_000 }).toBe(true);
        }
        await expect.poll(() => errors.map(String), { timeout: 20_000 }).toHaveLength(1);
        expect(String(errors[0])).toMatch(
          new RegExp(`Stream tidings was set to ${name}: .* taken that back`),
        );
        await expect.poll(seen).toEqual(["1", "2", "3", "4", "5"]);
        await log.close();
        await change(manager, HINDERING[name]!);
        await new Promise((resolve) => void setTimeout(resolve, 100));
        const other = await again();
        expect(other.errors.map(String)).toEqual(errors.map(String));
        await other.log.append([draft("6")]);
        const { config } = await manager.streams.info("tidings");
        expect([config.no_ack, config.discard]).toEqual([before.no_ack, before.discard]);
        expect([resets, other.position.epoch]).toEqual([[], opened.position.epoch]);
      },
    );

    it("remembers keys as long as it says, though somebody had the server forget them sooner", async () => {
      const { log, manager, errors, again } = await openLog();
      await change(manager, { duplicate_window: 150e6 });
      await expect.poll(() => errors.map(String).join(), { timeout: 20_000 }).toContain("duplicate_window");
      const options = { idempotencyKey: "order 7" };
      const { first } = await log.append([draft("1")], options);
      await new Promise((resolve) => void setTimeout(resolve, 500));
      const other = await again();
      expect(await other.log.append([draft("1")], options)).toMatchObject({ first, repeated: true });
      // No longer than messages are kept, which is somebody's to say.
      await change(manager, { max_age: 30_000e6, duplicate_window: 20_000e6 });
      const windowIs = async (): Promise<number> =>
        (await manager.streams.info("tidings")).config.duplicate_window / 1e6;
      await expect.poll(windowIs, { timeout: 20_000 }).toBe(30_000);
      await log.append([draft("2")]);
    });

    it("takes back that messages go when consumers had them, and tells everyone", async () => {
      const opened = await openLog();
      const { log, position, resets, errors, manager, connection } = opened;
      await fill(opened);
      const { config } = await manager.streams.info("tidings");
      const update = JSON.stringify({ ...config, retention: "interest" });
      const changed = await connection.request("$JS.API.STREAM.UPDATE.tidings", update);
      // Older servers do not allow it.
      const isAllowed = changed.json<{ error?: unknown }>().error === undefined;
      expect(isAllowed).toBe(!connection.info!.version.startsWith("2.9."));
      if (!isAllowed) return;
      await expect.poll(() => resets.length, { timeout: 20_000 }).toBe(1);
      expect(resets[0]!.epoch).not.toBe(position.epoch);
      expect(String(errors[0])).toContain("retention");
      const { head } = await log.head();
      for (const text of ["4", "5"]) await log.append([draft(text)]);
      const { entries } = await readAll(log);
      expect(entries.filter(({ offset }) => offset > head).map(textOf)).toEqual(["4", "5"]);
    });

    it("begins the epoch that somebody wrote into the description of its stream", async () => {
      const { log, resets, manager, again } = await openLog();
      await log.append([draft("1")]);
      await change(manager, { description: "A log of Tidings, epoch restored-1" });
      await expect.poll(() => resets, { timeout: 20_000 }).toEqual([{ epoch: "restored-1", head: 1 }]);
      expect((await again()).position).toEqual({ epoch: "restored-1", head: 1 });
    });

    it("tells everyone of what a transform of subjects hid from readers, and takes that away", async () => {
      const { log, position, resets, errors, manager, connection, again } = await openLog();
      const change = { src: ">", dest: "elsewhere.>" };
      const { config } = await manager.streams.info("tidings");
      const changed = await connection.request(
        "$JS.API.STREAM.UPDATE.tidings",
        JSON.stringify({ ...config, subject_transform: change }),
      );
      // Older servers do not know it.
      const isKnown =
        changed.json<{ config: Partial<StreamConfig> }>().config.subject_transform !== undefined;
      expect(isKnown).toBe(!connection.info!.version.startsWith("2.9."));
      if (!isKnown) return;
      await log.append([draft("hidden")]);
      await expect.poll(() => resets.length, { timeout: 20_000 }).toBe(1);
      expect(resets[0]!.epoch).not.toBe(position.epoch);
      await expect.poll(() => errors.map(String).join()).toContain("subject_transform");
      await log.append([draft("found")]);
      expect((await readAll(log)).entries.map(textOf)).toEqual(["found"]);
      expect((await again()).position.epoch).toBe(resets[0]!.epoch);
    });

    it("removes limits of consumers, with which it could not read", async () => {
      const { log, manager, connection, again } = await openLog();
      await log.close();
      const { config } = await manager.streams.info("tidings");
      const update = { ...config, consumer_limits: { max_ack_pending: 5 } };
      const noConsumer = async (): Promise<boolean> =>
        (await connection.request("$JS.API.STREAM.UPDATE.tidings", JSON.stringify(update))).json<{
          error?: unknown;
        }>().error === undefined;
      await expect.poll(noConsumer, { timeout: 20_000 }).toBe(true);
      const other = await again();
      await other.log.follow!(["a"]);
      await other.log.append([draft("1")]);
      await expect.poll(() => other.seen()).toEqual(["1"]);
    });

    it("says what the largest message of its stream is for", async () => {
      const { log, manager } = await openLog();
      await change(manager, { max_msg_size: 200 });
      const appending = log.append([draft("x".repeat(200))]);
      await expect(appending).rejects.toThrow(RangeError);
      await expect(appending).rejects.toThrow("at most max_msg_size of its stream");
      await log.append([draft("small")]);
    });

    it("says that its stream is sealed, when it appends and when it opens", async () => {
      const { log, manager, again } = await openLog();
      await log.append([draft("1")]);
      await change(manager, { sealed: true });
      await expect(log.append([draft("2")])).rejects.toThrow(/sealed stream .* expected another name/);
      expect((await readAll(log)).entries.map(textOf)).toEqual(["1"]);
      await log.close();
      await expect(again()).rejects.toThrow("stream tidings is sealed");
    });

    it("goes on with subjects that were added, and passes over what comes there", async () => {
      const { log, manager, connection, errors, seen, states } = await openLog();
      await log.follow!("all");
      const { subjects } = (await manager.streams.info("tidings")).config;
      await change(manager, { subjects: [...subjects, "orders.>"] });
      await connection.request("orders.1", "not in the log's format");
      // In its format, of the topic that is read.
      await connection.request("orders.2", "\0\x01\0\0a1");
      await log.append([draft("2")]);
      await expect.poll(seen).toEqual(["2"]);
      await new Promise((resolve) => void setTimeout(resolve, 1_500));
      expect((await readAll(log)).entries.map(textOf)).toEqual(["2"]);
      expect([errors, states]).toEqual([[], []]);
    });

    it.each([
      [
        "subjects",
        { subjects: ["orders.>"] },
        /has the subjects orders\.>, expected tidings\..*\.> among them/,
      ],
      [
        "description",
        { description: "mine" },
        /has the description "mine", expected "A log of Tidings, epoch /,
      ],
    ] as const)(
      "says what its %s was, where that was changed, and goes on when it is back",
      async (_, to, said) => {
        const { connection, manager, ...first } = await openLog();
        await first.log.close();
        const { log, errors, states } = await openForTest(
          cleanups,
          natsLog(connection, { deadlineMs: 2_500 }),
        );
        const { subjects, description } = (await manager.streams.info("tidings")).config;
        await change(manager, to as Partial<StreamConfig>);
        await expect(log.head()).rejects.toThrow(said);
        await expect.poll(() => errors.map(String).join(), { timeout: 20_000 }).toMatch(said);
        await change(manager, { subjects, description: description! });
        await expect.poll(() => states, { timeout: 20_000 }).toEqual(["interrupted", "following"]);
        await log.append([draft("2")]);
      },
    );

    it("says why it cannot append where its stream takes its subjects no longer", async () => {
      const { connection, manager, ...first } = await openLog();
      await first.log.close();
      const { log } = await openForTest(cleanups, natsLog(connection, { deadlineMs: 2_500 }));
      await change(manager, { subjects: ["orders.>"] });
      await expect(log.append([draft("1")])).rejects.toThrow(
        /not acknowledge it within 2500 ms.*has the subjects orders\.>, expected tidings\..*\.> among them/,
      );
    });

    it("takes bounds that are no whole numbers, and ages that no server could count", async () => {
      const server = cleanups.add(await startNats(), (one) => one.stop());
      const connection = cleanups.add(await connectTo(server.port), (one) => one.close());
      const manager = await jetstreamManager(connection);
      const bounds = { messages: 10.5, bytes: 2 ** 20 + 0.5, ageMs: 1.1 * 3_600_000 };
      const log = natsLog(connection, { idempotencyAgeMs: 100_000 / 3 });
      await openForTest(cleanups, log, { retention: bounds });
      const { config } = await manager.streams.info("tidings");
      expect(config).toMatchObject({ max_msgs: 5_010, max_bytes: 2 ** 20, max_age: 3_960_000e6 });
      expect(config.duplicate_window).toBe(33_333e6);
      for (const ageMs of [Number.MAX_SAFE_INTEGER, 1e13]) {
        await openForTest(cleanups, natsLog(connection), { retention: { ...retention, ageMs } });
        expect((await manager.streams.info("tidings")).config.max_age).toBe(0);
      }
    });
  });
});
