/** Real processes on one log, killed at random. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeSharedLog } from "tidings/log/contract";
import { afterAll, beforeAll, describe, it } from "vitest";
import { onEachNats, startCluster, startNats, type NatsServer } from "./nats/server.ts";
import { CLIENTS as POSTGRES_CLIENTS } from "./postgres/clients.ts";
import { startPostgres, type PostgresServer } from "./postgres/server.ts";
import { CLIENTS as REDIS_CLIENTS } from "./redis/clients.ts";
import { startRedis, type RedisServer } from "./redis/server.ts";

describeSharedLog(
  "lmdbLog()",
  {
    module: new URL("./lmdb/member.mjs", import.meta.url),
    prepare: async () => {
      const path = mkdtempSync(join(tmpdir(), "tidings-shared-"));
      return { argument: path, dispose: () => rmSync(path, { recursive: true, force: true }) };
    },
  },
  { describe, it },
);

describe("with a Redis", () => {
  let server: RedisServer;
  let logs = 0;
  beforeAll(async () => void (server = await startRedis()));
  afterAll(() => server.stop());

  for (const client of Object.keys(REDIS_CLIENTS)) {
    describeSharedLog(
      `redisLog() with ${client}`,
      {
        module: new URL("./redis/member.mjs", import.meta.url),
        prepare: async () => ({ argument: `${server.port} log-${(logs += 1)} ${client}` }),
      },
      { describe, it },
    );
  }
});

onEachNats(() => {
  describe("with a NATS server", () => {
    let server: NatsServer;
    let logs = 0;
    beforeAll(async () => void (server = await startNats()));
    afterAll(() => server.stop());

    describeSharedLog(
      "natsLog()",
      {
        module: new URL("./nats/member.mjs", import.meta.url),
        prepare: async () => ({ argument: `log-${(logs += 1)} 1 ${server.port}` }),
      },
      { describe, it, exactLosses: false },
    );
  });

  describe("with a cluster of three NATS servers", () => {
    let servers: readonly NatsServer[];
    let logs = 0;
    beforeAll(async () => void (servers = await startCluster()), 60_000);
    afterAll(() => Promise.all(servers.map((server) => server.stop())));

    describeSharedLog(
      "natsLog() with three copies",
      {
        module: new URL("./nats/member.mjs", import.meta.url),
        prepare: async () => ({
          argument: [`log-${(logs += 1)}`, 3, ...servers.map(({ port }) => port)].join(" "),
        }),
      },
      { describe, it, exactLosses: false },
    );
  });
});

describe("with a Postgres", () => {
  let server: PostgresServer;
  let logs = 0;
  beforeAll(async () => void (server = await startPostgres()));
  afterAll(() => server.end());

  for (const client of Object.keys(POSTGRES_CLIENTS)) {
    describeSharedLog(
      `postgresLog() with ${client}`,
      {
        module: new URL("./postgres/member.mjs", import.meta.url),
        prepare: async () => ({ argument: `${server.port} log_${(logs += 1)} ${client}` }),
      },
      { describe, it },
    );
  }
});
