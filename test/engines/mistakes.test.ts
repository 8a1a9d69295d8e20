/**
 * What an application may get wrong with its server or its client: each is an error that names it and says what to do, before the
 * deadline has passed where waiting cannot help, and nothing is left open.
 */
import { createConnection, createServer, type AddressInfo } from "node:net";
import { spawn } from "node:child_process";
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { connect } from "@nats-io/transport-node";
import { Pool } from "pg";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "../../packages/tidings/src/log/log.ts";
import { natsLog } from "../../packages/tidings/src/log/nats/index.ts";
import { postgresLog } from "../../packages/tidings/src/log/postgres/index.ts";
import { redisLog } from "../../packages/tidings/src/log/redis/index.ts";
import { connectTo, natsProgram, startNats } from "./nats/server.ts";
import { Cleanups, draft, openForTest, retention } from "./support/opened-log.ts";
import { CLIENTS as POSTGRES_CLIENTS } from "./postgres/clients.ts";
import { startPostgres, type PostgresServer } from "./postgres/server.ts";
import { CLIENTS as REDIS_CLIENTS, withSubscriberAt } from "./redis/clients.ts";
import { freePort } from "../support/free-port.mjs";
import { startRedis, type RedisServer } from "./redis/server.ts";

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const LONG = { timeout: 20_000 };
const OPTIONS = { retention, onTail: () => undefined };
/** Longer than a test may take: what is to be said at once is not said because time is up. */
const PATIENT = { deadlineMs: 120_000 };

/** Expects that it is closed by `close()` although it was opening. */
async function expectClosedWhileOpening(log: Log): Promise<void> {
  const opening = log.open(OPTIONS);
  const closing = log.close();
  await expect(opening).rejects.toMatchObject({ name: "LogError", code: "closed" });
  await closing;
}

const failure = (message: RegExp) => ({
  name: "LogError",
  code: "failed",
  message: expect.stringMatching(message) as string,
});

