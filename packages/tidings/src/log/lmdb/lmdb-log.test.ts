import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { open, type RootDatabase } from "lmdb";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeLog } from "../contract.ts";
import { lmdbLog } from "./lmdb-log.ts";
import type { Entry, Log, Retention } from "../log.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "tidings-lmdb-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function environment(path: string = directory()): RootDatabase {
  const env = open({ path, maxDbs: 20, overlappingSync: false, eventTurnBatching: false });
  cleanups.push(() => env.close());
  return env;
}

describeLog("lmdbLog()", ({ now }) => lmdbLog(environment(), { now }), { describe, it });

const retention: Retention = { messages: 1_000_000, bytes: 2 ** 30, ageMs: 3_600_000 };
const draft = (topic: string, text = "data: x\n\n") => ({ topic, body: new TextEncoder().encode(text) });
const textOf = ({ body }: Entry): string => new TextDecoder().decode(body);

async function readAll(log: Log, topic: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after = 0; ;) {
    const topics = { exact: [topic], matches: (one: string) => one === topic };
    const page = await log.read({ topics, after, maxMessages: 1_000, maxBytes: 2 ** 20 });
    entries.push(...page.entries);
    if (page.entries.length === 0) return entries;
    after = page.through;
  }
}

describe("lmdbLog()", () => {
  it.each([
    ["a topic that is too long for a key", { topic: "x".repeat(5_000) }],
    ["one that is too long with its offset", { topic: "x".repeat(1_975) }],
    ["one that is too long with what its characters need", { topic: "\u0001".repeat(1_200) }],
    ["a key that is too long", { topic: "c", key: "k".repeat(70_000) }],
  ])("refuses %s, and writes nothing of what is appended with it", async (_, bad) => {
    const log = lmdbLog(environment());
    await log.open({ retention, onTail() {} });
    const refused = log.append([draft("a"), { ...draft("b"), ...bad }]);
    await expect(refused).rejects.toThrow(RangeError);
    await expect(refused).rejects.toThrow(/^Cannot append to log: the topic has \d+ bytes/);
    // A write may be under way behind it.
    expect(await log.append([draft("c")])).toMatchObject({ first: 1 });
    expect(await readAll(log, "a")).toEqual([]);
    expect((await readAll(log, "c")).map(({ offset }) => offset)).toEqual([1]);
  });

  it("writes the longest topic and key that it takes", async () => {
    const log = lmdbLog(environment());
    await log.open({ retention, onTail() {} });
    const topics = ["x".repeat(1_900), "字".repeat(633)];
    for (const topic of topics) {
      await log.append([{ ...draft(topic), key: "k".repeat(65_535) }]);
      expect(await readAll(log, topic)).toMatchObject([{ topic }]);
    }
  });

  it.each<[what: string, bad: { topic: string; key?: string }, Partial<Retention>, message: RegExp]>([
    [
      "bounds that cannot be asked for",
      { topic: "broken" },
      {
        forTopic(topic) {
          if (topic === "broken") throw new Error("no bounds");
          return undefined;
        },
      },
      /no bounds/,
    ],
  ])("rejects %s alone: what is appended with it is stored", async (_, bad, bounds, message) => {
    const log = lmdbLog(environment());
    const tailed: string[] = [];
    const onTail = ({ entries }: { entries: readonly Entry[] }): void =>
      void tailed.push(...entries.map(({ topic }) => topic));
    await log.open({ retention: { ...retention, ...bounds }, onTail });
    const [first, refused, second] = await Promise.allSettled([
      log.append([draft("a"), draft("b")]),
      log.append([draft("a"), { ...draft("b"), ...bad }]),
      log.append([draft("b")]),
    ]);
    expect(first).toEqual({ status: "fulfilled", value: { first: 1, last: 2, repeated: false } });
    expect(refused).toMatchObject({ reason: { code: "failed", message: expect.stringMatching(message) } });
    expect(second).toEqual({ status: "fulfilled", value: { first: 3, last: 3, repeated: false } });
    expect(await log.append([draft("a")])).toMatchObject({ first: 4 });
    expect(tailed).toEqual(["a", "b", "b", "a"]);
  });

  it("says what to set where the environment has no room for the databases of one more log", async () => {
    const env = open({ path: directory(), overlappingSync: false, eventTurnBatching: false });
    cleanups.push(() => env.close());
    const opening = { retention, onTail() {} };
    await lmdbLog(env).open(opening);
    await expect(lmdbLog(env, { name: "second" }).open(opening)).rejects.toMatchObject({
      name: "LogError",
      code: "failed",
      message: expect.stringMatching(/room for 12 databases \(maxDbs\), and each log uses 9/),
    });
  });

  it("has what it had after it was closed: epoch, offsets, entries, losses, idempotency keys", async () => {
    const path = directory();
    const small = { ...retention, messages: 3 };
    const first = environment(path);
    const log = lmdbLog(first);
    const { epoch } = await log.open({ retention: small, onTail() {} });
    for (let i = 1; i <= 5; i += 1) await log.append([draft("a", `${i}`)], { idempotencyKey: `key ${i}` });
    await log.close();
    await first.close();

    const again = lmdbLog(environment(path));
    expect(await again.open({ retention: small, onTail() {} })).toEqual({ epoch, head: 5 });
    const topics = { exact: ["a"], matches: (topic: string) => topic === "a" };
    const page = await again.read({ topics, after: 0, maxMessages: 9, maxBytes: 999 });
    expect([page.entries.map(textOf), page.lostThrough]).toEqual([["3", "4", "5"], 2]);
    expect(await again.append([draft("a", "5")], { idempotencyKey: "key 5" })).toEqual({
      first: 5,
      last: 5,
      repeated: true,
    });
    expect(await again.append([draft("a", "6")])).toEqual({ first: 6, last: 6, repeated: false });
    await again.close();
  });

  it("keeps several logs in one environment apart", async () => {
    const env = environment();
    const logs = [lmdbLog(env, { name: "one" }), lmdbLog(env, { name: "other" })];
    const epochs = await Promise.all(logs.map((log) => log.open({ retention, onTail() {} })));
    await logs[0]!.append([draft("a", "1")]);
    expect(epochs[0]!.epoch).not.toBe(epochs[1]!.epoch);
    expect((await logs[1]!.stats()).head).toBe(0);
    await Promise.all(logs.map((log) => log.close()));
  });

  it("refuses what is no environment, and one that only reads", () => {
    for (const [bad, shown] of [
      ["/var/log", '"/var/log"'],
      [undefined, "undefined"],
      [{}, "an object"],
    ] as const) {
      const message = `Cannot make log: env is ${shown}, expected what open() of lmdb returns`;
      expect(() => lmdbLog(bad as unknown as Parameters<typeof lmdbLog>[0])).toThrow(new TypeError(message));
    }
    const path = directory();
    const options = { path, overlappingSync: false, eventTurnBatching: false };
    const written = open(options);
    cleanups.push(() => written.close());
    const env = open({ ...options, readOnly: true });
    cleanups.push(() => env.close());
    expect(() => lmdbLog(env)).toThrow(/its LMDB environment is readOnly, expected one that can be written/);
  });

  it("says that its environment is closed when it is opened", async () => {
    const env = open({ path: directory(), overlappingSync: false, eventTurnBatching: false });
    const log = lmdbLog(env);
    await env.close();
    await expect(log.open({ retention, onTail() {} })).rejects.toMatchObject({
      name: "LogError",
      code: "closed",
      message: expect.stringMatching(/Cannot open log: its LMDB environment is closed/) as string,
    });
  });

  it("refuses an environment whose batching of turns would end the process when the disk is full", () => {
    const env = open({ path: directory(), overlappingSync: false });
    cleanups.push(() => env.close());
    expect(() => lmdbLog(env)).toThrow(/eventTurnBatching, with which a full disk ends the process/);
  });

  it("refuses an environment that several processes would damage, unless there is only one", async () => {
    const env = open({ path: directory(), overlappingSync: true, eventTurnBatching: false });
    cleanups.push(() => env.close());
    expect(() => lmdbLog(env)).toThrow(TypeError);
    expect(() => lmdbLog(env)).toThrow(
      /expected open\(\{ path, overlappingSync: false, eventTurnBatching: false \}\), or pollMs: false/,
    );
    const log = lmdbLog(env, { pollMs: false });
    await log.open({ retention, onTail() {} });
    expect(await log.append([draft("a", "1")])).toMatchObject({ first: 1 });
    await log.close();
  });

  it("refuses more than may wait to be written, and takes it later", async () => {
    const log = lmdbLog(environment(), { pendingBytes: 100 });
    await log.open({ retention, onTail() {} });
    const body = "x".repeat(60);
    const first = log.append([draft("a", body)]);
    await expect(log.append([draft("a", body)])).rejects.toMatchObject({ name: "LogError", code: "busy" });
    await first;
    expect(await log.append([draft("a", "x".repeat(500))])).toMatchObject({ first: 2 });
    await log.close();
  });

  it("settles what is under way when it is closed", async () => {
    const log = lmdbLog(environment());
    await log.open({ retention, onTail() {} });
    const appends = Array.from({ length: 20 }, (_, i) => log.append([draft("a", `${i}`)]));
    await log.close();
    expect((await Promise.all(appends)).map(({ last }) => last)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  it("refuses what an environment that is closed too early no longer takes, and loses nothing it took", async () => {
    for (let round = 0; round < 10; round += 1) {
      const path = directory();
      const env = environment(path);
      const errors: unknown[] = [];
      const log = lmdbLog(env, { pollMs: 1 });
      await log.open({ retention, onTail() {}, onError: (error) => errors.push(error) });
      const accepted = new Map<number, string>();
      const refusals: { text: string; error: unknown }[] = [];
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; ; n += 1) {
          const text = `${writer}-${n}`;
          try {
            accepted.set((await log.append([draft("a", text)])).first, text);
          } catch (error) {
            refusals.push({ text, error });
            return;
          }
        }
      });
      while (accepted.size < round * 4) await new Promise(setImmediate);
      await env.close();
      await Promise.all(writers);
      for (const { error } of refusals) {
        expect(error).toMatchObject({ name: "LogError", code: "closed" });
        expect((error as Error).message).toBe(
          "Cannot append to log: its LMDB environment is closed, expected the log to be closed first",
        );
      }
      await expect(readAll(log, "a")).rejects.toMatchObject({ name: "LogError", code: "closed" });
      await expect(log.stats()).rejects.toMatchObject({ name: "LogError", code: "closed" });
      await expect.poll(() => errors).toMatchObject([{ name: "LogError", code: "closed" }]);
      await log.close();

      const again = lmdbLog(environment(path));
      await again.open({ retention, onTail() {} });
      const kept = new Map((await readAll(again, "a")).map((entry) => [entry.offset, textOf(entry)]));
      expect([...accepted].filter(([offset, text]) => kept.get(offset) !== text)).toEqual([]);
      expect(kept.size).toBe(accepted.size);
      await again.close();
    }
  });

  it("can be closed while it is being opened", async () => {
    const env = environment();
    const log = lmdbLog(env);
    const opening = log.open({ retention, onTail() {} });
    await Promise.all([
      expect(opening).rejects.toMatchObject({ name: "LogError", code: "closed" }),
      log.close(),
    ]);
    const again = lmdbLog(env);
    expect(await again.open({ retention, onTail() {} })).toMatchObject({ head: 0 });
    await again.close();
  });

  it("acknowledges what is on disk also when whoever follows its tail fails", async () => {
    const errors: unknown[] = [];
    const log = lmdbLog(environment());
    await log.open({
      retention,
      onTail() {
        throw new Error("no");
      },
      onError: (error) => errors.push(error),
    });
    expect(await log.append([draft("a", "1")])).toMatchObject({ first: 1 });
    expect(await log.append([draft("a", "2")])).toMatchObject({ first: 2 });
    expect(errors).toEqual([new Error("no"), new Error("no")]);
    await log.close();
  });

  it("forgets idempotency keys by number and by age, and topics by number", async () => {
    let ms = 1_000;
    const log = lmdbLog(environment(), {
      idempotencyKeys: 2,
      idempotencyAgeMs: 100,
      emptyTopics: 2,
      now: () => ms,
    });
    await log.open({ retention: { ...retention, messages: 1 }, onTail() {} });
    const append = async (key: string, topic = "a"): Promise<boolean> =>
      (await log.append([draft(topic)], { idempotencyKey: key })).repeated;
    expect([await append("1"), await append("2"), await append("3")]).toEqual([false, false, false]);
    expect([await append("3"), await append("2"), await append("1")]).toEqual([true, true, false]);
    ms += 101;
    expect([await append("1"), await append("1")]).toEqual([false, true]);
    // Offsets 1 to 5 are a's; these follow, and each empties the topic before it.
    for (const topic of ["b", "c", "d", "e"]) await log.append([draft(topic)]);
    const read = async (topic: string): Promise<number> =>
      (
        await log.read({
          topics: { exact: [topic], matches: (t) => t === topic },
          after: 0,
          maxMessages: 9,
          maxBytes: 99,
        })
      ).lostThrough;
    expect([await read("d"), await read("c"), await read("unknown")]).toEqual([8, 7, 6]);
    await log.close();
  });

  it("takes its tail up again when looking for others failed, and reports the failure once", async () => {
    const path = directory();
    const env = environment(path);
    const errors: unknown[] = [];
    const tail: Entry[] = [];
    const log = lmdbLog(env, { pollMs: 5 });
    await log.open({
      retention,
      onTail: ({ entries }) => tail.push(...entries),
      onError: (error) => errors.push(error),
    });
    const reset = env.resetReadTxn.bind(env);
    let failures = 0;
    env.resetReadTxn = () => {
      failures += 1;
      if (failures <= 3) throw new Error("the disk does not answer");
      reset();
    };
    const child = startChild(ONE_MESSAGE, [path]);
    await expect.poll(() => tail.map(textOf)).toEqual(["from another process"]);
    expect(errors).toEqual([new Error("the disk does not answer")]);
    expect(failures).toBeGreaterThan(3);
    await exited(child);
    await log.close();
  });

  it("gets a notification from the system when another process writes", { timeout: 60_000 }, async () => {
    const path = directory();
    const tail: Entry[] = [];
    // No look would come in time.
    const log = lmdbLog(environment(path), { pollMs: 600_000 });
    await log.open({ retention, onTail: ({ entries }) => tail.push(...entries) });
    const child = startChild(ONE_MESSAGE, [path]);
    await expect.poll(() => tail.map(textOf)).toEqual(["from another process"]);
    await exited(child);
    await log.close();
  });

  it("hands every latest value to another process, also those that were replaced meanwhile", async () => {
    const path = directory();
    const tail: Entry[] = [];
    const log = lmdbLog(environment(path), { pollMs: 20 });
    await log.open({
      retention: { ...retention, forTopic: () => ({ messages: 1 }) },
      onTail: ({ entries }) => tail.push(...entries),
    });
    const child = startChild(LATEST_VALUES, [path]);
    await exited(child);
    await expect.poll(() => tail.length).toBe(1_200);
    expect(tail.map(({ offset }) => offset)).toEqual(Array.from({ length: 1_200 }, (_, i) => i + 1));
    expect(tail.map(textOf)).toEqual(Array.from({ length: 1_200 }, (_, i) => `${i}`));
    expect((await log.stats()).messages).toBe(3);
    await log.close();
  });

  it("keeps no more for other processes than it says", async () => {
    const env = environment();
    const log = lmdbLog(env);
    await log.open({ retention: { ...retention, messages: 1 }, onTail() {} });
    const many = Array.from({ length: 400 }, () => draft("a"));
    for (let i = 0; i < 30; i += 1) await log.append(many);
    const kept = env.openDB("tidings/tail", { encoding: "binary" }).getKeysCount();
    expect(kept).toBeGreaterThan(8_000);
    expect(kept).toBeLessThanOrEqual(8_192);
    await log.close();
  });

  it("survives a process whose clock is a year ahead: ages go on", async () => {
    const path = directory();
    const first = environment(path);
    const year = 365 * 86_400_000;
    const ahead = lmdbLog(first, { now: () => Date.now() + year });
    const short = { ...retention, ageMs: 200 };
    await ahead.open({ retention: short, onTail() {} });
    await ahead.append([draft("a", "1")]);
    await ahead.close();
    const log = lmdbLog(first);
    await log.open({ retention: short, onTail() {} });
    await log.append([draft("a", "2")]);
    await expect.poll(async () => (await readAll(log, "a")).length).toBe(0);
    await log.append([draft("b", "3")]);
    expect((await log.stats()).messages).toBe(1);
    await log.close();
  });

  it("refuses a log that another version wrote", async () => {
    const env = environment();
    const log = lmdbLog(env);
    await log.open({ retention, onTail() {} });
    await log.close();
    const state = env.openDB<Record<string, unknown>, string>("tidings/log", {
      encoding: "json",
      useVersions: true,
    });
    await state.put("log", { ...state.get("log"), format: 1 }, 1);
    await expect(lmdbLog(env).open({ retention, onTail() {} })).rejects.toThrow(
      "Cannot open log: it has format 1, expected 2",
    );
  });

  it("lets broad reads have a turn of the event loop each", async () => {
    const log = lmdbLog(environment());
    await log.open({ retention, onTail() {} });
    for (let i = 0; i < 10; i += 1) {
      await log.append(Array.from({ length: 400 }, (_, n) => draft(`${n}/${i}`)));
    }
    let turns = 0;
    let reading = true;
    const turn = (): void => {
      turns += 1;
      if (reading) setImmediate(turn);
    };
    setImmediate(turn);
    const topics = { prefixes: [""], matches: (topic: string) => topic === "300/5" };
    await Promise.all(
      Array.from({ length: 40 }, () => log.read({ topics, after: 0, maxMessages: 1_000, maxBytes: 65_536 })),
    );
    reading = false;
    expect(turns).toBeGreaterThan(15);
    await log.close();
  });
});

