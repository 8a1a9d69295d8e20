/** hub.read() over a log that two hubs share: what one publishes, the other reads, from a cursor on, without a connection. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import type { Log } from "tidings/log";
import { lmdbLog } from "tidings/log/lmdb";
import { natsLog } from "tidings/log/nats";
import { postgresLog } from "tidings/log/postgres";
import { redisLog } from "tidings/log/redis";
import { createHub } from "tidings/server";
import { afterEach, describe, expect, it } from "vitest";
import { connectTo, startNats } from "./nats/server.ts";
import { CLIENTS as POSTGRES_CLIENTS } from "./postgres/clients.ts";
import { startPostgres } from "./postgres/server.ts";
import { CLIENTS as REDIS_CLIENTS } from "./redis/clients.ts";
import { startRedis } from "./redis/server.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

/** Each returns what opens the log once more, as another process would do. */
const engines: Record<string, () => Promise<() => Promise<Log>>> = {
  async LMDB() {
    const path = await mkdtemp(join(tmpdir(), "tidings-read-"));
    closers.push(() => rm(path, { recursive: true, force: true }));
    const environment = open({ path, overlappingSync: false, eventTurnBatching: false });
    closers.push(() => environment.close());
    return async () => lmdbLog(environment);
  },
  async Redis() {
    const server = await startRedis();
    closers.push(() => server.stop());
    return async () => {
      const connected = await REDIS_CLIENTS["node-redis"]!(server.port);
      closers.push(() => connected.close());
      return redisLog(connected.client);
    };
  },
  async Postgres() {
    const server = await startPostgres();
    closers.push(() => server.end());
    return async () => {
      const connected = await POSTGRES_CLIENTS["pg"]!(server.port);
      closers.push(() => connected.close());
      return postgresLog(connected.client);
    };
  },
  async NATS() {
    const server = await startNats();
    closers.push(() => server.stop());
    return async () => {
      const connection = await connectTo(server.port);
      closers.push(() => connection.close());
      return natsLog(connection);
    };
  },
};

describe.each(Object.entries(engines))("hub.read() over %s", (_name, start) => {
  it("reads what another hub publishes, from a cursor on and as it comes", async () => {
    const openLog = await start();
    const [here, there] = [createHub({ log: await openLog() }), createHub({ log: await openLog() })];
    closers.push(() => Promise.all([here, there].map((hub) => hub.drain({ overMs: 0 }))));
    const { id } = await here.publish("book/1", { data: "0" });
    await here.publish("other", { data: "not this" });
    await here.publish("book/2", { data: "1" });
    const seen: [string, string][] = [];
    let last = "";
    const topics = [{ pattern: "book/:id" }];
    for await (const message of there.read({ topics, after: id })) {
      seen.push([message.topic, message.data]);
      last = message.id;
      if (seen.length === 4) break;
      await here.publish(`book/${seen.length + 2}`, { data: `${seen.length + 1}` });
    }
    expect(seen).toEqual([1, 2, 3, 4].map((n) => [`book/${n + 1}`, `${n}`]));
    await here.publish("book/9", { data: "9" });
    for await (const { topic, data } of there.read({ topics, after: last })) {
      expect([topic, data]).toEqual(["book/9", "9"]);
      break;
    }
  });
});
