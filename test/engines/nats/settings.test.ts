/**
 * What becomes of a log in NATS when somebody changes its stream with other tools: a setting by which the server would discard what
 * nobody hears of, and messages that were removed.
 */
import { jetstreamManager, type JetStreamManager, type StreamConfig } from "@nats-io/jetstream";
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

    it("discards what is too much, also where the stream was told to refuse more", async () => {
      const { log, manager, again } = await openLog();
      await log.close();
      await change(manager, { discard: "new" });
      await again();
      expect((await manager.streams.info("tidings")).config.discard).toBe("old");
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