describe("a log whose client connects to a port", () => {
  const web = async (): Promise<number> => {
    const server = cleanups.add(
      createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
      (one) => one.close(),
    );
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  const shorter = { deadlineMs: 500 };
  const logs: Record<string, (port: number) => Promise<Log>> = {
    Postgres: async (port) => {
      const { client } = cleanups.add(await POSTGRES_CLIENTS["pg"]!(port), (one) => one.close());
      return postgresLog(client, shorter);
    },
    Redis: async (port) => {
      const { client } = cleanups.add(await REDIS_CLIENTS["ioredis"]!(port), (one) => one.close());
      return redisLog(client, shorter);
    },
  };

  it.each(Object.keys(logs))(
    "asks whether a %s runs there, where nothing or something else does",
    async (name) => {
      for (const port of [await freePort(), await web()]) {
        const log = await logs[name]!(port);
        await expect(log.open(OPTIONS)).rejects.toMatchObject(
          failure(new RegExp(`no ${name} answered within 500 ms.*Does one run where the client connects to`)),
        );
        await log.close();
      }
    },
  );
});

describe.each(Object.keys(REDIS_CLIENTS))("redisLog() with %s", (name) => {
  const redis = async (...options: string[]): Promise<RedisServer> =>
    cleanups.add(await startRedis(...options), (server) => server.stop());
  const client = async (port: number) => cleanups.add(await REDIS_CLIENTS[name]!(port), (one) => one.close());

  it("says at once that its client is closed, before and after it was opened", async () => {
    const server = await redis();
    const [one, other] = [await client(server.port), await client(server.port)];
    const { log } = await openForTest(cleanups, redisLog(one.client, PATIENT));
    await log.append([draft("1")]);
    const unopened = redisLog(other.client, PATIENT);
    one.close();
    other.close();
    await expect(log.append([draft("2")])).rejects.toMatchObject(failure(/client is closed.*drained$/));
    await expect(log.head()).rejects.toMatchObject(failure(/client is closed/));
    await expect(unopened.open(OPTIONS)).rejects.toMatchObject(failure(/client is closed/));
    expect(() => redisLog(one.client)).toThrow(/client is (?:not open|closed), expected/);
  });

  it("is closed while it opens, and leaves no connection", async () => {
    const server = await redis();
    const connected = await client(server.port);
    const { log } = await openForTest(cleanups, redisLog(connected.client));
    await log.close();
    const count = async (): Promise<number> =>
      Number(/connected_clients:(\d+)/.exec(await server.command("INFO", "clients"))![1]);
    // The client itself, and its caller.
    await expect.poll(count, LONG).toBe(2);
    await expectClosedWhileOpening(redisLog(connected.client));
    await expect.poll(count, LONG).toBe(2);
  });

  it("asks for the primary where it has a replica", async () => {
    const server = await redis();
    const replica = await redis("--replicaof", "127.0.0.1", `${server.port}`);
    const { log } = await openForTest(cleanups, redisLog((await client(server.port)).client));
    await log.append([draft("1")]);
    await expect.poll(() => replica.command("EXISTS", "{tidings}:log"), LONG).toContain(":1");
    const other = redisLog((await client(replica.port)).client, { deadlineMs: 500 });
    const opened = other.open(OPTIONS).then(() => other.append([draft("2")]));
    await expect(opened).rejects.toMatchObject(failure(/READONLY.*Expected a client of the primary$/));
    await other.close();
  });

  it("expects another name where its keys hold something else", async () => {
    const server = await redis();
    await server.command("SET", "{taken}:log", "something");
    const log = redisLog((await client(server.port)).client, { ...PATIENT, name: "taken" });
    await expect(log.open(OPTIONS)).rejects.toMatchObject(
      failure(/\{taken\}:log is .*of another program\. Expected .*another name$/),
    );
    await log.close();
  });

  it("leaves alone what another program has under its name", async () => {
    const server = await redis();
    const { client: one } = await client(server.port);
    const add: Record<string, string[]> = {
      stream: ["XADD", "{stream}:entries", "*", "order", "7"],
      list: ["RPUSH", "{list}:entries", "order"],
      set: ["SADD", "{set}:lost", "order"],
    };
    for (const [name, words] of Object.entries(add)) {
      await server.command(...words);
      const log = redisLog(one, { ...PATIENT, name });
      await expect(log.open(OPTIONS)).rejects.toMatchObject(failure(/expected another name$/));
      await log.close();
      expect(await server.command("EXISTS", words[1]!)).toBe(":1\r\n");
    }
  });

  it.each(["", "a}b", "{a}", "\ud800", 7])("refuses the name %j", async (bad) => {
    const server = await redis();
    const { client: one } = await client(server.port);
    expect(() => redisLog(one, { name: bad as string })).toThrow(/name is .*, expected well-formed text/);
  });

  it("waits for another connection when that of its tail is given up while it follows", async () => {
    const server = await redis();
    const board = await cleanups.switchboard(server.port);
    const connected = await client(server.port);
    const { log, seen, states } = await openForTest(
      cleanups,
      redisLog(withSubscriberAt(connected.client, board.port)),
    );
    await log.follow!(["a"]);
    await log.append([draft("1")]);
    await expect.poll(() => seen()).toEqual(["1"]);
    board.hold(true);
    const following = log.follow!(["b"]);
    await expect.poll(() => states, LONG).toEqual(["interrupted"]);
    board.hold(false);
    const from = await following;
    await expect.poll(() => states, LONG).toEqual(["interrupted", "following"]);
    const { first } = await log.append([draft("2", "b")]);
    expect(first).toBeGreaterThan(from);
    await expect.poll(() => seen()).toEqual(["1", "2"]);
  });
});

describe("redisLog()", () => {
  it.each([
    ["ioredis", (options: { port: number }) => new Redis({ ...options, retryStrategy: () => null })],
    ["iovalkey", (options: { port: number }) => new Valkey({ ...options, retryStrategy: () => null })],
  ])("opens its tail again where the retryStrategy of %s gives up", async (_, make) => {
    const server = cleanups.add(await startRedis(), (one) => one.stop());
    const board = await cleanups.switchboard(server.port);
    const client = make({ port: server.port });
    cleanups.add(client, (one) => one.disconnect());
    const { log, seen, states } = await openForTest(cleanups, redisLog(withSubscriberAt(client, board.port)));
    await log.follow!(["a"]);
    await log.append([draft("1")]);
    await expect.poll(() => seen()).toEqual(["1"]);
    board.cut();
    await expect.poll(() => states, LONG).toEqual(["interrupted", "following"]);
    await log.append([draft("2")]);
    await expect.poll(() => seen()).toEqual(["1", "2"]);
  });

  it("says what Redis says to a wrong password", async () => {
    const server = cleanups.add(await startRedis(), (one) => one.stop());
    await server.command("CONFIG", "SET", "requirepass", "right");
    const client = new Redis({ port: server.port, host: "127.0.0.1", password: "wrong" });
    client.on("error", () => undefined);
    cleanups.add(client, (one) => one.disconnect());
    const log = redisLog(client, PATIENT);
    await expect(log.open(OPTIONS)).rejects.toMatchObject(failure(/WRONGPASS/));
    await log.close();
  });
});

describe.each(Object.keys(POSTGRES_CLIENTS))("postgresLog() with %s", (name) => {
  const postgres = async (): Promise<PostgresServer> =>
    cleanups.add(await startPostgres("fsync = off"), (server) => server.end());
  const client = async (port: number, database?: string) =>
    cleanups.add(await POSTGRES_CLIENTS[name]!(port, database), (one) => one.close());

  it("says at once that its client is closed", async () => {
    const server = await postgres();
    const one = await POSTGRES_CLIENTS[name]!(server.port);
    const { log } = await openForTest(cleanups, postgresLog(one.client, PATIENT));
    await log.append([draft("1")]);
    const unopened = postgresLog(one.client, PATIENT);
    const closing = one.close();
    await expect
      .poll(() => log.append([draft("2")]).catch(String), LONG)
      .toMatch(/client is closed.*drained$/);
    await expect(unopened.open(OPTIONS)).rejects.toMatchObject(failure(/client is closed/));
    await log.close();
    await closing;
  });

  it("is closed while it opens, with tables that are there", async () => {
    const server = await postgres();
    const { client: one } = await client(server.port);
    await (await openForTest(cleanups, postgresLog(one))).log.close();
    await expectClosedWhileOpening(postgresLog(one));
    const listening = "SELECT FROM pg_stat_activity WHERE query ILIKE 'listen%'";
    await expect.poll(() => server.sql(listening), LONG).toEqual([]);
  });

  it("asks for the primary where it has a replica, and where there is no log yet", async () => {
    const server = await postgres();
    await (await openForTest(cleanups, postgresLog((await client(server.port)).client))).log.close();
    const replica = cleanups.add(await server.replica(), (one) => one.end());
    const { client: other } = await client(replica.port);
    for (const table of ["tidings", "fresh"]) {
      const log = postgresLog(other, { table, deadlineMs: 3_000 });
      const message = /read-only transaction\). Expected connections to the primary that may write$/;
      await expect(log.open(OPTIONS)).rejects.toMatchObject(failure(message));
      await log.close();
    }
  });

  it("says that its tables or its database are not what they should be", async () => {
    const server = await postgres();
    const { client: one } = await client(server.port);
    await server.sql("CREATE TABLE taken_log (x int)");
    const taken = postgresLog(one, { ...PATIENT, table: "taken" });
    await expect(taken.open(OPTIONS)).rejects.toMatchObject(failure(/expected another table or schema$/));
    await taken.close();
    const missing = postgresLog((await client(server.port, "nowhere")).client, PATIENT);
    await expect(missing.open(OPTIONS)).rejects.toMatchObject(failure(/database "nowhere" does not exist/));
    await missing.close();
  });

  it.each(["log", "entries", "discarded", "lost", "keys", "producers", "outbox", "sweeps"])(
    "leaves alone what another program has as its table of %s",
    async (table) => {
      const server = await postgres();
      await server.sql(`CREATE TABLE film_${table} (x int); INSERT INTO film_${table} VALUES (1)`);
      const log = postgresLog((await client(server.port)).client, { ...PATIENT, table: "film" });
      await expect(log.open(OPTIONS)).rejects.toMatchObject(failure(/expected another table or schema$/));
      await log.close();
      expect(await server.sql(`SELECT x FROM film_${table}`)).toEqual([{ x: 1 }]);
    },
  );
});

