/**
 * What the measurements share: a Redis of their own, clients, other processes, and a few statistics.
 */
import { fork, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/support/free-port.mjs";

const require = createRequire(new URL("../../test/engines/package.json", import.meta.url));
try {
  require.resolve("redis");
} catch {
  console.error("The clients of the engines are not installed. Run: npm ci --prefix test/engines");
  process.exit(1);
}
export const { createClient } = require("redis");
export const { Redis } = require("ioredis");
const { Redis: Valkey } = require("iovalkey");
export const { Pool } = require("pg");
export const postgres = require("postgres");
export const { jetstream, jetstreamManager } = require("@nats-io/jetstream");
const { connect } = require("@nats-io/transport-node");

export const connectToNats = (port) =>
  connect({
    servers: `127.0.0.1:${port}`,
    waitOnFirstConnect: true,
    reconnectTimeWait: 50,
    maxReconnectAttempts: -1,
  });

export const RETENTION = { messages: 10_000, bytes: 64 * 2 ** 20, ageMs: 3_600_000 };

export const CLIENTS = {
  "node-redis": async (port) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    return client;
  },
  ioredis: async (port) => new Redis(port, "127.0.0.1"),
  iovalkey: async (port) => new Valkey(port, "127.0.0.1"),
};

/** A Redis on a free port, without persistence. @param options - More of `redis-server`. */
export async function startRedis(...options) {
  const folder = mkdtempSync(join(tmpdir(), "tidings-bench-redis-"));
  const port = await freePort();
  const child = spawn(
    "redis-server",
    ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...options],
    { stdio: "ignore" },
  );
  const client = await connected(port);
  return {
    port,
    client,
    info: async (section) => parseInfo(await client.info(section)),
    stop: async () => {
      client.on("error", () => undefined);
      client.destroy();
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Seconds of CPU that the server has used. */
export async function cpuOf(server) {
  const info = await server.info("cpu");
  return Number(info.used_cpu_user) + Number(info.used_cpu_sys);
}

/** Runs `member.mjs` in another process. */
export async function startMember(options) {
  const child = fork(fileURLToPath(new URL("member.mjs", import.meta.url)), [JSON.stringify(options)]);
  const ended = new Promise((_, reject) => {
    child.once("exit", () => reject(new Error("a process of the benchmark ended")));
  });
  const ask = (command) => {
    const answer = new Promise((resolve) => child.once("message", resolve));
    if (command !== undefined) child.send(command);
    return Promise.race([answer, ended]);
  };
  await ask();
  return {
    ask,
    stop: async () => {
      ended.catch(() => undefined);
      const over = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await over;
    },
  };
}

/** Milliseconds since 1970, finer than `Date.now`. */
export const now = () => performance.timeOrigin + performance.now();

export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export const draftOf = (topic, bytes = 200) => ({ topic, body: new Uint8Array(bytes).fill(120) });

/** A message that says when it was appended. */
export const stamped = (topic) => ({ topic, body: Buffer.from(`${now()}`.padEnd(200)) });

export async function paced(perSecond, seconds, step) {
  const startMs = performance.now();
  for (let n = 0; n < perSecond * seconds; n += 1) {
    const dueMs = startMs + (n * 1_000) / perSecond;
    while (performance.now() < dueMs) await new Promise((resolve) => setTimeout(resolve, 0));
    step(n);
  }
}

async function connected(port) {
  for (let attempt = 0; ; attempt += 1) {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (attempt > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function parseInfo(text) {
  return Object.fromEntries(
    text
      .split("\r\n")
      .map((line) => line.split(":"))
      .filter(({ length }) => length === 2),
  );
}
