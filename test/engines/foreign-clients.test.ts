/**
 * The clients that applications give to logs, misbehaving: real ones, of real servers, whose methods throw, reject, give nonsense or never
 * settle for a while, and whose connections say what did not happen. Whatever is asked of the log is settled within its deadline,
 * nothing is uncaught, and when the client behaves again the log goes on, with its tail.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Log } from "../../packages/tidings/src/log/log.ts";
import { natsLog } from "../../packages/tidings/src/log/nats/index.ts";
import { postgresLog } from "../../packages/tidings/src/log/postgres/index.ts";
import { redisLog } from "../../packages/tidings/src/log/redis/index.ts";
import { type Bad, bads, isForeign, shown } from "../foreign/bad-code.ts";
import { countUncaught } from "../support/uncaught.ts";
import { connectTo, startNats } from "./nats/server.ts";
import { CLIENTS as POSTGRES_CLIENTS } from "./postgres/clients.ts";
import { startPostgres } from "./postgres/server.ts";
import { CLIENTS as REDIS_CLIENTS } from "./redis/clients.ts";
import { startRedis } from "./redis/server.ts";
import { type BadClient, badClient } from "./support/bad-client.ts";
import { Cleanups, draft, openForTest, readAll, textOf } from "./support/opened-log.ts";

const uncaught = countUncaught();
const deadlineMs = 1_000;
/** A busy machine takes its time; a log that breaks its word takes a multiple of this. */
const MOST_MS = 8_000;
/** For how long a client misbehaves: longer than a deadline, so that what is asked meanwhile has an end of its own. */
const BROKEN_MS = 1_200;

interface Engine {
  readonly connect: () => Promise<{ readonly client: object; readonly close: () => unknown }>;
  readonly makeLog: (client: never, name: string) => Log;
  readonly stop: () => unknown;
}

const ENGINES: Record<string, () => Promise<Engine>> = {
  ...Object.fromEntries(
    // Iovalkey is called as ioredis is.
    Object.entries(REDIS_CLIENTS)
      .filter(([name]) => name !== "iovalkey")
      .map(([name, connect]) => [
        `redisLog() with ${name}`,
        async (): Promise<Engine> => {
          const server = await startRedis();
          return {
            connect: () => connect(server.port),
            makeLog: (client, log) => redisLog(client, { name: log, deadlineMs }),
            stop: () => server.stop(),
          };
        },
      ]),
  ),
  ...Object.fromEntries(
    Object.entries(POSTGRES_CLIENTS).map(([name, connect]) => [
      `postgresLog() with ${name}`,
      async (): Promise<Engine> => {
        const server = await startPostgres("fsync = off\nmax_connections = 400\n");
        return {
          connect: async () => {
            const connected = await connect(server.port);
            // What is not given back to a pool is missing in it.
            if (connected.client instanceof Pool) connected.client.options.max = 30;
            return connected;
          },
          makeLog: (client, log) => postgresLog(client, { table: log, deadlineMs }),
          stop: () => server.end(),
        };
      },
    ]),
  ),
  "natsLog()": async () => {
    const server = await startNats();
    return {
      connect: async () => {
        const client = await connectTo(server.port);
        return { client, close: () => client.close() };
      },
      makeLog: (client, name) => natsLog(client, { name, deadlineMs }),
      stop: () => server.stop(),
    };
  },
};

/** The kinds, once each: that errors of any form can be reported is shown elsewhere. */
const KINDS: readonly Bad[] = bads.filter(({ name }) =>
  /^(?:throws|rejects|rejects with odd \(8\)|gives nonsense \([05]\)|never settles)$/.test(name),
);
/** A client that says it has subscribed is believed. */
const isBelieved = (method: string, { kind }: Bad): boolean =>
  kind === "nonsense" && /^ssubscribe$/i.test(method);

let logs = 0;
const all = new Cleanups();
const cleanups = new Cleanups();

/** What became of what was asked, and of whoever asked too long. */
async function settled(what: string, asked: Promise<unknown>): Promise<string | undefined> {
  const startedMs = performance.now();
  await asked.catch(() => undefined);
  const tookMs = performance.now() - startedMs;
  return tookMs > MOST_MS ? `${what} took ${Math.round(tookMs)} ms` : undefined;
}

