/**
 * A real NATS server with JetStream for a test, or several that form a cluster: on loopback, on free ports, in folders of their
 * own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { beforeAll, describe } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { emulated, whereIs, type ServerClock } from "../support/server-clock.ts";

/** Newer ones than that of the system: see scripts/newer-nats.mjs. */
const NEWER = fileURLToPath(new URL("../../../.cache/nats", import.meta.url));
let program = "nats-server";

/** Declares tests for each server that is there: the system's, and newer ones. */
export function onEachNats(declare: () => void): void {
  const newer = existsSync(NEWER) ? readdirSync(NEWER) : [];
  const programs = new Map([
    ["the system's nats-server", "nats-server"],
    ...newer.map((version) => [`nats-server ${version}`, join(NEWER, version, "nats-server")] as const),
  ]);
  for (const [name, path] of programs) {
    describe(`on ${name}`, () => {
      beforeAll(() => void (program = path));
      declare();
    });
  }
}

/** The server that the tests which run now are for. */
export function natsProgram(): string {
  return program;
}

export interface NatsServer {
  readonly name: string;
  readonly port: number;
  /** Where JetStream keeps its files. */
  readonly folder: string;
  readonly process: ChildProcess;
  /** Sends a signal. With SIGKILL and SIGTERM, resolves when it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again at the same port, with what it has on disk. */
  restart(): Promise<void>;
  /** Ends it, and removes its folder. */
  stop(): Promise<void>;
}

export interface NatsOptions {
  readonly name?: string;
  readonly host?: string;
  /** More lines of its configuration. */
  readonly lines?: readonly string[];
  /** Of `jetstream { }`. */
  readonly jetstream?: readonly string[];
  /** Whether to wait until JetStream answers: one of a cluster needs the others for it. Default: true. */
  readonly wait?: boolean;
  /** The clock that it goes by. Default: that of the machine. */
  readonly clock?: ServerClock;
}

export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const { name = "alone", host = "127.0.0.1", lines = [], jetstream = [], wait = true, clock } = options;
  const folder = mkdtempSync(join(tmpdir(), "tidings-nats-"));
  const port = await freePort();
  const configuration = join(folder, "nats.conf");
  writeFileSync(
    configuration,
    [
      `server_name: ${name}`,
      `listen: "${host}:${port}"`,
      `jetstream { store_dir: "${folder}"`,
      ...jetstream,
      "}",
      ...lines,
    ].join("\n"),
  );
  const start = async (): Promise<ChildProcess> => {
    const args = ["-c", configuration];
    const command: [string, string[]] =
      clock === undefined ? [program, args] : emulated(whereIs(program), args);
    const output = openSync(join(folder, "output"), "a");
    const child = spawn(...command, { stdio: ["ignore", output, output], env: clock?.env });
    closeSync(output);
    if (wait) await answers(port, child, folder);
    return child;
  };
  let child = await start();
  const ended = (): Promise<void> =>
    child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve()
      : new Promise((resolve) => void child.once("exit", () => resolve()));
  return {
    name,
    port,
    folder,
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
    stop: async () => {
      child.kill("SIGCONT");
      const over = ended();
      child.kill("SIGKILL");
      await over;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Three servers that keep three copies. They elect who leads, which a busy machine may hold up, so that they have two tries. */
export async function startCluster(): Promise<readonly NatsServer[]> {
  return launchCluster().catch(() => launchCluster());
}

async function launchCluster(): Promise<readonly NatsServer[]> {
  const routes = await Promise.all([freePort(), freePort(), freePort()]);
  const all = routes.map((port) => `nats-route://127.0.0.1:${port}`).join(", ");
  const servers = await Promise.all(
    routes.map((port, n) =>
      startNats({
        name: `n${n + 1}`,
        lines: [`cluster { name: test, listen: "127.0.0.1:${port}", routes: [${all}] }`],
        wait: false,
      }),
    ),
  );
  try {
    await Promise.all(servers.map(({ port, process, folder }) => answers(port, process, folder)));
    return servers;
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

/** The server of a cluster that leads a stream. */
export async function leaderOf(
  stream: string,
  servers: readonly NatsServer[],
  connection: NatsConnection,
): Promise<NatsServer> {
  const { streams } = await jetstreamManager(connection, { timeout: 20_000 });
  const { cluster } = await streams.info(stream);
  return servers.find(({ name }) => name === cluster?.leader)!;
}

/** A client that never stops to connect again. */
export function connectTo(...ports: readonly number[]): Promise<NatsConnection> {
  return connect({
    servers: ports.map((port) => `127.0.0.1:${port}`),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    ignoreClusterUpdates: true,
    waitOnFirstConnect: true,
  });
}

async function answers(port: number, child: ChildProcess, folder: string): Promise<void> {
  for (const giveUp = Date.now() + 30_000; ;) {
    let connection: NatsConnection | undefined;
    try {
      connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, timeout: 1_000 });
      await (await jetstreamManager(connection, { timeout: 1_000 })).getAccountInfo();
      return;
    } catch (error) {
      if (Date.now() > giveUp || child.exitCode !== null) {
        const said = readFileSync(join(folder, "output"), "utf8").split("\n").slice(-15).join("\n");
        throw new Error(`nats-server did not start on port ${port}. It said:\n${said}`, { cause: error });
      }
    } finally {
      await connection?.close();
    }
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
}
