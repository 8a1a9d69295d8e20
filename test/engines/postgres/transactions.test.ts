/** Messages that are published within a transaction of the application: there if and only if it commits. */
import type { Pool } from "pg";
import type { Sql } from "postgres";
import { afterEach, beforeAll, afterAll, describe, expect, it } from "vitest";
import { memoryLog } from "../../../packages/tidings/src/log/index.ts";
import { createHub, type Hub } from "../../../packages/tidings/src/server/index.ts";
import { postgresLog } from "../../../packages/tidings/src/log/postgres/index.ts";
import { CLIENTS, type TestClient } from "./clients.ts";
import { Cleanups } from "./opened.ts";
import { startPostgres, type PostgresServer } from "./server.ts";

let server: PostgresServer;
let logs = 0;
beforeAll(async () => void (server = await startPostgres("fsync = off")));
afterAll(() => server.end());
const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface World extends TestClient {
  readonly hub: Hub;
  readonly table: string;
  /** A hub of another process, and what one of its streams got. */
  readonly elsewhere: () => readonly string[];
}

async function openWorld(
  clientName: string,
  onError: (error: unknown) => void = console.error,
): Promise<World> {
  const table = `log_${(logs += 1)}`;
  const one = await cleanups.client(clientName, server.port);
  const other = await cleanups.client(clientName, server.port);
  const [hub, elsewhere] = [one, other].map(({ client }) =>
    cleanups.add(createHub({ log: postgresLog(client, { table }), onError }), (created) =>
      created.drain({ overMs: 0, graceMs: 100 }),
    ),
  ) as [Hub, Hub];
  const response = await elsewhere.respond(new Request("http://127.0.0.1/"), { topics: [{ pattern: "*" }] });
  let text = "";
  void (async () => {
    for await (const bytes of response.body!) text += new TextDecoder().decode(bytes);
  })().catch(() => undefined);
  return {
    ...one,
    hub,
    table,
    elsewhere: () => [...text.matchAll(/^data: (?<data>.*)$/gm)].map((match) => match.groups!["data"]!),
  };
}

describe.each(Object.keys(CLIENTS))("hub.publish in a transaction of %s", (client) => {
  it("publishes what is committed, with what the transaction wrote, and nothing of what is rolled back", async () => {
    const { hub, transaction, elsewhere } = await openWorld(client);
    await expect(
      transaction(async (tx) => {
        expect(await hub.publish("orders", { data: "undone" }, { transaction: tx as object })).toBe(
          undefined,
        );
        throw new Error("the order is refused");
      }),
    ).rejects.toThrow("the order is refused");
    await transaction(async (tx) => {
      await hub.publish("orders", { data: "done" }, { transaction: tx as object });
      // What is published by itself does not wait for the transaction.
      await hub.publish("orders", { data: "meanwhile" });
      await expect.poll(elsewhere).toEqual(["meanwhile"]);
    });
    await expect.poll(elsewhere).toEqual(["meanwhile", "done"]);
    const { id } = await hub.publish("orders", { data: "later" });
    // Offsets have no holes.
    expect(id).toMatch(/\.3$/);
  });

  it("gives offsets in the order of the commits, without holes, and keeps what was published together together", async () => {
    const { hub, transaction, elsewhere } = await openWorld(client);
    const begun: (() => void)[] = [];
    const committed = ["a", "b", "c"].map((name, i) =>
      transaction(async (tx) => {
        const messages = [1, 2].map((n) => ({ topic: "orders", data: `${name}${n}` }));
        await hub.publish(messages, { transaction: tx as object });
        await new Promise<void>((commit) => (begun[i] = commit));
      }),
    );
    await expect.poll(() => begun.filter(Boolean).length).toBe(3);
    for (const i of [2, 0, 1]) {
      begun[i]!();
      await committed[i];
      const names = ["c", "a", "b"].slice(0, [2, 0, 1].indexOf(i) + 1);
      await expect.poll(elsewhere).toEqual(names.flatMap((name) => [`${name}1`, `${name}2`]));
    }
    expect((await hub.publish("orders", { data: "last" })).id).toMatch(/\.7$/);
  });

  it("publishes once for one idempotency key, in a transaction or without", async () => {
    const { hub, transaction, elsewhere } = await openWorld(client);
    const once = { idempotencyKey: "order 7" };
    await transaction((tx) => hub.publish("orders", { data: "1" }, { ...once, transaction: tx as object }));
    await transaction((tx) => hub.publish("orders", { data: "1" }, { ...once, transaction: tx as object }));
    await expect.poll(elsewhere).toEqual(["1"]);
    expect(await hub.publish("orders", { data: "1" }, once)).toMatchObject({ repeated: true });
    await hub.publish("orders", { data: "2" });
    await expect.poll(elsewhere).toEqual(["1", "2"]);
  });
});