/** What is wrong with a log whose client misbehaves for a while. */
async function wrongWith(
  engine: Engine,
  disturb: (client: BadClient<object>) => Promise<void>,
): Promise<string[]> {
  const own = new Cleanups();
  cleanups.add(own, () => own.run());
  // A pool waits for what was not given back to it: the server ends that.
  const { client: real } = own.add(await engine.connect(), (one) => Promise.race([one.close(), sleep(500)]));
  const bad = badClient(real);
  const name = `bad${(logs += 1)}`;
  const { log, seen } = await openForTest(own, engine.makeLog(bad.client as never, name));
  const other = engine.makeLog(bad.client as never, `${name}_other`);
  own.add(other, () => other.close());
  await log.follow?.("all");
  await log.append([draft("before")]);
  const disturbed = disturb(bad);
  const page = { topics: { matches: () => true }, after: 0, maxMessages: 10, maxBytes: 1_000 };
  const outcomes = await Promise.all([
    settled("append", log.append([draft("during")])),
    settled("read", log.read(page)),
    settled("head", log.head()),
    settled("stats", log.stats()),
    settled("follow", Promise.resolve(log.follow?.(["b"]))),
    settled(
      "open",
      other.open({ retention: { messages: 9, bytes: 999, ageMs: 9_999 }, onTail: () => undefined }),
    ),
  ]);
  await disturbed;
  bad.mend();
  const wrong = outcomes.filter((outcome) => outcome !== undefined);
  // It goes on.
  for (let n = 1; ; n += 1) {
    const appended = await log.append([draft(`after ${n}`)]).then(() => true, String);
    if (appended === true) break;
    if (n === 40) return [...wrong, `append after it: ${appended}`];
    await sleep(100);
  }
  const inLog = (await readAll(log)).entries.map(textOf);
  for (let n = 0; seen().at(-1) !== inLog.at(-1); n += 1) {
    if (n === 150) return [...wrong, `the tail handed on ${seen().join()} of ${inLog.join()}`];
    await sleep(100);
  }
  const closing = await settled("close", log.close());
  return closing === undefined ? wrong : [...wrong, closing];
}

describe.each(Object.entries(ENGINES))("%s", (_name, start) => {
  let engine: Engine;
  let methods: string[] = [];
  beforeAll(async () => {
    engine = all.add(await start(), (one) => one.stop());
    // What a log calls, from its beginning to its end.
    let bad: BadClient<object> | undefined;
    expect(await wrongWith(engine, async (one) => void (bad = one))).toEqual([]);
    await cleanups.run();
    methods = [...bad!.called];
  });
  afterAll(() => all.run());

  it.each(KINDS.map((bad) => [bad.name, bad] as const))(
    "that has methods of which each %s",
    async (_bad, bad) => {
      expect(methods.length).toBeGreaterThan(2);
      const found = await Promise.all(
        methods
          .filter((method) => !isBelieved(method, bad))
          .map(async (method) => {
            const wrong = await wrongWith(engine, async (client) => {
              client.breaks(
                method,
                bad.make(() => client.emit("error", undefined)),
              );
              // A connection that is lost meanwhile has to be made again.
              client.emit("error", new Error("cut"));
              client.emit("close");
              client.emit("end");
              await sleep(BROKEN_MS);
            });
            return wrong.map((what) => `${method}: ${what}`);
          }),
      );
      await cleanups.run();
      expect(found.flat()).toEqual([]);
      expect(uncaught.splice(0).map((error) => (isForeign(error) ? "foreign" : shown(error)))).toEqual([]);
    },
  );

  it.each([
    ["an error, twice", ["error", new Error("odd")], ["error", new Error("odd")]],
    ["an error that is nothing", ["error", undefined]],
    ["an end without a cause", ["end"], ["close"]],
    ["that it is ready, again and again", ["ready"], ["connect"], ["ready"]],
  ] as const)("whose connections say %s", async (_event, ...said) => {
    const wrong = await wrongWith(engine, async (client) => {
      for (const [name, ...values] of said as readonly (readonly [string, ...unknown[]])[]) {
        client.emit(name, ...values);
      }
    });
    await cleanups.run();
    expect(wrong).toEqual([]);
    expect(uncaught.splice(0).map(shown)).toEqual([]);
  });
});
