/** Clients of more than one server: what is reached through Sentinel works, and what does not is named with what to do. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { Cluster as ValkeyCluster, Redis as Valkey } from "iovalkey";
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import { afterEach, describe, expect, it } from "vitest";
import { redisLog, type RedisClient } from "../../../packages/tidings/src/log/redis/index.ts";
import { Cleanups, draft, openForTest, readAll, textOf } from "../support/opened-log.ts";
import { freePort } from "../../support/free-port.mjs";
import { startRedis } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const LONG = { timeout: 40_000 };

/** Has one sentinel look after a primary. @returns Its port. */
async function startSentinel(primary: number): Promise<number> {
  const folder = cleanups.add(mkdtempSync(join(tmpdir(), "tidings-sentinel-")), (path) =>
    rmSync(path, { recursive: true, force: true }),
  );
  const port = await freePort();
  const configuration = join(folder, "sentinel.conf");
  writeFileSync(
    configuration,
    [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${primary} 1`,
      "sentinel down-after-milliseconds main 500",
      "sentinel failover-timeout main 2000",
      "",
    ].join("\n"),
  );
  const child = spawn("redis-server", [configuration, "--sentinel"], { stdio: "ignore" });
  cleanups.add(child, async (one) => {
    const over = once(one, "exit");
    one.kill("SIGKILL");
    await over;
  });
  return port;
}

const at = (...ports: number[]) => ({
  sentinels: ports.map((port) => ({ host: "127.0.0.1", port })),
  name: "main",
});

describe.each([
  ["ioredis", (...ports: number[]) => new Redis(at(...ports))],
  ["iovalkey", (...ports: number[]) => new Valkey(at(...ports))],
] as const)("redisLog() with %s and Sentinel", (_, connectTo) => {
  it("goes on with the replica that takes over", async () => {
    const quick = ["--repl-diskless-sync-delay", "0"];
    const primary = cleanups.add(await startRedis(...quick), (one) => one.stop());
    const replica = cleanups.add(
      await startRedis(...quick, "--replicaof", "127.0.0.1", `${primary.port}`),
      (one) => one.stop(),
    );
    const port = await startSentinel(primary.port);
    const client = cleanups.add(connectTo(port), (one) => one.disconnect());
    client.on("error", () => undefined);
    const { log, seen, states } = await openForTest(cleanups, redisLog(client));
    await log.follow!(["a"]);
    const { first } = await log.append([draft("before")]);
    await expect.poll(() => seen()).toEqual(["before"]);
    await expect.poll(() => replica.command("XLEN", "{tidings}:entries"), LONG).toContain(":1");
    await expect.poll(() => client.role().then(([role]) => role), LONG).toBe("master");
    // Sentinel has to know of the replica.
    const sentinel = new Redis(port, "127.0.0.1");
    cleanups.add(sentinel, (one) => one.disconnect());
    await expect
      .poll(async () => ((await sentinel.call("SENTINEL", "REPLICAS", "main")) as unknown[]).length, LONG)
      .toBe(1);
    await primary.kill("SIGKILL");
    const append = () => log.append([draft("after")], { idempotencyKey: "after" }).catch(() => undefined);
    await expect.poll(async () => (await append())?.first, LONG).toBeGreaterThan(first);
    await expect.poll(() => states.at(-1), LONG).toBe("following");
    await log.append([draft("last")]);
    await expect.poll(() => seen().at(-1), LONG).toBe("last");
    expect((await readAll(log)).entries.map(textOf).slice(-2)).toEqual(["after", "last"]);
  }, 120_000);

  it("has its tail ask the next sentinel when the first two are silent", async () => {
    const primary = cleanups.add(await startRedis(), (one) => one.stop());
    const port = await startSentinel(primary.port);
    const first = await cleanups.switchboard(port);
    const second = await cleanups.switchboard(port);
    const client = cleanups.add(connectTo(first.port, second.port, port), (one) => one.disconnect());
    client.on("error", () => undefined);
    await expect.poll(() => client.status, LONG).toBe("ready");
    first.hold(true);
    second.hold(true);
    const { log, seen } = await openForTest(cleanups, redisLog(client, { deadlineMs: 30_000 }));
    await log.follow!(["a"]);
    await log.append([draft("1")]);
    await expect.poll(() => seen()).toEqual(["1"]);
  }, 60_000);
});

describe("redisLog()", () => {
  it("says what to use in place of a client of a whole cluster", async () => {
    const server = cleanups.add(
      await startRedis("--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`),
      (one) => one.stop(),
    );
    expect(await server.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")).toContain("OK");
    await expect.poll(() => server.command("CLUSTER", "INFO"), LONG).toContain("cluster_state:ok");
    const node = { host: "127.0.0.1", port: server.port };
    const nodeRedis = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${server.port}` }] });
    cleanups.add(await nodeRedis.connect(), (one) => one.destroy());
    for (const client of [
      nodeRedis,
      cleanups.add(new Cluster([node]), (one) => one.disconnect()),
      cleanups.add(new ValkeyCluster([node]), (one) => one.disconnect()),
    ]) {
      expect(() => redisLog(client as unknown as RedisClient)).toThrow(
        /client is of a whole Redis Cluster, expected a client of the one server/,
      );
    }
  });

  it("says what to use in place of a client of createSentinel(), of createClientPool() and of legacy()", async () => {
    const server = cleanups.add(await startRedis(), (one) => one.stop());
    const port = await startSentinel(server.port);
    const sentinel = createSentinel({ name: "main", sentinelRootNodes: [{ host: "127.0.0.1", port }] });
    sentinel.on("error", () => undefined);
    expect(() => redisLog(sentinel as unknown as RedisClient)).toThrow(
      /client is of createSentinel\(\).*expected new Redis\(\{ sentinels, name \}\) of ioredis/,
    );
    const pool = createClientPool({ url: `redis://127.0.0.1:${server.port}` });
    await pool.connect();
    cleanups.add(pool, (one) => one.destroy());
    const legacy = createClient({ url: `redis://127.0.0.1:${server.port}` }).legacy();
    for (const client of [pool, legacy]) {
      expect(() => redisLog(client as unknown as RedisClient)).toThrow(
        /of createClientPool\(\) or legacy\(\), expected one of createClient\(\)/,
      );
    }
  });
});