/** The programs of other processes; what they import is bundled. */
const folder = fileURLToPath(new URL("../../../.cache/", import.meta.url));
const program = (name: string): string => join(folder, `lmdb-${name}-${process.pid}.mjs`);
const PRELUDE = `
import { open } from "lmdb";
import { lmdbLog } from "./lmdb-log.ts";
const retention = { messages: 1e6, bytes: 2 ** 30, ageMs: 3.6e6 };
const env = open({ path: process.argv[2], overlappingSync: false, eventTurnBatching: false });
const log = lmdbLog(env);
`;
const ONE_MESSAGE = "one-message";
const LATEST_VALUES = "latest-values";
const PROGRAMS = {
  [ONE_MESSAGE]: `${PRELUDE}
await log.open({ retention, onTail() {} });
await log.append([{ topic: "a", body: Buffer.from("from another process") }]);
await log.close();
await env.close();
`,
  // In bursts, so that many are replaced before anybody can look.
  [LATEST_VALUES]: `${PRELUDE}
await log.open({ retention: { ...retention, forTopic: () => ({ messages: 1 }) }, onTail() {} });
for (let n = 0; n < 1200; ) {
  const burst = [];
  for (let i = 0; i < 40; i += 1) burst.push(log.append([{ topic: "abc"[n % 3], body: Buffer.from(String(n++)) }]));
  await Promise.all(burst);
}
await log.close();
await env.close();
`,
};

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  for (const [name, contents] of Object.entries(PROGRAMS)) {
    await build({
      stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
      outfile: program(name),
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["lmdb"],
    });
  }
  return () => {
    for (const name of Object.keys(PROGRAMS)) rmSync(program(name));
  };
});

