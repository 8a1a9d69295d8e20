/**
 * A real Postgres for a test: on loopback, on a free port, in a folder of its own.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { freePort } from "../../support/free-port.mjs";
import type { ServerClock } from "../support/server-clock.ts";

export interface PostgresServer {
  readonly port: number;
  /** What it keeps. */
  readonly folder: string;
  /**
   * `die`: as with a power cut, all its processes end at once. `stop`: it ends in order. `hang`, `go on`: none of its processes runs.
   * The first two resolve when it has ended.
   */
  signal(what: "die" | "stop" | "hang" | "go on"): Promise<void>;
  /** Starts it again at the same port, with what it has on disk. */
  restart(): Promise<void>;
  /** Runs statements as superuser. */
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
  /** Starts a replica of it, which streams from a port, by default its own. */
  replica(from?: number): Promise<PostgresServer>;
  /** Ends it, and removes its folder. */
  end(): Promise<void>;
}

/** Postgres refuses to run as root. */
const user: { uid?: number; gid?: number } = process.getuid?.() === 0 ? idsOf("postgres") : {};
const SETTINGS = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = 32MB
max_wal_size = 256MB
logging_collector = off
log_min_messages = panic
wal_level = replica
hot_standby = on
`;

/**
 * @param settings - More lines of `postgresql.conf`.
 * @param clock - The clock that it goes by. Default: that of the machine.
 * @param folders - Where it keeps what, for disks that are full: folders that are not there yet.
 */
export async function startPostgres(
  settings = "",
  clock?: ServerClock,
  folders: { readonly data?: string; readonly wal?: string } = {},
): Promise<PostgresServer> {
  const { data: folder = makeFolder(), wal } = folders;
  await run("initdb", [
    "-D",
    folder,
    "-U",
    "postgres",
    "-A",
    "trust",
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
    ...(wal === undefined ? [] : ["--waldir", wal]),
  ]);
  appendFileSync(join(folder, "postgresql.conf"), SETTINGS + settings);
  return serve(folder, await freePort(), clock?.env);
}

/** Runs one of its programs to its end. */
async function run(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(pathOf(program), args, { ...user, cwd: "/" });
}

/** A folder that Postgres, and what runs as the same user, can write to. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidings-postgres-"));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid!);
  return folder;
}

/** Starts a program as the user that Postgres runs as. */
export function spawnAsPostgres(
  program: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): ChildProcess {
  return spawn(pathOf(program), args, { ...user, cwd: "/", stdio: ["ignore", "ignore", "inherit"], env });
}

async function serve(folder: string, port: number, env?: NodeJS.ProcessEnv): Promise<PostgresServer> {
  const start = async (): Promise<ChildProcess> => {
    const child = spawnAsPostgres("postgres", ["-D", folder, "-p", `${port}`], env);
    await answers(port, child);
    return child;
  };
  let child = await start();
  const ended = (): Promise<void> =>
    child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve()
      : new Promise((resolve) => void child.once("exit", () => resolve()));
  const signal: PostgresServer["signal"] = async (what) => {
    const over = ended();
    if (what === "stop") {
      // Fast shutdown: it does not wait for its clients.
      child.kill("SIGINT");
      await over;
      return;
    }
    const name = ({ die: "SIGKILL", hang: "SIGSTOP", "go on": "SIGCONT" } as const)[what];
    // It starts no other process while they are looked up.
    kill(child.pid!, "SIGSTOP");
    for (const pid of familyOf(child.pid!)) kill(pid, name);
    if (what === "die") await over;
  };
  return {
    port,
    folder,
    signal,
    restart: async () => {
      child = await start();
    },
    sql: (text, database) => sql(port, text, database),
    replica: async (from = port) => {
      const copy = makeFolder();
      await run("pg_basebackup", [
        "-h",
        "127.0.0.1",
        "-p",
        `${from}`,
        "-U",
        "postgres",
        "-D",
        copy,
        "-R",
        "-X",
        "stream",
        "-c",
        "fast",
      ]);
      return serve(copy, await freePort());
    },
    end: async () => {
      await signal("die");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function sql(port: number, text: string, database = "postgres"): Promise<Record<string, unknown>[]> {
  const client = new Client({ host: "127.0.0.1", port, user: "postgres", database });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text);
    return rows;
  } finally {
    await client.end();
  }
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (const giveUp = Date.now() + 60_000; ;) {
    try {
      await sql(port, "SELECT 1");
      return;
    } catch (error) {
      if (Date.now() > giveUp || child.exitCode !== null) {
        throw new Error(`postgres did not start on port ${port}`, { cause: error });
      }
    }
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}

/** A process, and those that it started. */
function familyOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return [pid, ...children.split(" ").map(Number).filter(Boolean)];
  } catch {
    // It has ended.
    return [pid];
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Debian has the programs in a folder for each version, off the path. */
export function pathOf(program: string): string {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0];
  const path = join("/usr/lib/postgresql", newest ?? "", "bin", program);
  return existsSync(path) ? path : program;
}

function idsOf(name: string): { uid: number; gid: number } {
  const id = (flag: string): number => Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
