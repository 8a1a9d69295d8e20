/**
 * hub.read() while the server of the log is killed and started again: a loop gets each message that was acknowledged once, in order,
 * or is told of a gap that it lies in. Where the log cannot be read for longer than its deadline, the loop throws, and another one
 * goes on from the last `id`.
 */
import { afterEach, describe, expect, it } from "vitest";
import { LogError, type Log } from "../../packages/tidings/src/log/log.ts";
import { postgresLog } from "../../packages/tidings/src/log/postgres/index.ts";
import { redisLog } from "../../packages/tidings/src/log/redis/index.ts";
import { createHub, type Hub, type HubOptions } from "../../packages/tidings/src/server/index.ts";
import { type Faults, faultsOf } from "./support/faults.ts";
import { expectOrder, type Gap, missedBy } from "./support/hub-subscribers.ts";
import { Cleanups } from "./postgres/opened.ts";
import { CLIENTS as REDIS_CLIENTS } from "./redis/clients.ts";
import { startRedis } from "./redis/server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** What runs the log's server. */
interface Engine extends Faults {
  readonly open: (deadlineMs: number) => Promise<Log>;
}

const redis = (...options: string[]) =>
  async function start(): Promise<Engine> {
    const server = cleanups.add(await startRedis(...options), (one) => one.stop());
    return {
      open: async (deadlineMs) => {
        const { client } = cleanups.add(await REDIS_CLIENTS["node-redis"]!(server.port), (one) =>
          one.close(),
        );
        return redisLog(client, { deadlineMs });
      },
      ...faultsOf(server),
    };
  };

async function postgres(): Promise<Engine> {
  const server = await cleanups.postgres();
  return {
    open: async (deadlineMs) =>
      postgresLog((await cleanups.client("pg", server.port)).client, { deadlineMs }),
    ...faultsOf(server),
  };
}

interface Loop {
  readonly messages: { readonly id: string; readonly data: string }[];
  readonly gaps: Gap[];
  readonly thrown: LogError[];
}

/** A loop from a cursor on, and the next one where it throws, until the end comes. @param everyMs - What each message takes it. */
function loop(hub: Hub, after: string, everyMs: number): { loop: Loop; over: Promise<void> } {
  const loop: Loop = { messages: [], gaps: [], thrown: [] };
  const read = async (): Promise<void> => {
    let last = after;
    for (;;) {
      try {
        for await (const { id, event, data } of hub.read({ topics: ["a"], after: last })) {
          last = id;
          if (event === "gap") loop.gaps.push(JSON.parse(data) as Gap);
          else loop.messages.push({ id, data });
          if (data === "end") return;
          if (everyMs > 0) await sleep(everyMs);
        }
        throw new Error("the loop ended");
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        loop.thrown.push(error);
        await sleep(100);
      }
    }
  };
  return { loop, over: read() };
}

async function readThrough(
  start: () => Promise<Engine>,
  { downMs, deadlineMs }: { downMs: number; deadlineMs: number },
): Promise<Loop[]> {
  const engine = await start();
  const open = async (options: HubOptions = {}): Promise<Hub> => {
    const log = await engine.open(deadlineMs);
    const hub = createHub({ onError: () => undefined, ...options, log });
    return cleanups.add(hub, () => hub.drain({ overMs: 0, graceMs: 1 }));
  };
  const writer = await open();
  // Of this one, whoever is not quick has to read the log.
  const [same, small] = [await open(), await open({ recent: { messages: 20 } })];
  const acknowledged: { id: string; data: string }[] = [];
  const { id: first } = await writer.publish("a", { data: "0" });
  const loops = [loop(same, first, 0), loop(writer, first, 0), loop(small, first, 0), loop(small, first, 8)];
  let isOver = false;
  const pending = new Set<Promise<void>>();
  const publish = async (data: string): Promise<void> => {
    try {
      const { id } = await writer.publish("a", { data });
      acknowledged.push({ id, data });
    } catch {
      // Nobody is promised it.
    }
  };
  const publishing = (async () => {
    for (let n = 1; !isOver; n += 1) {
      const settled = publish(`${n}`);
      pending.add(settled);
      void settled.then(() => pending.delete(settled));
      await sleep(5);
    }
  })();
  await sleep(1_000);
  await engine.kill();
  await sleep(downMs / 2);
  loops.push(loop(small, first, 0));
  await sleep(downMs / 2);
  await engine.restart();
  const enough = acknowledged.length + 100;
  await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(enough);
  isOver = true;
  await publishing;
  await Promise.all(pending);
  // Who is behind may skip these with a gap: until everybody has one.
  let left = loops.length;
  for (const { over } of loops) void over.then(() => (left -= 1));
  for (const giveUpMs = Date.now() + 30_000; left > 0 && Date.now() < giveUpMs; await sleep(200)) {
    await publish("end");
  }
  expect(left, "loops that did not go on").toBe(0);
  for (const { loop } of loops) {
    expectOrder(loop);
    const wanted = acknowledged.filter(({ data }) => data !== "end");
    expect(missedBy(loop, wanted), "missed, and not told").toEqual([]);
  }
  return loops.map(({ loop }) => loop);
}

const LONG = { timeout: 60_000 };
const WITHIN = { downMs: 1_000, deadlineMs: 10_000 };
const BEYOND = { downMs: 2_500, deadlineMs: 1_000 };

/** Of each loop, why it has gaps. */
const reasons = (loops: readonly Loop[]): string[][] =>
  loops.map(({ gaps }) => gaps.map(({ reason }) => reason));
const codes = (loops: readonly Loop[]): string[] =>
  loops.flatMap(({ thrown }) => thrown.map(({ code }) => code));
const each = (gaps: readonly string[]): (readonly string[])[] => Array.from({ length: 5 }, () => gaps);

describe("hub.read() over Redis that is killed", () => {
  const kept = redis("--appendonly", "yes", "--appendfsync", "always");

  it("and back with what it had: one gap, since Redis cannot prove that, and no error", LONG, async () => {
    const loops = await readThrough(kept, WITHIN);
    expect([reasons(loops), codes(loops)]).toEqual([each(["retention"]), []]);
  });

  it("and back after the deadline: who has to read throws, and goes on", LONG, async () => {
    const loops = await readThrough(kept, BEYOND);
    expect(reasons(loops)).toEqual(each(["retention"]));
    expect(new Set(codes(loops))).toEqual(new Set(["failed"]));
  });

  it("and back without what it had: one gap, to another log, and no error", LONG, async () => {
    const loops = await readThrough(redis(), WITHIN);
    expect([reasons(loops), codes(loops)]).toEqual([each(["epoch"]), []]);
  });
});

describe("hub.read() over Postgres that is killed", () => {
  it("and back: everything, and no error", LONG, async () => {
    const loops = await readThrough(postgres, WITHIN);
    expect([reasons(loops), codes(loops)]).toEqual([each([]), []]);
  });

  it("and back after the deadline: who has to read throws, and gets everything", LONG, async () => {
    const loops = await readThrough(postgres, BEYOND);
    expect(reasons(loops)).toEqual(each([]));
    expect(new Set(codes(loops))).toEqual(new Set(["failed"]));
  });
});