describe("hub.publish in a transaction", () => {
  it("takes a function that runs a statement, for what wraps a client", async () => {
    const { hub, transaction, elsewhere } = await openWorld("pg");
    await transaction(async (tx) => {
      const run = (text: string, values: string[]) =>
        (tx as { query(text: string, values: string[]): Promise<unknown> }).query(text, values);
      await hub.publish("orders", { data: "1", key: "a\0b\\0" }, { transaction: run });
    });
    await expect.poll(elsewhere).toEqual(["1"]);
  });

  it("drops and reports what is no message in the outbox, and goes on with what is behind it", async () => {
    const errors: string[] = [];
    const { hub, table, transaction, elsewhere } = await openWorld("pg", (error) =>
      errors.push((error as Error).message),
    );
    await transaction(async (tx) => {
      const run = (text: string, values: string[]) =>
        (tx as { query(text: string, values: string[]): Promise<unknown> }).query(text, values);
      for (const drafts of ["{", '{"parts":1}', '{"parts":[{"messages":"many","bytes":1}]}', "{}"]) {
        await run(`INSERT INTO ${table}_outbox (drafts, bodies) VALUES ($1, '')`, [drafts]);
      }
      await hub.publish("orders", { data: "behind" }, { transaction: run });
    });
    await expect.poll(elsewhere).toEqual(["behind"]);
    await expect.poll(() => errors.length).toBeGreaterThan(2);
    expect(errors.join("\n")).toMatch(
      /what a transaction published is no message, and was dropped \(outbox 1: /,
    );
  });

  it("a key with half of a surrogate pair is stored and read as it is, in a transaction or without", async () => {
    const { client, transaction } = await cleanups.client("pg", server.port);
    const log = postgresLog(client, { table: `log_${(logs += 1)}` });
    const retention = { messages: 10, bytes: 1e6, ageMs: Infinity };
    await log.open({ retention, onTail: () => undefined });
    const drafts = ["\ud800", "\\ud800", "a\0\\0"].map((key) => ({
      topic: "a",
      key,
      body: new Uint8Array([1]),
    }));
    await log.append(drafts);
    await transaction((tx) => log.enlist!(tx, drafts));
    const read = async () => {
      const topics = { exact: ["a"], matches: (topic: string) => topic === "a" };
      const page = await log.read({ topics, after: 0, maxMessages: 10, maxBytes: 1e6 });
      return page.entries.map(({ key }) => key);
    };
    await expect.poll(read).toEqual([...drafts, ...drafts].map(({ key }) => key));
    await log.close();
  });

  it.each(Object.keys(CLIENTS))(
    "refuses a connection of %s on which no transaction has begun",
    async (name) => {
      const { hub, client, transaction, elsewhere } = await openWorld(name);
      const publish = (tx: object, data: string): Promise<void> =>
        hub.publish("orders", { data }, { transaction: tx });
      const lent = name === "pg" ? await (client as Pool).connect() : await (client as Sql).reserve();
      try {
        const run = async (text: string): Promise<unknown> =>
          "query" in lent ? lent.query(text) : lent.unsafe(text);
        await expect(publish(lent, "without")).rejects.toThrow(
          /there is no transaction, expected BEGIN before/,
        );
        await run("BEGIN");
        await publish(lent, "1");
        await run("SAVEPOINT one");
        await publish(lent, "undone");
        await run("ROLLBACK TO one");
        // Two at once.
        await Promise.all([publish(lent, "2"), publish(lent, "3")]);
        await run("COMMIT");
        await expect(publish(lent, "too late")).rejects.toThrow(/there is no transaction/);
      } finally {
        lent.release();
      }
      await transaction((tx) => publish(tx as object, "4"));
      await expect.poll(elsewhere).toEqual(["1", "2", "3", "4"]);
    },
  );

  it("refuses what is no transaction, and a hub whose log takes none", async () => {
    const { hub, client, elsewhere } = await openWorld("pg");
    const publish = (transaction: object): Promise<void> =>
      hub.publish("orders", { data: "1" }, { transaction });
    await expect(publish(client as object)).rejects.toThrow(/transaction is a pool/);
    await expect(publish({})).rejects.toThrow(/transaction is unknown/);
    const other = createHub({ log: memoryLog() });
    await expect(other.publish("orders", { data: "1" }, { transaction: {} })).rejects.toThrow(
      /does not support transactions/,
    );
    await other.drain();
    expect(elsewhere()).toEqual([]);
  });
});
