/**
 * Answers over one log while a process that reads them stands still, or its connection to the log does: that is no reason to end an
 * answer whose producer lives.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startNats } from "../engines/nats/server.ts";
import { startPostgres } from "../engines/postgres/server.ts";
import { startRedis } from "../engines/redis/server.ts";
import { afterAll, describe, expect, it } from "vitest";

const { startWorker } = (await import(new URL("programs/killed-workers.mjs", import.meta.url).href)) as {
  startWorker(this: void, log: string, settings?: Record<string, string>): Promise<Worker>;
};

interface Worker {
  readonly url: string;
  signal(name: NodeJS.Signals): void;
  kill(): Promise<void>;
}

const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

async function start(log: string, settings: Record<string, string>): Promise<Worker> {
  const worker = await startWorker(log, settings);
  closers.push(() => worker.kill());
  return worker;
}

/** A way to a server on which nothing comes through while it is held. What was sent meanwhile comes afterwards. */
async function openWay(port: number): Promise<{ port: number; hold(): void; release(): void }> {
  let held = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on("data", (data) => to.write(data));
      if (held) from.pause();
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    hold: () => {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    release: () => {
      held = false;
      for (const socket of sockets) socket.resume();
    },
  };
}

/** The texts of an answer as its producer's process and another one gave it, which was disturbed for a time meanwhile. */
async function readDisturbed(
  [own, other]: readonly [own: string, other: string],
  leaseMs: number,
  disturbMs: number,
  disturb: (reader: Worker, isDisturbed: boolean) => void,
): Promise<string[]> {
  // The answer goes on for a while behind that.
  const tokens = `${Math.ceil((disturbMs + 6_000) / 100)}`;
  const settings = { LEASE_MS: `${leaseMs}`, TOKENS: tokens, TOKEN_MS: "100" };
  const [producer, reader] = await Promise.all([start(own, settings), start(other, settings)]);
  const first = fetch(`${producer.url}/a`).then((response) => response.text());
  while ((await fetch(`${reader.url}/a/stream`, { method: "HEAD" })).status !== 200) await sleep(50);
  const second = fetch(`${reader.url}/a/stream`).then((response) => response.text());
  await sleep(1_000);
  disturb(reader, true);
  await sleep(disturbMs);
  disturb(reader, false);
  const texts = await Promise.all([first, second]);
  expect(texts.map((text) => text.match(/^data: token/gm)?.length)).toEqual([Number(tokens), Number(tokens)]);
  for (const text of texts) expect(text).toMatch(/event: end\ndata: {"complete":true}\n\n$/);
  return texts;
}

const suspend = (reader: Worker, isSuspended: boolean): void =>
  reader.signal(isSuspended ? "SIGSTOP" : "SIGCONT");

const ENGINES = [
  ["Redis", "redis", startRedis],
  [
    "Postgres",
    "postgres",
    async () => {
      const server = await startPostgres();
      return { port: server.port, stop: () => server.end() };
    },
  ],
  ["NATS", "nats", startNats],
] as const;

describe.concurrent(
  "a reader's process that is not heard does not end an answer",
  { timeout: 90_000 },
  () => {
    it("that stands still, over LMDB", async () => {
      const path = await mkdtemp(join(tmpdir(), "tidings-answers-"));
      closers.push(() => rm(path, { recursive: true, force: true }));
      const [one, two] = await readDisturbed([path, path], 2_000, 5_000, suspend);
      expect(two).toBe(one);
    });

    it.each(ENGINES)("that stands still, over %s", async (_name, protocol, startServer) => {
      const server = await startServer();
      closers.push(() => server.stop());
      const log = `${protocol}://127.0.0.1:${server.port}`;
      const [one, two] = await readDisturbed([log, log], 2_000, 5_000, suspend);
      expect(two).toBe(one);
    });

    it.each(ENGINES)("that is cut off, over %s", async (_name, protocol, startServer) => {
      const server = await startServer();
      closers.push(() => server.stop());
      const way = await openWay(server.port);
      const logs = [server.port, way.port].map((port) => `${protocol}://127.0.0.1:${port}`);
      const [one, two] = await readDisturbed(logs as [string, string], 2_000, 5_000, (_reader, isCut) =>
        isCut ? way.hold() : way.release(),
      );
      expect(two).toBe(one);
    });

    // NATS hears after ten seconds that nothing comes.
    it("that is cut off for longer than the default lease, over NATS", async () => {
      const server = await startNats();
      closers.push(() => server.stop());
      const way = await openWay(server.port);
      const logs = [server.port, way.port].map((port) => `nats://127.0.0.1:${port}`);
      const [one, two] = await readDisturbed(logs as [string, string], 10_000, 12_000, (_reader, isCut) =>
        isCut ? way.hold() : way.release(),
      );
      expect(two).toBe(one);
    });
  },
);
