import { describe, expect, test, vi } from "vitest";

import { serve } from "../../../../../../test/support/serve.ts";
import { createWorld } from "../../../../../../test/support/client-world.ts";
import { connect, type ConnectOptions } from "../../connect.ts";
import { storedCursor } from "./cursor.ts";

function open(options: ConnectOptions = {}) {
  const world = createWorld();
  const data: string[] = [];
  const connection = connect("https://a.example/", {
    transport: world.transport,
    clock: world.clock,
    onMessage: (message) => void data.push(message.data),
    ...options,
  });
  return { world, connection, data };
}

/** A `sessionStorage` in memory. */
function createStorage(items: Record<string, string> = {}) {
  return {
    items,
    getItem: (key: string) => items[key] ?? null,
    setItem: (key: string, value: string) => {
      items[key] = value;
    },
  };
}

describe("a stored cursor", () => {
  test("survives a reload: the next page goes on where this one was", () => {
    const storage = createStorage();
    const before = open({ cursor: storedCursor(storage, "prices") });
    before.world.last.respond();
    void before.world.last.send("id: 8\ndata: x\n\n");
    const after = open({ cursor: storedCursor(storage, "prices") });
    expect(after.world.last.request.headers["last-event-id"]).toBe("8");
  });

  test("is waited for when the storage answers later, and closing meanwhile makes no request", async () => {
    const cursor = { get: () => Promise.resolve("8"), set() {} };
    const one = open({ cursor });
    expect([one.connection.state, one.world.attempts.length]).toEqual(["connecting", 0]);
    await one.world.settle();
    expect(one.world.last.request.headers["last-event-id"]).toBe("8");
    const two = open({ cursor });
    two.connection.close();
    await two.world.settle();
    expect(two.world.attempts).toHaveLength(0);
  });

  test("is stored when the message was handled, its promise included", async () => {
    const storage = createStorage();
    let done = () => {};
    const { world } = open({
      cursor: storedCursor(storage, "k"),
      onMessage: () =>
        new Promise<void>((resolve) => {
          done = resolve;
        }),
    });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 2\ndata: y\n\n");
    await world.settle();
    expect(storage.items).toEqual({});
    done();
    await world.settle();
    expect(storage.items).toEqual({ k: "1" });
    done();
    await world.settle();
    expect(storage.items).toEqual({ k: "2" });
  });

  test("is stored when the reader asks for the next message", async () => {
    const world = createWorld();
    const storage = createStorage();
    const connection = connect("https://a.example/", {
      transport: world.transport,
      clock: world.clock,
      cursor: storedCursor(storage, "k"),
    });
    const reader = connection[Symbol.asyncIterator]();
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 2\ndata: y\n\n");
    await reader.next();
    expect(storage.items).toEqual({});
    await reader.next();
    expect(storage.items).toEqual({ k: "1" });
  });

  test("is not stored while the reader has the message, however the chunks were cut", async () => {
    const storage = createStorage();
    const world = createWorld();
    const connection = connect("https://a.example/", {
      transport: world.transport,
      clock: world.clock,
      cursor: storedCursor(storage, "k"),
    });
    const reader = connection[Symbol.asyncIterator]();
    world.last.respond();
    const first = reader.next();
    void world.last.send("id: 1\ndata: x\n\n");
    void world.last.send(": heartbeat\n\n");
    expect((await first).value).toMatchObject({ id: "1" });
    void world.last.send("id: 2\n\n");
    expect(storage.items).toEqual({});
    void reader.next();
    expect(storage.items).toEqual({ k: "1" });
    void world.last.send(": heartbeat\n\n");
    expect(storage.items).toEqual({ k: "2" });
    connection.close();
  });

  test('is stored when the message was received, with ack: "received"', () => {
    const storage = createStorage();
    const { world } = open({
      cursor: storedCursor(storage, "k"),
      ack: "received",
      onMessage: () => new Promise(() => {}),
    });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 2\ndata: y\n\nid: 3\nda");
    expect(storage.items).toEqual({ k: "2" });
  });

  test("does not pass over a message whose handler failed: the connection gives up", async () => {
    const storage = createStorage();
    const { world, connection } = open({
      cursor: storedCursor(storage, "k"),
      onMessage: ({ id }) => (id === "2" ? Promise.reject(new Error("disk full")) : undefined),
    });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 2\ndata: y\n\nid: 3\ndata: z\n\n");
    expect(await connection.ended).toMatchObject({
      reason: "gave-up",
      cause: { code: "handler", message: "Cannot acknowledge message: its handler failed: Error: disk full" },
    });
    expect(storage.items).toEqual({ k: "1" });
  });

  test("moves with an id that no message carries", () => {
    const storage = createStorage();
    const { world, connection } = open({ cursor: storedCursor(storage, "k") });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 5\n\n");
    expect([connection.lastEventId, storage.items]).toEqual(["5", { k: "5" }]);
  });

  test("may be kept in a storage that refuses", () => {
    const refuse = (): never => {
      throw new Error("denied");
    };
    // As what `() => localStorage` does where a person has blocked it.
    for (const storage of [{ getItem: refuse, setItem: refuse }, refuse]) {
      const { world, data } = open({ cursor: storedCursor(storage, "k") });
      world.last.respond();
      void world.last.send("id: 1\ndata: x\n\n");
      expect(data).toEqual(["x"]);
    }
  });

  test.each<[string, unknown]>([
    ["a line break", "a\nb"],
    ["NUL", "a\0b"],
    ["a control character", "a\u001bb"],
    ["100 kB", "x".repeat(100_000)],
    ["a number", 7],
    ["an object", { id: "7" }],
  ])("that holds %s is as good as none, and is stored over", async (_what, held) => {
    const asked: unknown[] = [];
    const url = await serve((request, response) => {
      asked.push(request.headers["last-event-id"]);
      response.writeHead(200, { "content-type": "text/event-stream" }).end("id: 8\ndata: x\n\n");
    });
    const stored = [held as string];
    for (const get of [() => held, () => Promise.resolve(held)]) {
      const cursor = { get: get as () => string, set: (id: string) => void stored.push(id) };
      const connection = connect(url, { cursor });
      for await (const { data } of connection) {
        expect(data).toBe("x");
        connection.close();
      }
      expect(stored.at(-1)).toBe("8");
    }
    expect(asked).toEqual([undefined, undefined]);
  });

  test.each(["a b", "é信", "a\tb", "x".repeat(2_048)])(
    "that holds what can be sent is sent: %s",
    async (held) => {
      const asked: unknown[] = [];
      const url = await serve((request, response) => {
        asked.push(Buffer.from(String(request.headers["last-event-id"]), "latin1").toString());
        response.writeHead(204).end();
      });
      await connect(url, { cursor: { get: () => held, set() {} } }).ended;
      expect(asked).toEqual([held]);
    },
  );

  test.each<[string, () => Promise<never>, unknown[][]]>([
    ["never settles", () => new Promise(() => {}), []],
    // What it rejects with is no cursor, and is told of.
    ["rejects", () => Promise.reject("8"), [["8"]]],
  ])("is not waited for longer than ten seconds when its storage %s", async (_how, get, reports) => {
    const uncaught = vi.fn();
    vi.stubGlobal("reportError", uncaught);
    const { world, connection } = open({ cursor: { get, set() {} } });
    await world.advance(10_000);
    expect(world.last.request.headers).not.toHaveProperty("last-event-id");
    connection.close();
    expect(world.timers).toBe(0);
    expect(uncaught.mock.calls).toEqual(reports);
    vi.unstubAllGlobals();
  });

  test("leaves no timer behind when its storage never settles and the connection is closed", () => {
    const { world, connection } = open({ cursor: { get: () => new Promise(() => {}), set() {} } });
    expect(world.timers).toBe(1);
    connection.close();
    expect([world.timers, world.attempts.length]).toEqual([0, 0]);
  });

  test("lets a POST be continued, since who keeps a cursor has said that it can be", async () => {
    const { world } = open({ method: "POST", cursor: storedCursor(createStorage(), "k") });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\n");
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request.headers["last-event-id"]).toBe("1");
  });
});

