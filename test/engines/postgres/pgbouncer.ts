/** A real PgBouncer for a test, in transaction mode by default, with fewer connections than it is asked for. */
import { type ChildProcess } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pool } from "pg";
import { expect } from "vitest";
import { freePort } from "../../support/free-port.mjs";
import { makeFolder, spawnAsPostgres } from "./server.ts";

export type PoolMode = "session" | "transaction" | "statement";

export interface PgBouncer {
  readonly port: number;
  /** `pause`: it lets what is under way end, and nothing new begin. `hang`, `go on`: it does not run. */
  signal(what: "pause" | "resume" | "hang" | "go on"): void;
  /** Resolves when it has ended. */
  kill(): Promise<void>;
  /** Starts it again at the same port. */
  restart(): Promise<void>;
  /** Ends it, and removes its folder. */
  end(): Promise<void>;
}

/** @param target - The port of its Postgres. */
export async function startPgBouncer(
  target: number,
  { mode = "transaction", connections = 2 }: { mode?: PoolMode; connections?: number } = {},
): Promise<PgBouncer> {
  const folder = makeFolder();
  const port = await freePort();
  const configuration = join(folder, "pgbouncer.ini");
  writeFileSync(
    configuration,
    `[databases]
* = host=127.0.0.1 port=${target} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${connections}
server_login_retry = 1
`,
  );
  const start = async (): Promise<ChildProcess> => {
    const child = spawnAsPostgres("pgbouncer", ["-q", configuration]);
    const pool = new Pool({ host: "127.0.0.1", port, user: "postgres", database: "postgres", max: 1 });
    pool.on("error", () => undefined);
    await expect.poll(() => pool.query("SELECT 1").then(() => "up", String), { timeout: 20_000 }).toBe("up");
    await pool.end();
    return child;
  };
  let child = await start();
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const over = new Promise((resolve) => void child.once("exit", resolve));
    child.kill("SIGKILL");
    await over;
  };
  return {
    port,
    signal: (what) => {
      const signals = { pause: "SIGUSR1", resume: "SIGUSR2", hang: "SIGSTOP", "go on": "SIGCONT" } as const;
      child.kill(signals[what]);
    },
    kill,
    restart: async () => {
      child = await start();
    },
    end: async () => {
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
}
