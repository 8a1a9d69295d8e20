/**
 * What becomes of a log when the clock of its server is set: an hour ahead, an hour back, or runs too fast. Nothing that is
 * acknowledged may vanish without a word, no offset may come twice, and what a server discards by its own time is a gap.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { Log, LogError, Retention } from "../../packages/tidings/src/log/log.ts";
import { natsLog } from "../../packages/tidings/src/log/nats/index.ts";
import { postgresLog } from "../../packages/tidings/src/log/postgres/index.ts";
import { redisLog } from "../../packages/tidings/src/log/redis/index.ts";
import type { NodeRedisClient } from "../../packages/tidings/src/log/redis/node-redis.ts";
import {
  createAnswers,
  createHub,
  type Answers,
  type Hub,
  type Publication,
} from "../../packages/tidings/src/server/index.ts";
import { connectTo, onEachNats, startNats } from "./nats/server.ts";
import {
  Cleanups,
  draft,
  expectHandedOn,
  openForTest,
  readAll,
  textOf,
  type Opened,
} from "./support/opened-log.ts";
import { CLIENTS as POSTGRES_CLIENTS } from "./postgres/clients.ts";
import { startPostgres } from "./postgres/server.ts";
import { CLIENTS as REDIS_CLIENTS } from "./redis/clients.ts";
import { startRedis, startRedisWith } from "./redis/server.ts";
import { makeServerClock, type ServerClock } from "./support/server-clock.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LONG = { timeout: 20_000 };

/** Starts a server. @returns What makes a log in it, with a connection of its own. */
type Start = (clock: ServerClock) => Promise<(options?: { idempotencyAgeMs?: number }) => Promise<Log>>;

const redis: Start = async (clock) => {
  const server = cleanups.add(await startRedisWith(clock), (one) => one.stop());
  return async (options) => {
    const { client } = cleanups.add(await REDIS_CLIENTS["node-redis"]!(server.port), (one) => one.close());
    return redisLog(client, options);
  };
};

const postgres: Start = async (clock) => {
  const server = cleanups.add(await startPostgres("", clock), (one) => one.end());
  return async (options) => {
    const { client } = cleanups.add(await POSTGRES_CLIENTS["pg"]!(server.port), (one) => one.close());
    return postgresLog(client, options);
  };
};

const nats: Start = async (clock) => {
  const server = cleanups.add(await startNats({ clock }), (one) => one.stop());
  return async (options) => {
    const connection = cleanups.add(await connectTo(server.port), (one) => one.close());
    return natsLog(connection, options);
  };
};

async function start(
  engine: Start,
  aheadMs = 0,
): Promise<{
  clock: ServerClock;
  makeLog: () => Promise<Log>;
  open: (retention?: Partial<Retention>) => Promise<Opened>;
  hub: (leaseMs: number) => Promise<Hub>;
}> {
  const clock = cleanups.add(makeServerClock(), (one) => one.end());
  clock.set(aheadMs);
  const makeLog = await engine(clock);
  return {
    clock,
    makeLog,
    open: async (retention) =>
      openForTest(cleanups, await makeLog(), {
        retention: { messages: 100_000, bytes: 2 ** 30, ageMs: 24 * HOUR, ...retention },
      }),
    hub: async (leaseMs) => {
      const hub = createHub({
        log: await makeLog(),
        retention: { ageMs: 24 * HOUR },
        presence: true,
        cluster: { leaseMs },
        onError: () => undefined,
      });
      return cleanups.add(hub, () => hub.drain({ overMs: 0, graceMs: 100 }));
    },
  };
}