describe("postgresLog()", () => {
  it("refuses a pool that was ended", async () => {
    const pool = new Pool({ host: "127.0.0.1", port: await freePort() });
    await pool.end();
    expect(() => postgresLog(pool)).toThrow(/the pool was ended, expected one that stays open/);
  });

  it("says which rights its role needs", async () => {
    const server = cleanups.add(await startPostgres("fsync = off"), (one) => one.end());
    const connected = cleanups.add(await POSTGRES_CLIENTS["pg"]!(server.port), (one) => one.close());
    await (await openForTest(cleanups, postgresLog(connected.client))).log.close();
    await server.sql("CREATE ROLE reader LOGIN");
    const pool = new Pool({ host: "127.0.0.1", port: server.port, user: "reader", database: "postgres" });
    cleanups.add(pool, (one) => one.end());
    const log = postgresLog(pool, PATIENT);
    const message = /permission denied for table tidings_log \(42501\). Grant its role/;
    await expect(log.open(OPTIONS)).rejects.toMatchObject(failure(message));
    await log.close();
  });
});

describe("natsLog()", () => {
  it("refuses options that JetStream would not understand", async () => {
    const server = cleanups.add(await startNats(), (one) => one.stop());
    const connection = cleanups.add(await connectTo(server.port), (one) => one.close());
    expect(() => natsLog(connection, { replicas: 2 as 1 })).toThrow("replicas is 2, expected 1 or 3 or 5");
    expect(() => natsLog(connection, { storage: "disk" as "file" })).toThrow(
      'storage is "disk", expected "file" or "memory"',
    );
    for (const bad of ["a b", "a.*", ">", "", "a..b", 7 as unknown as string]) {
      expect(() => natsLog(connection, { inboxPrefix: bad })).toThrow(
        /inboxPrefix is .*, expected a subject/,
      );
      expect(() => natsLog(connection, { apiPrefix: bad })).toThrow(/apiPrefix is .*, expected a subject/);
    }
    expect(() => natsLog(connection, { inboxPrefix: "_INBOX.mine", apiPrefix: "$JS.hub.API" })).not.toThrow();
  });

  it("says that the server has no JetStream", async () => {
    const port = await freePort();
    const child = spawn(natsProgram(), ["-a", "127.0.0.1", "-p", `${port}`], { stdio: "ignore" });
    cleanups.add(child, (one) => one.kill("SIGKILL"));
    await expect.poll(() => answers(port), LONG).toBe(true);
    const connection = cleanups.add(await connect({ servers: `127.0.0.1:${port}` }), (one) => one.close());
    const log = natsLog(connection, { deadlineMs: 500 });
    await expect(log.open(OPTIONS)).rejects.toMatchObject(failure(/Expected a server with JetStream/));
    await log.close();
  });

  it("says at once that its connection is closed, and is closed while it opens", async () => {
    const server = cleanups.add(await startNats(), (one) => one.stop());
    const connection = await connectTo(server.port);
    const { log } = await openForTest(cleanups, natsLog(connection, PATIENT));
    await expectClosedWhileOpening(natsLog(connection));
    const unopened = natsLog(connection, PATIENT);
    await connection.close();
    await expect(log.append([draft("1")])).rejects.toMatchObject(failure(/closed/));
    await expect(log.head()).rejects.toMatchObject(failure(/connection to NATS is closed/));
    await expect(unopened.open(OPTIONS)).rejects.toMatchObject(failure(/connection to NATS is closed/));
  });
});

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
