/**
 * "Subscribers get all that was acknowledged, or a gap", of whole hubs: two processes on one log, 50 clients that come back by
 * themselves, and what docs/logs say of each thing that can happen to the server of the log.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { natsLog } from "../../packages/tidings/src/log/nats/index.ts";
import { postgresLog } from "../../packages/tidings/src/log/postgres/index.ts";
import { redisLog } from "../../packages/tidings/src/log/redis/index.ts";
import { type Outcome, publishThrough, type Served } from "./support/hub-subscribers.ts";
import { connectTo, leaderOf, onEachNats, startCluster } from "./nats/server.ts";
import { Cleanups } from "./postgres/opened.ts";
import { freePort } from "../support/free-port.mjs";
import { makeFolder, startPostgres } from "./postgres/server.ts";
import { CLIENTS as REDIS_CLIENTS } from "./redis/clients.ts";
import { type RedisServer, startRedis } from "./redis/server.ts";
import { mountSmallDisk } from "./support/small-disk.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** A busy machine takes so much longer. */
const GRACE_MS = 5_000;
/** In a row, and a second is enough for those who come back. */
const CUTS = 3;

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
const each = (gaps: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: 50 }, () => gaps);

/** Nothing was refused, and nobody has a gap. */
function expectUnharmed({ refused, gaps }: Outcome): void {
  expect(refused).toEqual([]);
  expect(gaps).toEqual(each([]));
}

describe("two hubs on Redis", () => {
  const redis = async (...options: string[]): Promise<RedisServer> =>
    cleanups.add(await startRedis(...options), (server) => server.stop());
  const on = async (port: number, client: string, deadlineMs = 10_000): Promise<Served> => {
    const connected = cleanups.add(await REDIS_CLIENTS[client]!(port), (one) => one.close());
    return {
      cleanups,
      log: redisLog(connected.client, { deadlineMs }),
      deadlineMs: deadlineMs + GRACE_MS,
      member: new URL("redis/member.mjs", import.meta.url),
      argument: `${port} tidings ${client}`,
    };
  };

  it("killed, and back with its data after the deadline: what was refused is refused in time, and everybody has one gap", async () => {
    const server = await redis("--appendonly", "yes", "--appendfsync", "always");
    const served = await on(server.port, "node-redis", 1_000);
    const { refused, gaps } = await publishThrough(served, async () => {
      await server.kill("SIGKILL");
      await wait(2_000);
      await server.restart();
    });
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(["failed"]));
    expect(gaps).toEqual(each(["slow"]));
  });

  it("killed, and back without its data: everybody has one gap, to another log", async () => {
    const server = await redis();
    const outcome = await publishThrough(await on(server.port, "ioredis"), async () => {
      await server.kill("SIGKILL");
      await server.restart();
    });
    expect(outcome.refused).toEqual([]);
    expect(outcome.gaps).toEqual(each(["epoch"]));
  });

  it("a replica takes over that lags: everybody has one gap", async () => {
    const primary = await redis();
    const toReplica = await cleanups.switchboard(primary.port);
    const replica = await redis("--replicaof", "127.0.0.1", `${toReplica.port}`);
    const board = await cleanups.switchboard(primary.port);
    const { refused, gaps } = await publishThrough(
      await on(board.port, "iovalkey"),
      async ({ acknowledged }) => {
        await expect.poll(() => replica.command("INFO", "replication")).toContain("master_link_status:up");
        toReplica.lead(await freePort());
        toReplica.cut();
        await acknowledged(50);
        await primary.kill("SIGKILL");
        expect(await replica.command("REPLICAOF", "NO", "ONE")).toContain("OK");
        board.lead(replica.port);
        board.cut();
      },
    );
    expect(refused).toEqual([]);
    expect(gaps).toEqual(each(["slow"]));
  });

  it("hangs for 3 s: nobody notices", async () => {
    const server = await redis();
    const outcome = await publishThrough(await on(server.port, "node-redis"), async () => {
      await server.kill("SIGSTOP");
      await wait(3_000);
      await server.kill("SIGCONT");
    });
    expectUnharmed(outcome);
  });

  it("full: refuses with full until there is more memory, and nobody has a gap", async () => {
    const server = await redis("--maxmemory-policy", "noeviction");
    const { refused, gaps } = await publishThrough(await on(server.port, "ioredis"), async (traffic) => {
      await server.command("CONFIG", "SET", "maxmemory", "1mb");
      await expect.poll(() => traffic.refused.length).toBeGreaterThan(50);
      await server.command("CONFIG", "SET", "maxmemory", "0");
    });
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(["full"]));
    expect(gaps).toEqual(each([]));
  });

  it("connections are cut, to Redis and to the subscribers: nobody notices", async () => {
    const server = await redis();
    const board = await cleanups.switchboard(server.port);
    const outcome = await publishThrough(await on(board.port, "iovalkey"), async ({ toHub }) => {
      for (let n = 0; n < CUTS; n += 1) {
        board.cut();
        toHub.cut();
        await wait(1_000);
      }
    });
    expectUnharmed(outcome);
  });
});

