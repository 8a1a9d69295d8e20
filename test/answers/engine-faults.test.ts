/** Answers over one log while its server hangs, or is killed and started again: each reader gets the whole answer, or is told that it does not. */
import { connect } from "tidings/client";
import { tidings } from "tidings/dialects";
import { type Faults, faultsOf, killAndRestart } from "../engines/support/faults.ts";
import { connectTo, leaderOf, startCluster } from "../engines/nats/server.ts";
import { startPostgres } from "../engines/postgres/server.ts";
import { startRedis } from "../engines/redis/server.ts";
import { afterAll, describe, expect, it } from "vitest";

const { startWorker } = (await import(new URL("programs/killed-workers.mjs", import.meta.url).href)) as {
  startWorker(this: void, log: string, settings?: Record<string, string>): Promise<Worker>;
};

interface Worker {
  readonly url: string;
  kill(): Promise<void>;
}

const TOKENS = 100;
const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});
const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

interface Outcome {
  readonly tokens: readonly number[];
  readonly reason: string;
}

/** Reads an answer as a client does, which comes back when it is cut off. */
async function read(worker: Worker, path: string): Promise<Outcome> {
  const tokens: number[] = [];
  const connection = connect(`${worker.url}${path}`, {
    dialect: tidings(),
    retry: { baseMs: 100, capMs: 300 },
    onError: () => undefined,
    onMessage: ({ event, data }) => {
      if (event === "message") tokens.push(Number(/^token (\d+)/.exec(data)![1]));
    },
  });
  const { reason } = await connection.ended;
  return { tokens, reason };
}

async function readThrough(log: string, fault: () => Promise<void>): Promise<Outcome[]> {
  const settings = { LEASE_MS: "4000", TOKENS: `${TOKENS}`, TOKEN_MS: "100" };
  const [producer, other] = await Promise.all([startWorker(log, settings), startWorker(log, settings)]);
  closers.push(() => Promise.all([producer.kill(), other.kill()]));
  const own = read(producer, "/a");
  while ((await fetch(`${other.url}/a/stream`, { method: "HEAD" })).status !== 200) await sleep(50);
  const elsewhere = read(other, "/a/stream");
  await sleep(1_000);
  await fault();
  return Promise.all([own, elsewhere]);
}

const whole = Array.from({ length: TOKENS }, (_, n) => n);

function expectWhole(outcome: Outcome): void {
  expect(outcome).toEqual({ tokens: whole, reason: "complete" });
}

/** Nothing is missing before what came last, and only the whole answer is complete. */
function expectNoHole({ tokens, reason }: Outcome): void {
  expect(tokens).toEqual(whole.slice(0, tokens.length));
  expect(reason === "complete").toBe(tokens.length === TOKENS);
}

function expectCutOff(outcome: Outcome): void {
  expectNoHole(outcome);
  expect(outcome.reason).not.toBe("complete");
}

interface Engine extends Faults {
  readonly url: string;
}

const redis = (...options: string[]) =>
  async function start(): Promise<Engine> {
    const server = await startRedis(...options);
    closers.push(() => server.stop());
    return { ...faultsOf(server), url: `redis://127.0.0.1:${server.port}` };
  };

async function postgres(): Promise<Engine> {
  const server = await startPostgres();
  closers.push(() => server.end());
  return { ...faultsOf(server), url: `postgres://127.0.0.1:${server.port}` };
}

async function hangForThreeSeconds({ hang, goOn }: Engine): Promise<void> {
  await hang();
  await sleep(3_000);
  await goOn();
}

const KEEPS_ALL = ["--appendonly", "yes", "--appendfsync", "always"];

describe.concurrent("answers over a server", { timeout: 90_000 }, () => {
  it.each([
    ["that hangs for three seconds are whole (Redis)", redis(), hangForThreeSeconds, expectWhole],
    [
      "that is killed, and started with what it had, are whole or have no hole (Redis)",
      redis(...KEEPS_ALL),
      killAndRestart,
      expectNoHole,
    ],
    [
      "that is killed, and started without what it had, have no hole (Redis)",
      redis(),
      killAndRestart,
      expectCutOff,
    ],
    [
      "that is killed, and started with what it had, are whole (Postgres)",
      postgres,
      killAndRestart,
      expectWhole,
    ],
  ])("%s", async (_, start, fault, expectOutcome) => {
    const engine = await start();
    for (const outcome of await readThrough(engine.url, () => fault(engine))) expectOutcome(outcome);
  });

  it.each([
    ["and started again", true],
    ["and does not come back", false],
  ])(
    "of three, of which the leader is killed, %s, are whole or have no hole (NATS)",
    async (_, comesBack) => {
      const servers = await startCluster();
      closers.push(() => Promise.all(servers.map((one) => one.stop())));
      const [first, ...others] = servers.map(({ port }) => port);
      const connection = await connectTo(first!, ...others);
      closers.push(() => connection.close());
      const query = others.map((port) => `port=${port}`).join("&");
      const outcomes = await readThrough(`nats://127.0.0.1:${first}?${query}`, async () => {
        const leader = await leaderOf("answers", servers, connection);
        if (comesBack) return killAndRestart(faultsOf(leader));
        await leader.kill("SIGKILL");
        await sleep(1_000);
      });
      for (const outcome of outcomes) expectNoHole(outcome);
    },
  );
});