function startChild(name: string, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program(name), ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

const exited = async (child: ChildProcess): Promise<unknown> =>
  child.exitCode ?? new Promise((resolve) => void child.once("exit", resolve));

/** Appends as fast as it can until it is stopped, and says what was acknowledged: `offset text`. */
const WRITER = `
import { open } from "lmdb";
import { lmdbLog } from "./lmdb-log.ts";
const [path, name, size] = process.argv.slice(2);
const log = lmdbLog(open({ path, overlappingSync: false, eventTurnBatching: false }));
await log.open({ retention: { messages: 1e6, bytes: 2 ** 30, ageMs: 3.6e6 }, onTail() {} });
let n = 0;
async function write() {
  for (;;) {
    const text = name + "-" + n++;
    try {
      const { first } = await log.append([{ topic: "a", body: Buffer.from(text.padEnd(Number(size))) }]);
      process.stdout.write(first + " " + text + "\\n");
    } catch (error) {
      process.stdout.write("error " + error.name + " " + error.code + " " + error.message + "\\n");
      if (process.send) await new Promise((resolve) => process.once("message", resolve));
      // An unhandled rejection would come within a few turns, and end the process with 1.
      else await new Promise(() => setTimeout(() => process.exit(3), 500));
    }
  }
}
console.log("ready");
for (let i = 0; i < (size === "0" ? 8 : 1); i++) void write();
`;

describe("lmdbLog() and what others do to its files", () => {
  it.each([
    ["removed", (path: string) => rmSync(path, { recursive: true })],
    ["moved away", (path: string) => renameSync(path, `${path}-away`)],
    [
      "replaced",
      (path: string) => {
        cpSync(join(path, "data.mdb"), join(path, "copy"));
        renameSync(join(path, "copy"), join(path, "data.mdb"));
      },
    ],
  ])("acknowledges nothing in files that were %s", async (_, damage) => {
    const path = directory();
    const log = lmdbLog(environment(path));
    await log.open({ retention, onTail() {} });
    await log.append([draft("a")]);
    damage(path);
    await expect(log.append([draft("a")])).rejects.toMatchObject({
      code: "failed",
      message: expect.stringContaining("removed or replaced") as string,
    });
    await log.close();
  });
});

describe("lmdbLog() and processes that die", () => {
  const writer = join(folder, `lmdb-writer-${process.pid}.mjs`);

  beforeAll(async () => {
    await build({
      stdin: { contents: WRITER, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
      outfile: writer,
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["lmdb"],
    });
    return () => rmSync(writer);
  });

  function startWriter(command: string[], acknowledged: Map<number, string>, lines: string[]): ChildProcess {
    const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "ignore"] });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [offset, text] = line.split(" ");
      if (/^\d+$/.test(offset!)) acknowledged.set(Number(offset), text!);
      else lines.push(line);
    });
    cleanups.push(() => child.kill("SIGKILL"));
    return child;
  }

  async function until(condition: () => boolean, what: string): Promise<void> {
    for (const giveUp = Date.now() + 20_000; !condition();) {
      if (Date.now() > giveUp) throw new Error(`${what} did not come`);
      await new Promise((resolve) => void setTimeout(resolve, 10));
    }
  }

  it("keeps nothing for a process that died while it read", { timeout: 60_000 }, async () => {
    const path = directory();
    const env = environment(path);
    const log = lmdbLog(env);
    await log.open({ retention, onTail() {} });
    await log.append([draft("a")]);
    const reading = `
      import { open } from "lmdb";
      const env = open({ path: ${JSON.stringify(path)}, maxDbs: 20, overlappingSync: false, eventTurnBatching: false });
      env.useReadTransaction();
      env.get("anything");
      process.kill(process.pid, "SIGKILL");`;
    const cwd = fileURLToPath(new URL(".", import.meta.url));
    const child = spawn(process.execPath, ["--input-type=module", "-e", reading], { cwd, stdio: "ignore" });
    await exited(child);
    const isHeld = (): boolean => new RegExp(`^\\s*${child.pid} .*\\d+$`, "m").test(env.readerList());
    expect(isHeld()).toBe(true);
    await expect
      .poll(async () => {
        await log.append([draft("a")]);
        return isHeld();
      })
      .toBe(false);
    await log.close();
  });

  it("loses nothing that was acknowledged to kill -9, and leaves no hole", { timeout: 60_000 }, async () => {
    const path = directory();
    const acknowledged = new Map<number, string>();
    for (let round = 1; round <= 5; round += 1) {
      const before = acknowledged.size;
      const child = startWriter([process.execPath, writer, path, `r${round}`, "0"], acknowledged, []);
      await until(() => acknowledged.size > before + 100 * round, "acknowledgements");
      const gone = exited(child);
      child.kill("SIGKILL");
      await gone;
    }
    const log = lmdbLog(environment(path));
    const { head } = await log.open({ retention, onTail() {} });
    const entries = await readAll(log, "a");
    expect(entries.map(({ offset }) => offset)).toEqual(Array.from({ length: head }, (_, i) => i + 1));
    const kept = new Map(entries.map((entry) => [entry.offset, textOf(entry)]));
    expect([...acknowledged].filter(([offset, text]) => kept.get(offset) !== text)).toEqual([]);
    expect(new Set(kept.values()).size).toBe(head);
    await log.close();
  });

  it(
    "is shared by several processes: one order, seen by all, and a dead one holds up nobody",
    { timeout: 60_000 },
    async () => {
      const path = directory();
      const acknowledged = new Map<number, string>();
      const tail: Entry[] = [];
      const log = lmdbLog(environment(path), { pollMs: 5 });
      await log.open({ retention, onTail: ({ entries }) => tail.push(...entries) });
      const children = ["x", "y"].map((name) =>
        startWriter([process.execPath, writer, path, name, "0"], acknowledged, []),
      );
      const own = new Map<number, string>();
      let stop = false;
      const writing = (async () => {
        for (let n = 0; !stop; n += 1)
          own.set((await log.append([draft("a", `own-${n}`)])).first, `own-${n}`);
      })();
      // Where a step below fails, nothing is written any more to what is closed next.
      cleanups.push(async () => {
        stop = true;
        await writing;
        await log.close();
      });
      const count = (name: string): number =>
        [...acknowledged.values()].filter((text) => text.startsWith(name)).length;
      await until(() => count("x") > 100 && count("y") > 100 && own.size > 20, "writes of all three");
      const gone = exited(children[0]!);
      children[0]!.kill("SIGKILL");
      await gone;
      const then = count("y");
      await until(() => count("y") > then + 100, "writes of the one that lives");
      const last = exited(children[1]!);
      children[1]!.kill("SIGKILL");
      await last;
      stop = true;
      await writing;
      await until(() => tail.length >= Math.max(...acknowledged.keys(), ...own.keys()), "the tail");

      expect(tail.map(({ offset }) => offset)).toEqual(Array.from({ length: tail.length }, (_, i) => i + 1));
      const seen = new Map(tail.map((entry) => [entry.offset, textOf(entry)]));
      expect([...acknowledged, ...own].filter(([offset, text]) => seen.get(offset) !== text)).toEqual([]);
      await log.close();
    },
  );

  it(
    "says that there is no room left, having lost nothing that was acknowledged",
    { timeout: 60_000 },
    async () => {
      const path = directory();
      const acknowledged = new Map<number, string>();
      const lines: string[] = [];
      // A limit on the size of files, in units of 1,024 bytes: what every user may set, and LMDB sees as a disk that is full.
      const limited = `trap '' XFSZ; ulimit -f 4096; exec "$0" "$@"`;
      const child = startWriter(
        ["bash", "-c", limited, process.execPath, writer, path, "w", "3000"],
        acknowledged,
        lines,
      );
      expect(await exited(child)).toBe(3);
      expect(lines.at(-1)).toMatch(/^error LogError full Cannot append to log: no room is left at /);
      expect(acknowledged.size).toBeGreaterThan(50);

      const log = lmdbLog(environment(path));
      await log.open({ retention, onTail() {} });
      const kept = new Map((await readAll(log, "a")).map((entry) => [entry.offset, textOf(entry).trimEnd()]));
      expect([...acknowledged].filter(([offset, text]) => kept.get(offset) !== text)).toEqual([]);
      // With room again it goes on, without a hole.
      expect((await log.append([draft("a", "after")])).first).toBe(kept.size + 1);
      await log.close();
    },
  );
});
