/** A cluster of three Redis servers, with a log and a hub for each: `partitionOf` chooses by topic. */
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { redisLog } from "../../../packages/tidings/src/log/redis/index.ts";
import { createHub, type Hub } from "../../../packages/tidings/src/server/index.ts";
import { Cleanups } from "../support/opened-log.ts";
import { CLIENTS } from "./clients.ts";
import { freePort } from "../../support/free-port.mjs";
import { startRedis, type RedisServer } from "./server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const SLOTS = 16_384;
const NODES = 3;
const LONG = { timeout: 30_000 };

/** The same in every process, whatever else they are. */
function partitionOf(topic: string): number {
  return createHash("sha256").update(topic).digest().readUInt32BE() % NODES;
}

/** Servers that share the slots of one cluster: what is not a server's own it refuses with MOVED. */
async function startCluster(): Promise<readonly RedisServer[]> {
  const servers: RedisServer[] = [];
  for (let n = 0; n < NODES; n += 1) {
    const server = await startRedis("--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`);
    cleanups.add(server, (one) => one.stop());
    servers.push(server);
    const [from, to] = [Math.ceil((n * SLOTS) / NODES), Math.ceil(((n + 1) * SLOTS) / NODES) - 1];
    expect(await server.command("CLUSTER", "ADDSLOTSRANGE", `${from}`, `${to}`)).toContain("OK");
    // A part of the cluster works when another one is gone.
    await server.command("CONFIG", "SET", "cluster-require-full-coverage", "no");
  }
  const [first] = servers as [RedisServer];
  for (const server of servers.slice(1)) {
    const [, bus] = /(\d+)\r\n$/.exec(await server.command("CONFIG", "GET", "cluster-port"))!;
    expect(await first.command("CLUSTER", "MEET", "127.0.0.1", `${server.port}`, bus!)).toContain("OK");
  }
  for (const server of servers) {
    await expect.poll(() => server.command("CLUSTER", "INFO"), LONG).toContain("cluster_known_nodes:3");
    await expect.poll(() => server.command("CLUSTER", "INFO"), LONG).toContain("cluster_state:ok");
    // It may not know yet which slots the others have, and be content without.
    await expect
      .poll(() => server.command("CLUSTER", "INFO"), LONG)
      .toContain(`cluster_slots_assigned:${SLOTS}`);
  }
  return servers;
}

/** A name whose keys and channels lie on this server. */
async function nameOn(server: RedisServer): Promise<string> {
  for (let n = 0; ; n += 1) {
    const reply = await server.command("SET", `{log-${n}}:probe`, "x");
    if (reply.startsWith("+OK")) return `log-${n}`;
    expect(reply).toContain("MOVED");
  }
}

async function hubOn(server: RedisServer, client: string): Promise<Hub> {
  const connected = await CLIENTS[client]!(server.port);
  cleanups.add(connected, (one) => one.close());
  const log = redisLog(connected.client, { name: await nameOn(server), deadlineMs: 2_000 });
  const hub = createHub({ log, onError: () => undefined });
  cleanups.add(hub, (one) => one.drain({ overMs: 0, graceMs: 100 }));
  return hub;
}

async function subscribe(hub: Hub, topics: string[]): Promise<() => string[]> {
  const response = await hub.respond(new Request("http://127.0.0.1/"), { topics });
  let text = "";
  void (async () => {
    for await (const bytes of response.body!) text += new TextDecoder().decode(bytes);
  })().catch(() => undefined);
  return () => (text.match(/^data: .*$/gm) ?? []).map((line) => line.slice(6));
}

describe.each(Object.keys(CLIENTS))("redisLog() with %s on a cluster", (client) => {
  it("spreads topics over the servers, and one that is gone stops its own topics alone", async () => {
    const servers = await startCluster();
    const hubs = await Promise.all(servers.map((server) => hubOn(server, client)));
    // Another process.
    const others = await Promise.all(servers.map((server) => hubOn(server, client)));
    const topics = Array.from({ length: 60 }, (_, n) => `user/${n}`);
    const partitions = hubs.map((_, n) => topics.filter((topic) => partitionOf(topic) === n));
    for (const partition of partitions) expect(partition.length).toBeGreaterThan(5);
    const seen = await Promise.all(others.map((hub, n) => subscribe(hub, partitions[n]!)));
    const publish = (topic: string, data: string) => hubs[partitionOf(topic)]!.publish(topic, { data });
    for (const topic of topics) await publish(topic, topic);
    for (const [n, partition] of partitions.entries()) {
      await expect.poll(() => seen[n]!()).toEqual(partition);
    }
    await servers[1]!.kill("SIGKILL");
    const refused = publish(partitions[1]![0]!, "lost").then(
      () => undefined,
      (error: unknown) => error,
    );
    for (const n of [0, 2]) {
      await publish(partitions[n]![0]!, "while one is gone");
      await expect.poll(() => seen[n]!().at(-1)).toBe("while one is gone");
    }
    expect(await refused).toMatchObject({ code: "failed" });
  });
});
