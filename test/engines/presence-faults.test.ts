/**
 * Presence of two hubs and of real clients over a real server of the log, which hangs for longer than the lease of the hubs, or is killed and
 * started again with what it has.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "pg";
import { createClient } from "redis";
import { connect, type Connection } from "tidings/client";
import type { Log } from "tidings/log";
import { natsLog } from "tidings/log/nats";
import { postgresLog } from "tidings/log/postgres";
import { redisLog } from "tidings/log/redis";
import { createHub, type Hub } from "tidings/server";
import { afterAll, describe, it } from "vitest";
import { type Faults, faultsOf, killAndRestart } from "./support/faults.ts";
import { connectTo, startNats } from "./nats/server.ts";
import { Cleanups } from "./support/opened-log.ts";
import { startPostgres } from "./postgres/server.ts";
import { startRedis } from "./redis/server.ts";

const LEASE_MS = 3_000;
/** Much longer than a lease. Some of what the hubs send is not answered in time. */
const HUNG_MS = 7_000;
const DEADLINE_MS = 4_000;
/** Streams that revocations may have missed end within 10 seconds, and return. */
const RETURNED_MS = 10_500;
const TIME_LIMIT = { timeout: 90_000 };
/** A process that is gone is declared so within this time. */
const SETTLED_MS = LEASE_MS + 1_000;

const cleanups = new Cleanups();
afterAll(() => cleanups.run());
/** The tests run at the same time, where `expect.poll` would not know which one asks. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

interface Engine extends Faults {
  open(): Promise<Log>;
  /** It loses everything while it runs. */
  readonly flush?: () => Promise<unknown>;
}

async function redis(): Promise<Engine> {
  const server = await startRedis("--appendonly", "yes", "--appendfsync", "always");
  cleanups.add(server, () => server.stop());
  return {
    open: async () => {
      const client = createClient({ url: `redis://127.0.0.1:${server.port}` });
      client.on("error", () => undefined);
      await client.connect();
      cleanups.add(client, () => client.destroy());
      return redisLog(client, { deadlineMs: DEADLINE_MS });
    },
    ...faultsOf(server),
    flush: () => server.command("FLUSHALL"),
  };
}

async function postgres(): Promise<Engine> {
  const server = await startPostgres();
  cleanups.add(server, () => server.end());
  return {
    open: async () => {
      const pool = new Pool({
        host: "127.0.0.1",
        port: server.port,
        user: "postgres",
        database: "postgres",
        max: 4,
      });
      pool.on("error", () => undefined);
      return postgresLog(pool, { deadlineMs: DEADLINE_MS });
    },
    ...faultsOf(server),
  };
}

async function nats(): Promise<Engine> {
  const server = await startNats();
  cleanups.add(server, () => server.stop());
  return {
    open: async () => {
      const connection = cleanups.add(await connectTo(server.port), (one) => one.close());
      return natsLog(connection, { deadlineMs: DEADLINE_MS });
    },
    ...faultsOf(server),
  };
}

/** A client that comes back by itself. */
class Client {
  readonly gaps: string[] = [];
  /** Who joined and left, as a watcher is told. */
  readonly told: string[] = [];
  /** How many of these stand before its first gap. */
  beforeGap: number | undefined;
  readonly #connection: Connection;

  constructor(url: string) {
    this.#connection = connect(url, {
      onGap: ({ reason }) => {
        this.gaps.push(reason);
        this.beforeGap ??= this.told.length;
      },
      onMessage: ({ event, data }) => {
        if (event !== "presence") return;
        const { joined, left } = JSON.parse(data) as Record<"joined" | "left", readonly string[]>;
        this.told.push(...left.map((name) => `${name} left`), ...joined.map((name) => `${name} joined`));
      },
    });
    cleanups.add(this, () => this.leave());
  }

  get state(): string {
    return this.#connection.state;
  }

  /** What it was told of a member after its first gap. */
  toldOf(member: string): string[] {
    return this.told.slice(this.beforeGap ?? 0).filter((event) => event.startsWith(`${member} `));
  }

  leave(): void {
    this.#connection.close();
  }
}

interface Room {
  readonly hubs: readonly Hub[];
  /** One of each hub. */
  readonly watchers: readonly Client[];
  readonly ann: Client;
  readonly bob: Client;
  enter(hub: number, subscriber: string): Client;
}

