/**
 * A process that starts with a clock that is wrong, beside others whose clocks are right: it discards nothing for them, whether it
 * reads or appends, and nothing that it appends is taken for old.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { open as openLmdb } from "lmdb";
import { lmdbLog } from "../../packages/tidings/src/log/lmdb/index.ts";
import type { Log } from "../../packages/tidings/src/log/log.ts";
import { postgresLog } from "../../packages/tidings/src/log/postgres/index.ts";
import { redisLog } from "../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest, readAll, retention, textOf } from "./support/opened-log.ts";
import { CLIENTS as POSTGRES_CLIENTS } from "./postgres/clients.ts";
import { startPostgres } from "./postgres/server.ts";
import { CLIENTS as REDIS_CLIENTS } from "./redis/clients.ts";
import { startRedis } from "./redis/server.ts";
import { makeServerClock } from "./support/server-clock.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** As of the log that is opened beside it. */
const AGE_MS = retention.ageMs;

/** Where logs are kept. */
interface Engine {
  readonly module: URL;
  readonly start: () => Promise<{ argument: string; open: () => Promise<Log> }>;
}

const redis: Engine = {
  module: new URL("redis/member.mjs", import.meta.url),
  start: async () => {
    const { port } = cleanups.add(await startRedis(), (one) => one.stop());
    const open = async (): Promise<Log> => {
      const { client } = cleanups.add(await REDIS_CLIENTS["node-redis"]!(port), (one) => one.close());
      return redisLog(client, { name: "a" });
    };
    return { argument: `${port} a`, open };
  },
};

const postgres: Engine = {
  module: new URL("postgres/member.mjs", import.meta.url),
  start: async () => {
    const { port } = cleanups.add(await startPostgres("fsync = off"), (one) => one.end());
    const open = async (): Promise<Log> => {
      const { client } = cleanups.add(await POSTGRES_CLIENTS["pg"]!(port), (one) => one.close());
      return postgresLog(client, { table: "a" });
    };
    return { argument: `${port} a`, open };
  },
};

/** The machine tells by when it started. */
const lmdb: Engine = {
  module: new URL("lmdb/member.mjs", import.meta.url),
  start: async () => {
    const path = cleanups.add(mkdtempSync(join(tmpdir(), "tidings-clock-lmdb-")), (one) =>
      rmSync(one, { recursive: true, force: true }),
    );
    const open = async (): Promise<Log> => {
      const env = openLmdb({ path, overlappingSync: false, eventTurnBatching: false });
      cleanups.add(env, (one) => one.close());
      return lmdbLog(env);
    };
    return { argument: path, open };
  },
};

interface Said {
  readonly before: { texts: string[]; lostThrough: number };
  readonly after: { texts: string[]; lostThrough: number };
  readonly all: number;
  readonly nowMs: number;
}

/** Runs a process with a clock of its own. */
async function visit(
  { module }: Engine,
  argument: string,
  aheadMs: number,
  ...text: string[]
): Promise<Said> {
  const clock = cleanups.add(makeServerClock(), (one) => one.end());
  clock.set(aheadMs);
  const visitor = fileURLToPath(new URL("support/visitor.mjs", import.meta.url));
  const args = [visitor, module.href, argument, `${AGE_MS}`, ...text];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: clock.env });
  const said = JSON.parse(stdout) as Said;
  expect(Math.abs(said.nowMs - Date.now() - aheadMs)).toBeLessThan(60_000);
  return said;
}

describe.each(Object.entries({ redis, postgres, lmdb }))("a process of %s", (_, engine) => {
  it.each([5 * HOUR, 30 * DAY, -5 * HOUR, -30 * DAY])(
    "that starts with a clock that is %i ms ahead discards nothing",
    async (aheadMs) => {
      const { argument, open } = await engine.start();
      const { log } = await openForTest(cleanups, await open());
      for (const text of ["1", "2", "3"]) await log.append([draft(text)]);
      const kept = { texts: ["1", "2", "3"], lostThrough: 0 };
      expect(await visit(engine, argument, aheadMs)).toMatchObject({ before: kept, all: 3 });
      expect((await readAll(log)).entries.map(textOf)).toEqual(["1", "2", "3"]);
      const { after } = await visit(engine, argument, aheadMs, "4");
      expect(after).toEqual({ texts: ["1", "2", "3", "4"], lostThrough: 0 });
      await log.append([draft("5")]);
      const { entries, lostThrough } = await readAll(log);
      expect(entries.map(textOf)).toEqual(["1", "2", "3", "4", "5"]);
      expect(lostThrough).toBe(0);
      for (const { atMs } of entries) expect(Math.abs(atMs - Date.now())).toBeLessThan(60_000);
    },
  );
});

describe.each(Object.entries({ redis, postgres }))("a process of %s", (_, engine) => {
  it.each([30 * DAY, -30 * DAY])(
    "that makes the log with a clock that is %i ms ahead dates by that of the server",
    async (aheadMs) => {
      const { argument, open } = await engine.start();
      await visit(engine, argument, aheadMs, "1");
      const { log } = await openForTest(cleanups, await open());
      await log.append([draft("2")]);
      const { entries } = await readAll(log);
      expect(entries.map(textOf)).toEqual(["1", "2"]);
      for (const { atMs } of entries) expect(Math.abs(atMs - Date.now())).toBeLessThan(60_000);
    },
  );
});
