/**
 * A real Redis for a test: on loopback, on a free port, in a folder of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { emulated, whereIs, type ServerClock } from "../support/server-clock.ts";

export interface RedisServer {
  readonly port: number;
  readonly process: ChildProcess;
  /** Sends a signal. With SIGKILL and SIGTERM, resolves when it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again at the same port, with what it has on disk. */
  restart(): Promise<void>;
  /** Runs one command. */
  command(...words: string[]): Promise<string>;
  /** Ends it, and removes its folder. */
  stop(): Promise<void>;
}

/** @param options - More options of `redis-server`, such as `--appendonly yes`. */
export async function startRedis(...options: string[]): Promise<RedisServer> {
  return startRedisWith(undefined, options);
}

/** @param clock - The clock that it goes by. Default: that of the machine. */
export async function startRedisWith(
  clock: ServerClock | undefined,
  options: readonly string[] = [],
): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "tidings-redis-"));
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder];
    args.push("--save", "", "--daemonize", "no", ...options);
    const command: [string, string[]] =
      clock === undefined ? ["redis-server", args] : emulated(whereIs("redis-server"), args);
    const child = spawn(...command, { stdio: ["ignore", "ignore", "inherit"], env: clock?.env });
    await answers(port, child);
    return child;
  };
  let child = await start();
  const ended = (): Promise<void> =>
    child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve()
      : new Promise((resolve) => void child.once("exit", () => resolve()));
  return {
    port,
    get process() {
      return child;
    },
    kill: async (signal) => {
      const over = ended();
      child.kill(signal);
      if (signal === "SIGKILL" || signal === "SIGTERM") await over;
    },
    restart: async () => {
      child = await start();
    },
    command: (...words) => command(port, words),
    stop: async () => {
      child.kill("SIGCONT");
      const over = ended();
      child.kill("SIGKILL");
      await over;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (const giveUp = Date.now() + 20_000; ;) {
    try {
      if ((await command(port, ["PING"])).startsWith("+PONG")) return;
    } catch (error) {
      if (Date.now() > giveUp || child.exitCode !== null) {
        throw new Error(`redis-server did not start on port ${port}`, { cause: error });
      }
    }
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}

/** The reply as it comes, of the first piece. */
function command(port: number, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.setTimeout(5_000, () => socket.destroy(new Error("no answer")));
    socket.once("error", reject);
    socket.once("data", (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join("")}`);
  });
}