/** Appends one after the other until it is told to stop. @returns What was acknowledged, by offset. */
function write({ log }: Opened, name: string): () => Promise<Map<number, string>> {
  const acknowledged = new Map<number, string>();
  let isOver = false;
  const writing = (async () => {
    for (let n = 1; !isOver; n += 1) {
      const { first } = await log.append([draft(`${name} ${n}`)]);
      expect(acknowledged.has(first)).toBe(false);
      acknowledged.set(first, `${name} ${n}`);
      await sleep(2);
    }
  })();
  return async () => {
    isOver = true;
    await writing;
    return acknowledged;
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

function declare(engine: Start): void {
  it.each([HOUR, -HOUR])(
    "keeps an answer for keepMs also where it is read later, with a clock that is %i ms ahead",
    LONG,
    async (aheadMs) => {
      const { clock, makeLog } = await start(engine, aheadMs);
      const keepMs = MINUTE;
      const open = async (): Promise<Answers<Publication>> =>
        cleanups.add(createAnswers({ log: await makeLog(), keepMs, joinMs: 0 }), (one) => one.close());
      const request = new Request("http://localhost/");
      await (await (await open()).resumable(request, "a", () => [{ data: "1" }])).text();
      expect(await (await open()).state("a")).toMatchObject({ state: "complete" });
      clock.set(aheadMs + keepMs / 2);
      expect(await (await open()).state("a")).toMatchObject({ state: "complete" });
      clock.set(aheadMs + keepMs * 2);
      expect(await (await open()).state("a")).toBeUndefined();
    },
  );

  it("hands on once, in order, what it acknowledges while the clock jumps and drifts", async () => {
    const { clock, open } = await start(engine);
    const [writer, other, reader] = [await open(), await open(), await open()];
    const from = await reader.log.follow!(["a"]);
    const ends = [write(writer, "one"), write(other, "other")];
    for (const aheadMs of [HOUR, 0, -HOUR, HOUR, 0]) {
      await sleep(300);
      clock.set(aheadMs);
    }
    // It gains a second in each tenth of one, and then loses two.
    for (let step = 1; step <= 10; step += 1) {
      await sleep(30);
      clock.set(step * 1_000);
    }
    for (let step = 1; step <= 10; step += 1) {
      await sleep(30);
      clock.set(10_000 - step * 2_000);
    }
    const acknowledged = new Map<number, string>();
    for (const end of ends) {
      for (const [offset, text] of await end()) {
        expect(acknowledged.has(offset)).toBe(false);
        acknowledged.set(offset, text);
      }
    }
    expect(acknowledged.size).toBeGreaterThan(100);
    const { entries, lostThrough } = await readAll(reader.log);
    expect(lostThrough).toBe(0);
    expect(new Map(entries.map((entry) => [entry.offset, textOf(entry)]))).toEqual(acknowledged);
    await expect.poll(() => reader.parts.at(-1)?.through, LONG).toBe(acknowledged.size);
    expectHandedOn(reader, entries, from);
    const said = [writer, other, reader].flatMap(({ resets, errors }) => [...resets, ...errors]);
    // The clock itself may be told of.
    expect(said.filter((one) => (one as Partial<LogError>).code !== "clock")).toEqual([]);
  });

  it("keeps what is young when the clock goes back, and what comes then", async () => {
    const { clock, open } = await start(engine);
    const retention = { ageMs: 2 * HOUR, forTopic: () => ({ ageMs: 10 * MINUTE }) };
    const one = await open(retention);
    await one.log.append([draft("before")]);
    // Its tail runs, and has been told the time.
    await one.log.follow!(["a", "b"]);
    await expect.poll(() => one.parts.at(-1)?.through, LONG).toBe(1);
    clock.set(-HOUR);
    await one.log.append([draft("after")]);
    await one.log.append([draft("another", "b")]);
    const texts = async ({ log }: Opened, topic = "a"): Promise<string[]> =>
      (await readAll(log, topic)).entries.map(textOf);
    // Those that were there when the clock was set, and those that come.
    for (const reader of [one, await open(retention)]) {
      await expect.poll(() => texts(reader), LONG).toEqual(["before", "after"]);
      await expect.poll(() => texts(reader, "b"), LONG).toEqual(["another"]);
      expect((await readAll(reader.log)).lostThrough).toBe(0);
    }
    clock.set(-24 * HOUR);
    await one.log.append([draft("a day ago")]);
    await expect.poll(() => texts(one), LONG).toEqual(["before", "after", "a day ago"]);
  });

  it("loses nothing without a word when the clock goes ahead of everything that is kept", async () => {
    const { clock, open } = await start(engine);
    const { log } = await open({ ageMs: HOUR });
    const topics = ["a", "b", "c"];
    const acknowledged = new Map<number, string>();
    const append = async (topic: string): Promise<void> => {
      acknowledged.set((await log.append([draft(topic, topic)])).first, topic);
    };
    for (const topic of topics) await append(topic);
    clock.set(3 * HOUR);
    // A server needs a while to remove what it holds to be too old.
    await sleep(2_000);
    await append("a");
    clock.set(0);
    for (const topic of topics) {
      const { entries, lostThrough } = await readAll(log, topic);
      const read = new Set(entries.map(({ offset }) => offset));
      const isTold = (offset: number): boolean => read.has(offset) || offset <= lostThrough;
      const silent = [...acknowledged].filter(([offset, text]) => text === topic && !isTold(offset));
      expect(silent).toEqual([]);
    }
    // The log is what it was.
    await append("c");
    expect((await readAll(log, "c")).entries.map(({ offset }) => offset)).toContain(acknowledged.size);
  });

  it("knows an idempotency key after its clock went back, and takes a message with one after it went ahead", async () => {
    const { clock, open } = await start(engine);
    const { log } = await open();
    const append = (text: string) => log.append([draft(text)], { idempotencyKey: "k" });
    expect(await append("1")).toEqual({ first: 1, last: 1, repeated: false });
    clock.set(-HOUR);
    expect(await append("1")).toMatchObject({ first: 1, last: 1, repeated: true });
    clock.set(HOUR);
    await sleep(500);
    // Either it is still known, or it is a new message: never an error, and never an offset that was given.
    const { first, repeated } = await append("1");
    expect(first).toBe(repeated ? 1 : 2);
    const { entries } = await readAll(log);
    expect(entries.map(({ offset }) => offset)).toEqual(repeated ? [1] : [1, 2]);
  });

  it("keeps those present who are, whatever the time of the server, and not those who are not", async () => {
    const { clock, hub } = await start(engine);
    const [one, other] = [await hub(2_000), await hub(2_000)];
    const enter = async (at: Hub, subscriber: string): Promise<Response> =>
      at.respond(new Request("http://127.0.0.1/"), { topics: ["a"], subscriber });
    const streams = [await enter(one, "ann"), await enter(other, "bob")];
    const present = (at: Hub) => [...at.presence("a").members].sort();
    for (const at of [one, other]) await expect.poll(() => present(at), LONG).toEqual(["ann", "bob"]);
    for (const aheadMs of [HOUR, -HOUR, 0]) {
      clock.set(aheadMs);
      // Longer than a lease.
      for (let n = 0; n < 12; n += 1) {
        await sleep(200);
        for (const at of [one, other]) expect(present(at)).toEqual(["ann", "bob"]);
      }
    }
    await streams[1]!.body!.cancel();
    for (const at of [one, other]) await expect.poll(() => present(at), LONG).toEqual(["ann"]);
  });
}

describe("redisLog() and the clock of Redis", () => {
  declare(redis);

  it("appends once what it sends again after the clock went ahead", async () => {
    const clock = cleanups.add(makeServerClock(), (one) => one.end());
    const server = cleanups.add(await startRedisWith(clock), (one) => one.stop());
    const { client } = cleanups.add(await REDIS_CLIENTS["node-redis"]!(server.port), (one) => one.close());
    let isLossy = false;
    // The answer of one append is lost on its way.
    const lossy = new Proxy(client as NodeRedisClient, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "sendCommand") return value.bind(target);
        return async (...args: Parameters<NodeRedisClient["sendCommand"]>) => {
          const reply = await target.sendCommand(...args);
          if (!isLossy) return reply;
          isLossy = false;
          clock.set(5 * HOUR);
          await sleep(300);
          throw new Error("Socket closed unexpectedly");
        };
      },
    });
    const { log } = await openForTest(cleanups, redisLog(lossy));
    await log.append([draft("1")]);
    isLossy = true;
    expect((await log.append([draft("2")])).first).toBe(2);
    expect((await readAll(log)).entries.map(textOf)).toEqual(["1", "2"]);
  });

  it("keeps no index of a topic of which nothing is retained", async () => {
    const server = cleanups.add(await startRedis(), (one) => one.stop());
    const { client } = cleanups.add(await REDIS_CLIENTS["node-redis"]!(server.port), (one) => one.close());
    const bounds = (topic: string) => (topic.startsWith("own/") ? { bytes: 1 } : undefined);
    const retention = { messages: 50, bytes: 2 ** 30, ageMs: HOUR, forTopic: bounds };
    const { log } = await openForTest(cleanups, redisLog(client), { retention });
    const topics = Array.from({ length: 300 }, (_, n) => `${n % 3 === 0 ? "own/" : ""}${n}`);
    for (const topic of topics) await log.append([draft(topic, topic)]);
    const indexes = await server.command("EVAL", "return #redis.call('KEYS', '{tidings}:t:*')", "0");
    expect(Number(/^:(\d+)/.exec(indexes)?.[1])).toBeLessThanOrEqual(50);
    for (const topic of topics) {
      const { entries, lostThrough } = await readAll(log, topic);
      expect(entries.length + (lostThrough > 0 ? 1 : 0), topic).toBe(1);
    }
  });
});

