import { describe, expect, expectTypeOf, test } from "vitest";

import { createWorld } from "../../../../../../test/support/client-world.ts";
import { connect } from "../../connect.ts";
import type { Schema, SchemaResult } from "../../../wire/contract.ts";
import type { DecodedMessage } from "./json.ts";
import type { EventStreamError } from "../../core/event-stream-error.ts";

/** A Standard Schema by hand, as any library's is. */
function schema<Output>(
  check: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>,
): Schema<Output> {
  return { "~standard": { version: 1, vendor: "test", validate: check } };
}

const price = schema<{ bid: number }>((value) =>
  typeof (value as { bid?: unknown } | null)?.bid === "number"
    ? { value: value as { bid: number } }
    : { issues: [{ message: "bid must be a number" }] },
);
const text = schema<string>((value) =>
  typeof value === "string" ? { value } : { issues: [{ message: "not a string" }] },
);

function world(invalid?: "skip" | "emit" | "throw") {
  const scripted = createWorld();
  const errors: EventStreamError[] = [];
  const connection = connect("https://a.example/", {
    transport: scripted.transport,
    clock: scripted.clock,
    events: { price, text },
    onError: (error) => void errors.push(error),
    ...(invalid && { invalid }),
  });
  scripted.last.respond();
  return { connection, errors, last: scripted.last, settle: () => scripted.settle() };
}

describe("events", () => {
  test("are decoded, checked and typed by their schemas", async () => {
    const { connection, last, settle } = world();
    const seen: unknown[] = [];
    connection.on("price", (message) => {
      expectTypeOf(message.data).toEqualTypeOf<{ bid: number }>();
      seen.push(message);
    });
    connection.on("text", (message) => {
      expectTypeOf(message.data).toEqualTypeOf<string>();
      seen.push(message.data);
    });
    // @ts-expect-error -- The map has no such event type.
    connection.on("prize", () => {});
    void last.send(
      'event: price\nid: 1\ndata: {"bid":1}\n\nevent: text\ndata: as it came\n\nevent: text\ndata: 12\n\n',
    );
    await settle();
    expect(seen).toEqual([{ event: "price", data: { bid: 1 }, id: "1" }, "as it came", "12"]);
  });

  test("whose schema is asynchronous and refuses after close() call nothing any more", async () => {
    const scripted = createWorld();
    const errors: unknown[] = [];
    let refuse = () => {};
    const slow = schema<string>(
      () => new Promise((resolve) => (refuse = () => resolve({ issues: [{ message: "no" }] }))),
    );
    const connection = connect("https://a.example/", {
      transport: scripted.transport,
      clock: scripted.clock,
      events: { slow },
      onMessage() {},
      onError: (error) => void errors.push(error),
    });
    scripted.last.respond();
    void scripted.last.send("event: slow\ndata: x\n\n");
    await scripted.settle();
    connection.close();
    refuse();
    await scripted.settle();
    expect(errors).toEqual([]);
  });

  test("are a union in for await, told apart by event", async () => {
    const { connection, last } = world();
    void last.send('event: price\ndata: {"bid":1}\n\n');
    for await (const message of connection) {
      if (message.event === "price") expectTypeOf(message.data).toEqualTypeOf<{ bid: number }>();
      else expectTypeOf(message.data).toEqualTypeOf<string>();
      expect(message.data).toEqual({ bid: 1 });
      break;
    }
  });

  test("of other types are passed over, toString among them", async () => {
    const { connection, last, errors, settle } = world();
    const seen: string[] = [];
    connection.on("price", ({ event }) => seen.push(event));
    void last.send('event: halt\ndata: 1\n\nevent: toString\ndata: 1\n\nevent: price\ndata: {"bid":1}\n\n');
    await settle();
    expect([seen, errors]).toEqual([["price"], []]);
  });

  test("that are invalid are skipped, and said", async () => {
    const { connection, last, errors, settle } = world();
    const seen: unknown[] = [];
    connection.on("price", ({ data }) => seen.push(data));
    void last.send(
      'event: price\ndata: {"bid":"1"}\n\nevent: price\ndata: {bid\n\nevent: price\ndata: {"bid":2}\n\n',
    );
    await settle();
    expect(seen).toEqual([{ bid: 2 }]);
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ["invalid", 'Cannot take message "price": data is "{\\"bid\\":\\"1\\"}": bid must be a number'],
      ["invalid", 'Cannot take message "price": data is "{bid": bid must be a number'],
    ]);
  });

  test('that are invalid come with why, with invalid: "emit"', async () => {
    const { connection, last, settle } = world("emit");
    const seen: unknown[] = [];
    connection.on("price", ({ data, invalid }) => seen.push([data, invalid?.code]));
    void last.send('event: price\ndata: {"bid":"1"}\n\n');
    await settle();
    expect(seen).toEqual([['{"bid":"1"}', "invalid"]]);
  });

  test('that are invalid end the connection, with invalid: "throw"', async () => {
    const { connection, last } = world("throw");
    const reading = connection[Symbol.asyncIterator]().next();
    void last.send('event: price\ndata: {"bid":"1"}\n\n');
    await expect(reading).rejects.toMatchObject({ code: "invalid" });
    expect(await connection.ended).toMatchObject({ reason: "gave-up", cause: { code: "invalid" } });
  });

  test("keep their order while a schema takes its time", async () => {
    const scripted = createWorld();
    const slow = schema<number>(async (value) => {
      if (value === 1) for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      return { value: value as number };
    });
    const connection = connect("https://a.example/", {
      transport: scripted.transport,
      clock: scripted.clock,
      events: { n: slow },
    });
    const seen: number[] = [];
    connection.on("n", ({ data }) => seen.push(data));
    scripted.last.respond();
    void scripted.last.send("event: n\ndata: 1\n\nevent: n\ndata: 2\n\n");
    await scripted.settle();
    expect(seen).toEqual([1, 2]);
  });
});

