/** What an environment of LMDB is used for besides the log: transactions of the application, other processes that write, too many readers. */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ABORT, open, type RootDatabase } from "lmdb";
import { afterEach, describe, expect, it } from "vitest";
import { lmdbLog } from "../../../packages/tidings/src/log/lmdb/index.ts";
import { Cleanups, draft, openForTest, readAll, retention, textOf } from "../support/opened-log.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "tidings-environment-"));
  return cleanups.add(path, (one) => rmSync(one, { recursive: true, force: true }));
}

function environment(path: string, more: object = {}): RootDatabase {
  const options = { path, maxDbs: 40, overlappingSync: false, eventTurnBatching: false, ...more };
  return cleanups.add(open(options), (env) => env.close());
}

const pause = (ms: number) => new Promise((resolve) => void setTimeout(resolve, ms));

/** Each opens a transaction that lasts until `working` is over. */
const TRANSACTIONS: Record<string, (env: RootDatabase, working: () => Promise<unknown>) => Promise<unknown>> =
  {
    "transactionSync() that waits": async (env, working) => env.transactionSync(working),
    "childTransaction()": async (env, working) => env.childTransaction(working),
  };

describe.each(Object.keys(TRANSACTIONS))("%s of the application", (name) => {
  it.each(["throws", "aborts"])(
    "takes nothing along that was appended meanwhile, when it %s",
    async (how) => {
      const env = environment(folder());
      const own = env.openDB<number, string>("own", {});
      const { log, seen } = await openForTest(cleanups, lmdbLog(env));
      await log.append([draft("1")]);
      let appending: Promise<unknown> | undefined;
      const transaction = TRANSACTIONS[name]!(env, async () => {
        void own.put("mine", 1);
        appending = log.append([draft("2")]);
        await pause(100);
        if (how === "throws") throw new Error("not now");
        return ABORT;
      });
      await transaction.catch(() => undefined);
      expect(await appending).toMatchObject({ first: 2 });
      expect(await log.append([draft("3")])).toMatchObject({ first: 3 });
      expect((await readAll(log)).entries.map(textOf)).toEqual(["1", "2", "3"]);
      expect(seen()).toEqual(["1", "2", "3"]);
    },
  );
});

it("rejects in time what a transaction of the application waits for, and is opened behind it", async () => {
  const env = environment(folder());
  const { log } = await openForTest(cleanups, lmdbLog(env, { deadlineMs: 500 }));
  const other = lmdbLog(env, { name: "other" });
  let opening: Promise<unknown> | undefined;
  const transaction = env.transactionSync(async () => {
    opening = openForTest(cleanups, other);
    await log.append([draft("1")]);
  });
  await expect(transaction).rejects.toThrow(
    /Cannot append to log: .* transaction .* not appended|turn did not come/,
  );
  await opening;
  await other.append([draft("2")]);
  expect((await readAll(other)).entries.map(textOf)).toEqual(["2"]);
});

it("does not hold its process while another one is in the middle of a write, and is opened behind it", async () => {
  const path = folder();
  const [env, late] = [environment(path), lmdbLog(environment(path), { name: "late", deadlineMs: 500 })];
  const holder = spawn(process.execPath, [fileURLToPath(new URL("holder.mjs", import.meta.url)), path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const over = once(holder, "exit");
  cleanups.add(holder, (one) => one.kill("SIGKILL"));
  await once(holder.stdout, "data");
  const opening = openForTest(cleanups, lmdbLog(env, { deadlineMs: 60_000 }));
  await expect(late.open({ retention, onTail: () => undefined })).rejects.toMatchObject({
    code: "failed",
    message: expect.stringMatching(/Cannot open log: .* in the middle of a write/) as string,
  });
  holder.kill("SIGKILL");
  await over;
  const { log } = await opening;
  expect(await log.append([draft("1")])).toMatchObject({ first: 1 });
});

it("says how many may read where more processes come", async () => {
  const path = folder();
  const env = environment(path, { maxReaders: 2 });
  await openForTest(cleanups, lmdbLog(env));
  const member = fileURLToPath(new URL("reader.mjs", import.meta.url));
  const said: unknown[] = [];
  for (let n = 0; n < 2; n += 1) {
    const child = fork(member, [path], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    cleanups.add(child, (one) => one.kill("SIGKILL"));
    said.push((await once(child, "message"))[0]);
  }
  expect(said[0]).toBe("open");
  expect(said[1]).toMatch(/Cannot open log: .* room for 2 readers \(maxReaders\)/);
});