describe("postgresLog() and the clock of Postgres", () => {
  declare(postgres);

  it("goes on to delete what is discarded after the clock went back", async () => {
    const clock = cleanups.add(makeServerClock(), (one) => one.end());
    const server = cleanups.add(await startPostgres("", clock), (one) => one.end());
    const { client } = cleanups.add(await POSTGRES_CLIENTS["pg"]!(server.port), (one) => one.close());
    const retention = { messages: 10, bytes: 2 ** 30, ageMs: HOUR };
    const { log } = await openForTest(cleanups, postgresLog(client), { retention });
    const rows = async (): Promise<number> =>
      Number((await server.sql("SELECT count(*) AS n FROM tidings_entries"))[0]!["n"]);
    const append = (): Promise<unknown> => log.append(Array.from({ length: 100 }, (_, n) => draft(`${n}`)));
    await append();
    // Since then it is known what is safe to delete.
    const swept = async (): Promise<number> => (await server.sql("SELECT FROM tidings_sweeps")).length;
    await expect.poll(swept, LONG).toBe(1);
    clock.set(-24 * HOUR);
    await append();
    await expect.poll(rows, { timeout: 40_000, interval: 500 }).toBe(10);
  });
});

describe("natsLog() and the clock of NATS", () =>
  onEachNats(() => {
    declare(nats);

    it("does not send again what the server does not know any more after its clock went ahead", async () => {
      const clock = cleanups.add(makeServerClock(), (one) => one.end());
      const server = cleanups.add(await startNats({ clock }), (one) => one.stop());
      const connection = cleanups.add(await connectTo(server.port), (one) => one.close());
      let isLossy = false;
      // One acknowledgement is lost on its way.
      const lossy = new Proxy(connection, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          if (name !== "subscribe") return value.bind(target) as unknown;
          return (...[subject, options]: Parameters<typeof connection.subscribe>) =>
            target.subscribe(subject, {
              ...options,
              callback: (error, message) => {
                if (isLossy && subject.endsWith(".a.*")) {
                  isLossy = false;
                  // Longer than it knows an id, and not so long that messages are discarded.
                  clock.set(HOUR / 6);
                } else void options!.callback!(error, message);
              },
            });
        },
      });
      const { log } = await openForTest(cleanups, natsLog(lossy));
      await log.append([draft("1")]);
      isLossy = true;
      await expect(log.append([draft("2")])).rejects.toMatchObject({
        code: "failed",
        message: expect.stringContaining("may have stored it") as string,
      });
      expect((await log.append([draft("3")])).first).toBe(3);
      expect((await readAll(log)).entries.map(textOf)).toEqual(["1", "2", "3"]);
    });
  }));
