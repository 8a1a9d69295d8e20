/**
 * A real Redis for a test: on loopback, on a free port, in a folder of its own.
 */
import { mkdtempSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/free-port.mjs";
import { emulated, whereIs, type ServerClock } from "../support/server-clock.ts";
import { startServerProcess, type ServerProcess } from "../support/server-process.ts";

export interface RedisServer extends ServerProcess {
  readonly port: number;
  /** Runs one command. */
  command(...words: string[]): Promise<string>;
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
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder];
  args.push("--save", "", "--daemonize", "no", ...options);
  const [program, all] =
    clock === undefined ? ["redis-server", args] : emulated(whereIs("redis-server"), args);
  const ask = async (): Promise<void> => {
    const reply = await command(port, ["PING"]);
    if (!reply.startsWith("+PONG")) throw new Error(`It answered ${reply}`);
  };
  const server = await startServerProcess({ program, args: all, env: clock?.env, folder, ask });
  return Object.assign(server, { port, command: (...words: string[]) => command(port, words) });
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
