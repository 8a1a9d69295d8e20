/** What somebody does to a connection of the log, and to the account that it is of: nothing stays open, and nothing is lost unsaid. */
import { readFileSync } from "node:fs";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterEach, describe, expect, it } from "vitest";
import { natsLog } from "../../../packages/tidings/src/log/nats/index.ts";
import { connectTo, onEachNats, startNats, type NatsServer } from "./server.ts";
import { Cleanups, draft, openForTest, readAll, textOf, type Opened } from "../support/opened-log.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const LONG = { timeout: 20_000 };

/** A server whose account leads subjects elsewhere. */
async function mapping(from: string, to: string): Promise<NatsServer> {
  const account = `A { jetstream: enabled, users: [{ user: all, password: p }], mappings: { "${from}": "${to}" } }`;
  const lines = [`accounts { ${account} }`, "no_auth_user: all"];
  return cleanups.add(await startNats({ lines }), (server) => server.stop());
}

async function openOn(
  { port }: NatsServer,
  deadlineMs: number,
): Promise<Opened & { connection: NatsConnection }> {
  const connection = cleanups.add(await connectTo(port), (one) => one.close());
  return { ...(await openForTest(cleanups, natsLog(connection, { deadlineMs }))), connection };
}

onEachNats(() => {
  describe("natsLog()", () => {
    it("takes no answer of another stream for one of its own", async () => {
      const { log, connection, seen, resets } = await openOn(
        await mapping("tidings.*.a", "archive.$1"),
        2_000,
      );
      await (await jetstreamManager(connection)).streams.add({ name: "archive", subjects: ["archive.*"] });
      await log.follow!("all");
      const [elsewhere, here] = await Promise.allSettled([
        log.append([draft("1", "a")]),
        log.append([draft("2", "b")]),
      ]);
      expect(elsewhere).toMatchObject({
        reason: {
          code: "failed",
          message: expect.stringMatching(/may have stored it \(stream "archive" answers .* expected tidings/),
        },
      });
      expect(here).toMatchObject({ status: "fulfilled", value: { first: 1 } });
      await expect.poll(seen).toEqual(["2"]);
      expect([(await log.head()).head, resets]).toEqual([1, []]);
    });

    it("tells everyone of what a mapping led to another topic, and appends no more there", async () => {
      const opened = await openOn(await mapping("tidings.*.a", "tidings.$1.b"), 10_000);
      const { log, position, resets, errors, seen } = opened;
      await log.follow!("all");
      await log.append([draft("1")]);
      await expect.poll(() => resets.length, LONG).toBe(1);
      expect(resets[0]!.epoch).not.toBe(position.epoch);
      expect(String(errors[0])).toMatch(
        /published to tidings\..*\.a comes to tidings\..*\.b, expected an account/,
      );
      await expect(log.append([draft("2")])).rejects.toBe(errors[0]);
      await log.append([draft("3", "c")]);
      await expect.poll(seen).toEqual(["3"]);
      expect((await readAll(log, "c")).entries.map(textOf)).toEqual(["3"]);
      expect(resets).toHaveLength(1);
    });

    it("settles what waits as soon as its connection is closed for good", async () => {
      const server = cleanups.add(await startNats(), (one) => one.stop());
      const own = { servers: `127.0.0.1:${server.port}`, reconnect: false };
      const connection = cleanups.add(await connect(own), (one) => one.close());
      const { log, states, errors } = await openForTest(
        cleanups,
        natsLog(connection, { deadlineMs: 600_000 }),
      );
      await server.kill("SIGSTOP");
      const state = (): string => readFileSync(`/proc/${server.process.pid}/stat`, "utf8");
      await expect.poll(state, LONG).toContain(") T ");
      const settled = Promise.allSettled([log.append([draft("1")])]);
      // It is sent in the next turn.
      await new Promise((resolve) => void setTimeout(resolve, 50));
      await server.kill("SIGKILL");
      const message =
        "Cannot append to log: the connection to NATS was closed before it was acknowledged, and NATS may have stored it";
      expect(await settled).toMatchObject([{ status: "rejected", reason: { code: "failed", message } }]);
      expect(states).toEqual(["interrupted"]);
      expect(errors).toHaveLength(1);
    });
  });
});