/** Two hubs, ann in the first and bob in the second. */
async function roomOf(engine: Engine): Promise<Room> {
  const hubs: Hub[] = [];
  const urls: string[] = [];
  for (const name of ["A", "B"]) {
    const hub = createHub({
      log: await engine.open(),
      presence: { coalesceMs: 50 },
      cluster: { name, leaseMs: LEASE_MS },
      onError: () => undefined,
    });
    const server = createServer((request, response) => {
      const subscriber = new URL(request.url!, "http://localhost").searchParams.get("who");
      const options =
        subscriber === null ? { topics: [{ presence: "room" }] } : { topics: ["room"], subscriber };
      void hub.subscribe(request, response, options);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    hubs.push(hub);
    cleanups.add(server, async () => {
      await hub.drain({ overMs: 0, graceMs: 100 });
      server.closeAllConnections();
      server.close();
    });
  }
  const watchers = urls.map((url) => new Client(url));
  await until(() => watchers.every(({ state }) => state === "open"));
  const enter = (hub: number, subscriber: string): Client => new Client(`${urls[hub]}?who=${subscriber}`);
  const room = { hubs, watchers, enter, ann: enter(0, "ann"), bob: enter(1, "bob") };
  await until(() => watchers.every(({ told }) => told.length >= 2));
  return room;
}

const membersOf = ({ hubs }: Room): string[] =>
  hubs.map((hub) => [...hub.presence("room").members].sort().join(" "));
const THERE = ["ann cem", "ann cem"];

/** With the gaps of a restart. Redis cannot prove that it has everything; the others can. */
const ENGINES = [
  ["Redis", redis, ["slow"]],
  ["Postgres", postgres, []],
  ["NATS", nats, []],
] as const;

describe.concurrent.each(ENGINES)("presence over %s", (_name, start, gaps) => {
  it("stays as it is while the server hangs, and goes on afterwards", TIME_LIMIT, async ({ expect }) => {
    const engine = await start();
    const room = await roomOf(engine);
    await engine.hang();
    await sleep(HUNG_MS);
    await engine.goOn();
    // While what waited is taken. Whoever comes is refused at first, and comes back.
    room.bob.leave();
    room.enter(0, "cem");
    await until(() => room.watchers.every(({ told }) => told.length >= 4));
    await sleep(SETTLED_MS);
    for (const { told } of room.watchers) {
      expect(told.slice(0, 2).sort()).toEqual(["ann joined", "bob joined"]);
      expect(told.slice(2).sort()).toEqual(["bob left", "cem joined"]);
    }
    expect(membersOf(room)).toEqual(THERE);
  });

  it("is right after the server was killed and started with what it has", TIME_LIMIT, async ({ expect }) => {
    const engine = await start();
    const room = await roomOf(engine);
    await killAndRestart(engine);
    room.bob.leave();
    const cem = room.enter(0, "cem");
    // Where there is a gap, a revocation may be in it: ann has to come back, and be let in anew.
    await until(() => (room.hubs[0]!.stats().ended["revoked"] ?? 0) >= gaps.length);
    await sleep(gaps.length === 0 ? SETTLED_MS : RETURNED_MS);
    await until(() => membersOf(room).join() === THERE.join());
    // What is published of that comes a moment later.
    await sleep(1_000);
    expect([room.ann.state, cem.state]).toEqual(["open", "open"]);
    expect(room.ann.gaps).toEqual(gaps);
    for (const watcher of room.watchers) {
      expect(watcher.gaps).toEqual(gaps);
      for (const [member, last] of [
        ["ann", "ann joined"],
        ["bob", "bob left"],
        ["cem", "cem joined"],
      ] as const) {
        const told = watcher.toldOf(member);
        expect(told).toEqual(told.filter((event, at) => event !== told[at - 1]));
        // It may stand in the gap.
        expect(told.at(-1) ?? last).toBe(last);
      }
    }
  });
});

it("goes on in the log that replaces one which Redis has lost", TIME_LIMIT, async ({ expect }) => {
  const engine = await redis();
  const room = await roomOf(engine);
  const cem = room.enter(1, "cem");
  await until(() => room.watchers.every(({ told }) => told.includes("cem joined")));
  await engine.flush!();
  // Everyone has to come back, and be let in anew.
  await sleep(RETURNED_MS);
  await until(() => membersOf(room).every((members) => members === "ann bob cem"));
  const again = room.enter(0, "cem");
  await until(() => room.hubs.every((hub) => hub.presence("room").streams === 4));
  cem.leave();
  await until(() => room.hubs.every((hub) => hub.presence("room").streams === 3));
  again.leave();
  await until(() => room.watchers.every((watcher) => watcher.toldOf("cem").at(-1) === "cem left"));
  await sleep(SETTLED_MS);
  for (const watcher of room.watchers) {
    for (const member of ["ann", "bob", "cem"]) {
      const told = watcher.toldOf(member);
      expect(told).toEqual(told.filter((event, at) => event !== told[at - 1]));
      expect(told.at(-1)).toBe(member === "cem" ? "cem left" : `${member} joined`);
    }
  }
  expect(membersOf(room)).toEqual(["ann bob", "ann bob"]);
});
