/** Answers over one log in LMDB, Redis, Postgres or NATS, in processes that are killed: what they leave is whole, or says that it is not. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startNats } from "../engines/nats/server.ts";
import { startPostgres } from "../engines/postgres/server.ts";
import { startRedis } from "../engines/redis/server.ts";
import { afterEach, describe, expect, it } from "vitest";

const { countFaults, startWorker } = (await import(
  new URL("programs/killed-workers.mjs", import.meta.url).href
)) as {
  startWorker(this: void, log: string, settings?: Record<string, string>): Promise<Worker>;
  countFaults(
    this: void,
    log: string,
    options: { answers: number },
  ): Promise<Record<"complete" | "failed" | "wrong" | "deaths" | "cuts", number> & { examples: string[] }>;
};
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

interface Worker {
  readonly url: string;
  kill(): Promise<void>;
}

async function start(log: string, settings?: Record<string, string>): Promise<Worker> {
  const worker = await startWorker(log, settings);
  closers.push(() => worker.kill());
  return worker;
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

async function postgres(): Promise<string> {
  const server = await startPostgres();
  closers.push(() => server.end());
  return `postgres://127.0.0.1:${server.port}`;
}

async function nats(): Promise<string> {
  const server = await startNats();
  closers.push(() => server.stop());
  return `nats://127.0.0.1:${server.port}`;
}

describe.each([
  ["LMDB", lmdb, 300],
  ["Redis", redis, 300],
  ["Postgres", postgres, 100],
  ["NATS", nats, 100],
] as const)("answers over %s, in several processes", (_name, openLog, count) => {
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
    await one.kill();
    const text = await reading;
    expect(text).toMatch(/event: failed\ndata: {"reason":"lost"}\n\n$/);
    expect(text.match(/^data: token/gm)!.length).toBeGreaterThan(5);
    expect(await (await fetch(`${two.url}/a`)).text()).toBe(text);
  });

  it(
    "are exact or say that they are not, while processes and readers are killed at random",
    { timeout: 300_000 },
    async () => {
      const { complete, failed, ...counts } = await countFaults(await openLog(), { answers: count });
      expect(counts.examples).toEqual([]);
      expect(counts.wrong).toBe(0);
      expect(complete + failed).toBeGreaterThanOrEqual(count);
      // Both kinds were seen.
      expect([complete, failed, counts.deaths, counts.cuts]).not.toContain(0);
    },
  );
});