describe("lastEventId", () => {
  test("is that of the last message handed over when a handler closes in the middle of a chunk", () => {
    const { world, connection } = open({ onMessage: ({ id }) => id === "2" && connection.close() });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 2\ndata: y\n\nid: 3\ndata: z\n\n");
    expect(connection.lastEventId).toBe("2");
  });

  test("is that of the last message that a reader took, though more of the chunk came", async () => {
    const world = createWorld();
    const connection = connect("https://a.example/", { transport: world.transport, clock: world.clock });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 2\ndata: y\n\nid: 3\ndata: z\n\n");
    const reader = connection[Symbol.asyncIterator]();
    const seen = [connection.lastEventId];
    for (let n = 0; n < 2; n++) {
      const { value } = await reader.next();
      seen.push(`${value?.id}`, connection.lastEventId);
    }
    await reader.return!();
    expect([...seen, connection.lastEventId]).toEqual(["", "1", "1", "2", "2", "2"]);
  });

  test("is not what a program asks from that has more than its reader took", async () => {
    const { world, connection } = open({ onMessage: () => new Promise(() => {}), whenHidden: "pause" });
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 2\ndata: y\n\n");
    world.signals!.onHide();
    world.signals!.onShow(false);
    await world.advance(1000);
    expect([connection.lastEventId, world.last.request.headers["last-event-id"]]).toEqual(["1", "2"]);
  });

  test("does not move with a message that was cut off", async () => {
    const { world } = open();
    world.last.respond();
    void world.last.send("id: 1\ndata: x\n\nid: 2\ndata: y\n");
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request.headers["last-event-id"]).toBe("1");
  });
});
