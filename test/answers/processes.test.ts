/** Answers over one LMDB environment, or one Redis, in processes that are killed: what they leave is whole, or says that it is not. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, type Verdict } from "tidings/client";
import { tidings } from "tidings/dialects";
import { startRedis } from "../engines/redis-server.ts";
import { afterEach, describe, expect, it } from "vitest";

const PROGRAM = fileURLToPath(new URL("programs/worker.mjs", import.meta.url));
const children = new Set<ChildProcess>();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const child of children) await kill(child);
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

interface Worker {
  readonly url: string;
  readonly pid: number;
  readonly child: ChildProcess;
}

async function lmdb(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tidings-answers-"));
  closers.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function redis(): Promise<string> {
  const server = await startRedis();
  closers.push(() => server.stop());
  return `redis://127.0.0.1:${server.port}`;
}

async function start(log: string, settings: Record<string, string> = {}): Promise<Worker> {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { ...process.env, LOG: log, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.add(child);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { url: `http://127.0.0.1:${Number(String(line))}`, pid: child.pid!, child };
}

async function kill(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Reads an answer to its end, at whichever of the servers lives. */
async function read(
  urls: () => readonly string[],
  id: string,
): Promise<{ tokens: string[]; verdict: Verdict }> {
  const tokens: string[] = [];
  let attempt = 0;
  const connection = connect(
    () => {
      const all = urls();
      return `${all[(attempt += 1) % all.length]!}/${id}`;
    },
    {
      dialect: tidings(),
      retry: { baseMs: 100, capMs: 300 },
      onMessage: ({ event, data }) => {
        if (event === "message") tokens.push(data);
      },
    },
  );
  return { verdict: await connection.ended, tokens };
}

describe.each([
  ["LMDB", lmdb],
  ["Redis", redis],
])("answers over %s, in several processes", (_name, openLog) => {
  it("are produced in one and read in another, as they come and afterwards", async () => {
    const log = await openLog();
    const [one, two] = [await start(log), await start(log)];
    const first = fetch(`${one.url}/a`).then((response) => response.text());
    await expect.poll(async () => (await fetch(`${two.url}/a/stream`, { method: "HEAD" })).status).toBe(200);
    const second = await (await fetch(`${two.url}/a/stream`)).text();
    expect(second).toBe(await first);
    expect(second.match(/^data: token/gm)).toHaveLength(100);
    expect(second).toContain('event: end\ndata: {"complete":true}\n\n');
    expect((await fetch(`${two.url}/a/stream`)).status).toBe(204);
  });

  it("are stopped from another process", async () => {
    const log = await openLog();
    const [one, two] = [await start(log), await start(log)];
    const first = fetch(`${one.url}/a`).then((response) => response.text());
    await expect.poll(async () => (await fetch(`${two.url}/a`, { method: "DELETE" })).status).toBe(200);
    expect(await first).toContain('event: failed\ndata: {"reason":"stopped"}\n\n');
    // The other process learns of the end from the log.
    await expect.poll(async () => (await fetch(`${two.url}/a`, { method: "DELETE" })).status).toBe(404);
  });

  it("end with a verdict when their process is killed, and are not produced again", async () => {
    const log = await openLog();
    const [one, two] = [await start(log, { TOKENS: "100000" }), await start(log)];
    void fetch(`${one.url}/a`).catch(() => undefined);
    await expect.poll(async () => (await fetch(`${two.url}/a/stream`, { method: "HEAD" })).status).toBe(200);
    const reading = fetch(`${two.url}/a/stream`).then((response) => response.text());
    await new Promise((resolve) => void setTimeout(resolve, 300));
    await kill(one.child);
    const text = await reading;
    expect(text).toMatch(/event: failed\ndata: {"reason":"lost"}\n\n$/);
    expect(text.match(/^data: token/gm)!.length).toBeGreaterThan(5);
    expect(await (await fetch(`${two.url}/a`)).text()).toBe(text);
  });

  it(
    "are exact or say that they are not, while processes are killed at random",
    { timeout: 180_000 },
    async () => {
      const log = await openLog();
      const workers = [await start(log), await start(log), await start(log)];
      let killing = true;
      let deaths = 0;
      const killer = (async () => {
        while (killing) {
          // Now and then long enough for answers to be complete, however fast the machine starts a process.
          await new Promise((resolve) => void setTimeout(resolve, 500 + (deaths % 4) * 1_500));
          const index = deaths % workers.length;
          await kill(workers[index]!.child);
          deaths += 1;
          workers[index] = await start(log);
        }
      })();
      const counts = { complete: 0, failed: 0 };
      const isProven = (): boolean => deaths >= 3 && counts.complete > 0 && counts.failed > 0;
      for (let round = 0; !isProven() || round < 2; round += 1) {
        await Promise.all(Array.from({ length: 40 }, (_, n) => one(round * 40 + n)));
      }
      killing = false;
      await killer;

      async function one(n: number): Promise<void> {
        await new Promise((resolve) => void setTimeout(resolve, (n % 40) * 50));
        const { tokens, verdict } = await read(() => workers.map(({ url }) => url), `answer-${n}`);
        const by = tokens[0]?.split(" ").at(-1);
        expect(tokens).toEqual(tokens.map((_, i) => `token ${i} of answer-${n} by ${by}`));
        const isComplete = verdict.reason === "complete";
        const failure = isComplete ? undefined : (verdict.cause as Error).cause;
        expect(isComplete ? tokens.length : failure).toEqual(
          isComplete ? 100 : { reason: "lost", message: "lost" },
        );
        if (isComplete) counts.complete += 1;
        else counts.failed += 1;
      }
    },
  );
});