describe("json", () => {
  test("decodes data without a schema", async () => {
    const scripted = createWorld();
    const errors: EventStreamError[] = [];
    const connection = connect<{ message: { n: number } }>("https://a.example/", {
      transport: scripted.transport,
      clock: scripted.clock,
      json: true,
      onError: (error) => void errors.push(error),
    });
    expectTypeOf(connection).toExtend<AsyncIterable<DecodedMessage<"message", { n: number }>>>();
    const seen: unknown[] = [];
    connection.on("message", ({ data }) => seen.push(data.n));
    scripted.last.respond();
    void scripted.last.send('data: {"n":1}\n\ndata: {"n"\n\ndata: {"n":2}\n\n');
    await scripted.settle();
    expect([seen, errors.map(({ code }) => code)]).toEqual([[1, 2], ["invalid"]]);
  });
});

describe("a schema that fails", () => {
  const bad = (how: () => never) => schema<never>(how);

  test.each([
    [
      "throws",
      () => {
        throw new Error("mine");
      },
    ],
    ["rejects", () => Promise.reject(new Error("mine")) as never],
  ] as const)("as it %s makes an invalid message, and the stream goes on", async (_how, how) => {
    const scripted = createWorld();
    const errors: EventStreamError[] = [];
    const seen: unknown[] = [];
    const connection = connect("https://a.example/", {
      transport: scripted.transport,
      clock: scripted.clock,
      events: { bad: bad(how), text },
      onError: (error) => void errors.push(error),
      onMessage: ({ data }) => void seen.push(data),
    });
    scripted.last.respond();
    void scripted.last.send("event: bad\ndata: 1\n\nevent: text\ndata: after\n\n");
    await scripted.settle();
    expect([seen, connection.state]).toEqual([["after"], "open"]);
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ["invalid", 'Cannot take message "bad": data is "1": its schema failed: Error: mine'],
    ]);
  });
});

describe("a plain map of event types", () => {
  interface Events {
    price: { bid: number };
    news: string;
  }

  test("types messages and handlers, as it types createHub<Events>()", async () => {
    const scripted = createWorld();
    const seen: unknown[] = [];
    const connection = connect<Events>("https://a.example/", {
      transport: scripted.transport,
      clock: scripted.clock,
      json: true,
      onMessage(message) {
        if (message.event === "price") expectTypeOf(message.data).toEqualTypeOf<{ bid: number }>();
        else expectTypeOf(message.data).toEqualTypeOf<string>();
      },
    });
    connection.on("price", ({ data }) => seen.push(data.bid));
    // @ts-expect-error -- The map has no such event type.
    connection.on("prize", () => {});
    scripted.last.respond();
    void scripted.last.send('event: price\ndata: {"bid":1}\n\n');
    await scripted.settle();
    expect(seen).toEqual([1]);
  });
});
