/** Servers as processes of their own, a Redis, and readers of their streams. */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, get } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const agent = new Agent({ maxSockets: Infinity });

/** @param kind - Of server.mjs. */
export async function startServer(kind, settings = {}) {
  const child = fork(new URL("server.mjs", import.meta.url), [kind], {
    env: { ...process.env, ...settings, NODE_ENV: "production" },
    execArgv: ["--expose-gc"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [{ port }] = await once(child, "message");
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    /** @returns Microseconds of CPU that the process has used. */
    async cpuUs() {
      child.send("cpu");
      const [{ cpuUs }] = await once(child, "message");
      return cpuUs;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), "tidings-bench-"));
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const child = spawn("redis-server", options, { stdio: ["ignore", "ignore", "inherit"] });
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isUp = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (isUp) break;
    await sleep(20);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      child.kill("SIGKILL");
      await once(child, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function openFolder() {
  const path = mkdtempSync(join(tmpdir(), "tidings-bench-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Reads a stream, and counts its messages into `counts.messages`. @returns When the first message has begun. */
export function read(url, counts) {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      let last = 0;
      response.on("data", (bytes) => {
        resolve(() => request.destroy());
        for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) {
          if ((at === 0 ? last : bytes[at - 1]) === 10) counts.messages += 1;
        }
        last = bytes[bytes.length - 1];
      });
      response.on("error", () => undefined);
      response.on("end", () =>
        reject(new Error(`Cannot read ${url}: status ${response.statusCode}, no message`)),
      );
    });
    request.on("error", reject);
    request.setTimeout(30_000, () =>
      request.destroy(new Error(`Cannot read ${url}: nothing came for 30 seconds`)),
    );
  });
}

export const sleep = (ms) => new Promise((resolve) => void setTimeout(resolve, ms));

/** A table of Markdown, whose numbers are to the right. */
export function tableOf(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

export function quantile(values, share) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
