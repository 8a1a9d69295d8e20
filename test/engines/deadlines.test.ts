/**
 * Whatever a log accepts is settled within its deadline, however much waits with it: where nothing answers, and where everything is
 * answered slowly. The same for every log that others share.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { open as openEnvironment } from "lmdb";
import { afterEach, describe, expect, it } from "vitest";
import { lmdbLog } from "../../packages/tidings/src/log/lmdb/index.ts";
import type { Log } from "../../packages/tidings/src/log/log.ts";
import { natsLog } from "../../packages/tidings/src/log/nats/index.ts";
import { postgresLog } from "../../packages/tidings/src/log/postgres/index.ts";
import { redisLog } from "../../packages/tidings/src/log/redis/index.ts";
import { type Faults, faultsOf } from "./support/faults.ts";
import { connectTo, startNats } from "./nats/server.ts";
import { Cleanups, draft, openForTest, readAll, retention, textOf } from "./support/opened-log.ts";
import { CLIENTS as POSTGRES_CLIENTS } from "./postgres/clients.ts";
import { startPostgres } from "./postgres/server.ts";
import { CLIENTS as REDIS_CLIENTS } from "./redis/clients.ts";
import { startRedis } from "./redis/server.ts";
import type { Switchboard } from "./support/switchboard.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const deadlineMs = 1_000;
/** A busy machine takes its time; a log that breaks its word takes a multiple of this. */
const MOST_MS = 4_000;
const HOLDER = fileURLToPath(new URL("lmdb/holder.mjs", import.meta.url));

/** It hangs: from then on nothing answers, and nobody is told. */
interface Engine extends Pick<Faults, "hang" | "goOn"> {
  readonly makeLog: (name: string) => Log;
  /** The way to the server. */
  readonly board?: Switchboard;
}

async function onRedis(name: string): Promise<Engine> {
  const server = cleanups.add(await startRedis(), (one) => one.stop());
  const board = await cleanups.switchboard(server.port);
  const { client } = cleanups.add(await REDIS_CLIENTS[name]!(board.port), (one) => one.close());
  return {
    makeLog: (log) => redisLog(client, { name: log, deadlineMs }),
    ...faultsOf(server),
    board,
  };
}

async function onPostgres(name: string): Promise<Engine> {
  const server = cleanups.add(await startPostgres("fsync = off"), (one) => one.end());
  const board = await cleanups.switchboard(server.port);
  const { client } = cleanups.add(await POSTGRES_CLIENTS[name]!(board.port), (one) => one.close());
  return {
    makeLog: (table) => postgresLog(client, { table, deadlineMs }),
    ...faultsOf(server),
    board,
  };
}

async function onNats(): Promise<Engine> {
  const server = cleanups.add(await startNats(), (one) => one.stop());
  const board = await cleanups.switchboard(server.port);
  const connection = cleanups.add(await connectTo(board.port), (one) => one.close());
  return {
    makeLog: (name) => natsLog(connection, { name, deadlineMs }),
    ...faultsOf(server),
    board,
  };
}

async function onLmdb(): Promise<Engine> {
  const path = mkdtempSync(join(tmpdir(), "tidings-deadlines-"));
  cleanups.add(path, (one) => rmSync(one, { recursive: true, force: true }));
  const options = { path, maxDbs: 40, overlappingSync: false, eventTurnBatching: false };
  const environment = cleanups.add(openEnvironment(options), (one) => one.close());
  let release = (): Promise<unknown> => Promise.resolve();
  cleanups.add(path, () => release());
  return {
    makeLog: (name) => lmdbLog(environment, { name, deadlineMs }),
    hang: async () => {
      const holder = spawn(process.execPath, [HOLDER, path], { stdio: ["ignore", "pipe", "inherit"] });
      const over = once(holder, "exit");
      release = () => (holder.kill("SIGKILL"), over);
      await once(holder.stdout, "data");
    },
    goOn: async () => void (await release()),
  };
}

const SERVERS: [string, () => Promise<Engine>][] = [
  ...Object.keys(REDIS_CLIENTS).map((name): [string, () => Promise<Engine>] => [
    `redisLog() with ${name}`,
    () => onRedis(name),
  ]),
  ...Object.keys(POSTGRES_CLIENTS).map((name): [string, () => Promise<Engine>] => [
    `postgresLog() with ${name}`,
    () => onPostgres(name),
  ]),
  ["natsLog()", onNats],
];

interface Outcome {
  readonly what: string;
  readonly tookMs: number;
  readonly error: unknown;
}

/** What becomes of what is asked of a log, and when. */
class Outcomes {
  readonly #all: Promise<Outcome>[] = [];

  add(what: string, begin: () => Promise<unknown>): void {
    const startedMs = performance.now();
    const outcome = (error?: unknown): Outcome => ({ what, error, tookMs: performance.now() - startedMs });
    this.#all.push(begin().then(() => outcome(), outcome));
  }

