/**
 * A real NATS server with JetStream for a test, or several that form a cluster: on loopback, on free ports, in folders of their
 * own.
 */
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { beforeAll, describe } from "vitest";
import { freePort } from "../../support/free-port.mjs";
import { emulated, whereIs, type ServerClock } from "../support/server-clock.ts";
import { startServerProcess, type ServerProcess } from "../support/server-process.ts";

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

export interface NatsServer extends ServerProcess {
  readonly name: string;
  readonly port: number;
  /** Where JetStream keeps its files. */
  readonly folder: string;
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
  const args = ["-c", configuration];
  const [command, all] = clock === undefined ? [program, args] : emulated(whereIs(program), args);
  const ask = (): Promise<void> => askJetStream(port);
  const server = await startServerProcess({
    program: command,
    args: all,
    env: clock?.env,
    folder,
    ask,
    wait,
  });
  return Object.assign(server, { name, port, folder });
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
    await Promise.all(servers.map((server) => server.answers()));
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

/** @throws {Error} When it does not answer yet, or its cluster has no leader. */
async function askJetStream(port: number): Promise<void> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, timeout: 1_000 });
  try {
    await (await jetstreamManager(connection, { timeout: 1_000 })).getAccountInfo();
  } finally {
    await connection.close();
  }
}