describe("two hubs on Postgres", () => {
  const on = async (port: number, client: string): Promise<Served> => ({
    cleanups,
    log: postgresLog((await cleanups.client(client, port)).client),
    deadlineMs: 10_000 + GRACE_MS,
    member: new URL("postgres/member.mjs", import.meta.url),
    argument: `${port} tidings ${client}`,
  });

  it("killed in the middle of commits: nobody notices", async () => {
    const server = await cleanups.postgres();
    const outcome = await publishThrough(await on(server.port, "pg"), async () => {
      await server.signal("die");
      await server.restart();
    });
    expectUnharmed(outcome);
  });

  it("a replica takes over that lags: everybody has one gap", async () => {
    const primary = await cleanups.postgres();
    const toReplica = await cleanups.switchboard(primary.port);
    const board = await cleanups.switchboard(primary.port);
    const { refused, gaps } = await publishThrough(
      await on(board.port, "postgres"),
      async ({ acknowledged }) => {
        const replica = cleanups.add(await primary.replica(toReplica.port), (server) => server.end());
        toReplica.lead(await freePort());
        toReplica.cut();
        await acknowledged(50);
        await primary.signal("die");
        board.lead(replica.port);
        board.cut();
        await replica.sql("SELECT pg_promote()");
      },
    );
    expect(refused).toEqual([]);
    expect(gaps).toEqual(each(["slow"]));
  });

  it("hangs for 3 s: nobody notices", async () => {
    const server = await cleanups.postgres();
    const outcome = await publishThrough(await on(server.port, "postgres"), async () => {
      await server.signal("hang");
      await wait(3_000);
      await server.signal("go on");
    });
    expectUnharmed(outcome);
  });

  it("its disk is full: refuses with full until there is space, and nobody has a gap", async () => {
    const disk = cleanups.add(mountSmallDisk(makeFolder(), 80), (one) => one.remove());
    const elsewhere = cleanups.add(makeFolder(), (folder) => rmSync(folder, { recursive: true }));
    const folders = { data: join(disk.folder, "data"), wal: join(elsewhere, "wal") };
    const server = cleanups.add(await startPostgres("", undefined, folders), (one) => one.end());
    // What Postgres cannot compress.
    const padding = (): string =>
      Buffer.from(crypto.getRandomValues(new Uint8Array(1_500))).toString("base64");
    const served = { ...(await on(server.port, "pg")), padding };
    const { refused, gaps } = await publishThrough(served, async (traffic) => {
      const ballast = join(disk.folder, "ballast");
      expect(() => writeFileSync(ballast, Buffer.alloc(100 * 2 ** 20))).toThrow(/ENOSPC/);
      await expect.poll(() => traffic.refused.length, { timeout: 20_000 }).toBeGreaterThan(50);
      rmSync(ballast);
    });
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(["full"]));
    expect(gaps).toEqual(each([]));
  });

  it("connections are cut, to Postgres and to the subscribers: nobody notices", async () => {
    const server = await cleanups.postgres();
    const board = await cleanups.switchboard(server.port);
    const outcome = await publishThrough(await on(board.port, "postgres"), async ({ toHub }) => {
      for (let n = 0; n < CUTS; n += 1) {
        board.cut();
        toHub.cut();
        await wait(1_000);
      }
    });
    expectUnharmed(outcome);
  });
});

onEachNats(() => {
  describe("two hubs on a cluster of NATS servers", () => {
    it("the leader is killed, and connections to the subscribers are cut: nobody notices", async () => {
      const servers = cleanups.add(await startCluster(), (all) => Promise.all(all.map((one) => one.stop())));
      const ports = servers.map(({ port }) => port);
      const connection = cleanups.add(await connectTo(...ports), (one) => one.close());
      const outcome = await publishThrough(
        {
          cleanups,
          log: natsLog(connection, { replicas: 3, deadlineMs: 30_000 }),
          deadlineMs: 30_000 + GRACE_MS,
          member: new URL("nats/member.mjs", import.meta.url),
          argument: ["tidings", 3, ...ports].join(" "),
        },
        async ({ acknowledged, toHub }) => {
          await (await leaderOf("tidings", servers, connection)).kill("SIGKILL");
          toHub.cut();
          await acknowledged(200);
        },
      );
      expectUnharmed(outcome);
    });
  });
});