  async late(): Promise<Outcome[]> {
    return (await Promise.all(this.#all)).filter(({ tookMs }) => tookMs > MOST_MS);
  }

  all(): Promise<Outcome[]> {
    return Promise.all(this.#all);
  }
}

const BOUNDED = Array.from({ length: 60 }, (_, n) => `bounded/${n}`);
const bounds = {
  retention: {
    ...retention,
    forTopic: (topic: string) => (topic.startsWith("bounded/") ? { messages: 2, bytes: 1_000 } : undefined),
  },
};

function askEverything(outcomes: Outcomes, log: Log): void {
  const page = { after: 0, maxMessages: 1_000, maxBytes: 2 ** 20 };
  const names = new Set(BOUNDED);
  outcomes.add("read by name", () =>
    log.read({ topics: { exact: BOUNDED, matches: (topic) => names.has(topic) }, ...page }),
  );
  outcomes.add("read by pattern", () => log.read({ topics: { matches: () => true }, ...page }));
  outcomes.add("head", () => log.head());
  outcomes.add("stats", () => log.stats());
  outcomes.add("follow", async () => log.follow?.(["another"]));
  for (let n = 0; n < 5; n += 1) {
    outcomes.add("append with a key", () => log.append([draft("keyed")], { idempotencyKey: "key" }));
  }
}

describe.each([...SERVERS, ["lmdbLog()", onLmdb] as const])("%s", (name, start) => {
  it("settles in time what it accepted where nothing answers, and says what was not appended", async () => {
    const { makeLog, hang, goOn } = await start();
    const { log } = await openForTest(cleanups, makeLog("one"), bounds);
    const { log: closed } = await openForTest(cleanups, makeLog("other"), bounds);
    const unopened = makeLog("third");
    await log.append([draft("before")]);
    await closed.append([draft("before")]);
    await hang();
    const outcomes = new Outcomes();
    const append = (count: number): void => {
      for (let n = 0; n < count; n += 1) {
        const text = `${Math.random()}`;
        outcomes.add(text, () => log.append([draft(text)]));
      }
    };
    append(10_000);
    // LMDB makes the tables of a log that is new in this turn, which nobody can end.
    if (name !== "lmdbLog()") {
      outcomes.add("open", () => unopened.open({ retention, onTail: () => undefined }));
    }
    for (let n = 0; n < 20; n += 1)
      outcomes.add("large", () => log.append([draft("x".repeat(500_000), "b")]));
    askEverything(outcomes, log);
    for (let n = 0; n < 2_000; n += 1)
      outcomes.add("append to closed", () => closed.append([draft("other")]));
    outcomes.add("close", () => closed.close());
    // Those that come behind them do not wait for them.
    for (let n = 0; n < 5; n += 1) {
      await sleep(200);
      append(1_000);
      askEverything(outcomes, log);
    }
    expect(await outcomes.late()).toEqual([]);
    await goOn();
    await expect
      .poll(() => log.append([draft("after")]).then(() => true, String), { timeout: 30_000 })
      .toBe(true);
    const texts = new Set((await readAll(log)).entries.map(textOf));
    expect(texts).toContain("before");
    expect(texts).toContain("after");
    const appends = (await outcomes.all()).filter(({ what }) => what.startsWith("0."));
    expect(appends.filter(({ error, what }) => error === undefined && !texts.has(what))).toEqual([]);
    const isNot = ({ error }: Outcome): boolean => String(error).endsWith("was not appended");
    expect(appends.filter(isNot).length).toBeGreaterThan(5_000);
    expect(appends.filter((one) => isNot(one) && texts.has(one.what))).toEqual([]);
    const rest = appends.filter((one) => one.error !== undefined && !isNot(one));
    for (const { error } of rest) {
      expect(error).toMatchObject({ name: "LogError", code: "failed" });
      expect(String(error)).toMatch(/may (?:still do|have stored) it/);
    }
    await unopened.close();
  });
});

describe.each(SERVERS)("%s", (_, start) => {
  it("settles in time what it accepted where each answer is slow", async () => {
    const { makeLog, board } = await start();
    const { log } = await openForTest(cleanups, makeLog("one"), bounds);
    for (let n = 0; n < 3; n += 1) await log.append(BOUNDED.map((topic) => draft("0123456789", topic)));
    board!.delay(300);
    const outcomes = new Outcomes();
    for (let n = 0; n < 20_000; n += 1) outcomes.add("append", () => log.append([draft("x")]));
    askEverything(outcomes, log);
    expect(await outcomes.late()).toEqual([]);
    outcomes.add("close", () => log.close());
    expect(await outcomes.late()).toEqual([]);
    board!.delay(0);
  });
});
