import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type } from "arktype";
import * as v from "valibot";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { connect } from "../../client/connect.ts";
import type { EventStreamError } from "../../client/core/event-stream-error.ts";
import type { DataOf, EventSchemas, Schema } from "../../wire/contract.ts";
import type { EventStream } from "../one-stream/event-stream.ts";
import { type Hub } from "../hub/hub.ts";
import { openStream } from "../one-stream/open-stream.ts";
import type { Answers } from "../answers/answers.ts";
import { createAnswers } from "../answers/create-answers.ts";
import type { Publication } from "../publish/publication.ts";
import { createHub } from "../hub/create-hub.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => void server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** The same contract in each library: what goes out is its input, what a reader gets is its output. */
const contracts = {
  Zod: {
    price: z.object({ bid: z.number(), at: z.iso.datetime().transform((text) => new Date(text)) }),
    halt: z.string(),
    message: z.array(z.number()),
  },
  Valibot: {
    price: v.object({
      bid: v.number(),
      at: v.pipe(
        v.string(),
        v.isoTimestamp(),
        v.transform((text) => new Date(text)),
      ),
    }),
    halt: v.string(),
    message: v.array(v.number()),
  },
  ArkType: {
    price: type({ bid: "number", at: type("string.date.iso").pipe((text) => new Date(text)) }),
    halt: type("string"),
    message: type("number[]"),
  },
};

/** As JavaScript has it, so that what the types would refuse comes through. */
const asUntyped = (events: EventSchemas): EventSchemas => events;
const untyped = asUntyped(contracts.Zod);

interface Sent {
  price: { bid: number; at: string };
  halt: string;
  message: number[];
}

test("a schema that fails is an error of ours, with its cause", async () => {
  const boom = new TypeError("boom");
  const validate = (): never => {
    throw boom;
  };
  const failing = asUntyped({ price: { "~standard": { version: 1, vendor: "x", validate } } });
  const hub = createHub({ events: failing });
  closers.push(() => hub.drain({ overMs: 0 }));
  await expect(hub.publish("a", { event: "price", data: 1 })).rejects.toMatchObject({
    message: 'Cannot send message "price": its schema failed (TypeError: boom)',
    cause: boom,
  });
});

describe.each(Object.entries(contracts))("a contract of %s", (_, events) => {
  test("serves both ends: what the server sends as input, a client has as output", async () => {
    const url = await serve((request, response) => {
      const stream = openStream(request, response, { events: asUntyped(events) });
      stream.send({ event: "price", id: "1", data: { bid: 1, at: "2026-01-01T00:00:00Z" } });
      stream.send({ event: "halt", data: "12" });
      stream.send({ data: [1, 2] });
      stream.send({ id: "2" });
      stream.send({ event: "halt", data: "bye" });
    });
    const errors: EventStreamError[] = [];
    const connection = connect(url, {
      events: events as typeof contracts.Zod,
      until: ({ data }) => data === "bye",
      onError: (error) => void errors.push(error),
    });
    const seen: unknown[] = [];
    for await (const message of connection) {
      if (message.event === "price") expectTypeOf(message.data).toEqualTypeOf<{ bid: number; at: Date }>();
      seen.push(message);
    }
    expect(seen).toEqual([
      { event: "price", id: "1", data: { bid: 1, at: new Date("2026-01-01T00:00:00Z") } },
      { event: "halt", id: "1", data: "12" },
      { event: "message", id: "1", data: [1, 2] },
      { event: "halt", id: "2", data: "bye" },
    ]);
    expect(errors).toEqual([]);
  });

  test("refuses what its readers would drop, naming event type, data and issue", () => {
    const stream = openStream(new Request("http://a.example/"), { events: asUntyped(events) });
    expect(() => stream.send({ event: "price", data: { bid: "1", at: "2026-01-01T00:00:00Z" } })).toThrow(
      /^Cannot send message "price": data is {"bid":"1","at":"2026-01-01T00:00:00Z"}: .*bid.*number/,
    );
    expect(() => stream.send({ data: "text" })).toThrow(/^Cannot send message "message": data is text: /);
    expect(() => stream.send({ event: "prize", data: 1 })).toThrow(
      'Cannot send message: event is "prize", expected "price" or "halt" or "message", which events names',
    );
    expect(stream.send({ event: "halt", data: "still open" })).toBe("queued");
    stream.end();
  });
});

describe("the types of a contract", () => {
  test("come from the schemas, of whichever library", () => {
    expectTypeOf<DataOf<typeof contracts.Zod>>().toEqualTypeOf<Sent>();
    const hubs = Object.values(contracts).map((events) => createHub({ events: events }));
    expectTypeOf(hubs[0]!).toEqualTypeOf<Hub<Sent>>();
    expectTypeOf(createHub({ events: contracts.Zod })).toEqualTypeOf<Hub<Sent>>();
    expectTypeOf(createHub({ events: contracts.Valibot })).toEqualTypeOf<Hub<Sent>>();
    expectTypeOf(createHub({ events: contracts.ArkType })).toEqualTypeOf<Hub<Sent>>();
    expectTypeOf(createHub()).toEqualTypeOf<Hub>();
    expectTypeOf(createHub({ heartbeatMs: 1_000 })).toEqualTypeOf<Hub>();
    expectTypeOf(createAnswers({ events: contracts.Zod })).toEqualTypeOf<Answers<Publication<Sent>>>();
    const request = new Request("http://a.example/");
    expectTypeOf(openStream(request, { events: contracts.ArkType })).toExtend<EventStream<Sent>>();
    openStream(request, [{ event: "halt", data: "x" }], { events: contracts.Valibot });
    // @ts-expect-error -- A source is held to the contract too.
    openStream(request, [{ event: "halt", data: 1 }], { events: contracts.Valibot, onError() {} });
  });

  test("hold what is published and what a snapshot gives", async () => {
    const hub = createHub({ events: contracts.Zod, checkEvents: false });
    await hub.publish("a", { event: "price", data: { bid: 1, at: "2026-01-01T00:00:00Z" }, key: "k" });
    await hub.publish([{ topic: "a", event: "halt", data: "x" }]);
    // @ts-expect-error -- bid is a number.
    await hub.publish("a", { event: "price", data: { bid: "1", at: "" } });
    // @ts-expect-error -- There is no such event type.
    await hub.publish("a", { event: "prize", data: 1 });
    // @ts-expect-error -- A snapshot sends what is sent.
    void ({ topics: ["a"], snapshot: () => ({ data: "x" }) } satisfies Parameters<typeof hub.respond>[1]);
    expect(hub.stats().published).toBe(4);
    await hub.drain({ overMs: 0 });
  });

  test("may be said without the schemas, and schemas are held to types that are said", () => {
    expectTypeOf(createHub<DataOf<typeof contracts.ArkType>>()).toEqualTypeOf<Hub<Sent>>();
    createHub<{ halt: string }>({ events: { halt: z.string() } });
    // @ts-expect-error -- The schema is of another type.
    createHub<{ halt: string }>({ events: { halt: z.number() } });
  });
});

describe("what is checked", () => {
  const at = "2026-01-01T00:00:00Z";
  const refused = /^Cannot send message "price": data is /;

  test("is every message that a hub publishes, before anything is appended", async () => {
    const hub = createHub({ events: untyped });
    await expect(
      hub.publish([
        { topic: "a", event: "halt", data: "x" },
        { topic: "a", event: "price", data: { bid: null, at } },
      ]),
    ).rejects.toThrow(refused);
    expect(hub.stats().published).toBe(0);
    await hub.publish("a", { event: "price", data: { bid: 1, at } });
    expect(hub.stats().published).toBe(1);
    await hub.drain({ overMs: 0 });
  });

  test("is a snapshot: its subscriber is refused, and onError is called", async () => {
    const errors: unknown[] = [];
    const hub = createHub({ events: untyped, onError: (error) => errors.push(error) });
    const refusal = await hub.respond(new Request("http://a.example/"), {
      topics: ["a"],
      snapshot: () => ({ event: "price", data: { bid: "much" } }),
    });
    expect(refusal.status).toBe(503);
    expect((errors[0] as Error).message).toMatch(refused);
    await hub.drain({ overMs: 0 });
  });

  test("is what an answer yields, and its verdict is no contract's", async () => {
    const errors: unknown[] = [];
    const answers = createAnswers({
      events: untyped,
      onError: (error) => errors.push(error),
    });
    closers.push(() => answers.close());
    const ask = async (id: string, data: unknown) => {
      const response = await answers.resumable(new Request("http://a.example/"), id, function* () {
        yield { event: "halt", data };
      });
      return response.text();
    };
    expect(await ask("good", "x")).toMatch(/event: halt\ndata: x\n\n[^]*event: end\ndata: {"complete":true}/);
    expect(await ask("bad", [1])).toMatch(/event: failed\ndata: {"reason":"failed"}/);
    expect(errors.map(String)).toEqual([
      expect.stringMatching(/Cannot send message "halt": data is \[1\]: /),
    ]);
  });

  test("is the text that goes out, as its readers will see it", () => {
    const events: EventSchemas = { date: z.date(), text: z.iso.datetime(), number: z.number() };
    const stream = openStream(new Request("http://a.example/"), { events: asUntyped(events) });
    // A Date is text on the wire: a schema that wants one fits no message, one of the text fits.
    expect(() => stream.send({ event: "date", data: new Date(0) })).toThrow(
      'Cannot send message "date": data is "1970-01-01T00:00:00.000Z": ',
    );
    stream.send({ event: "text", data: new Date(0) });
    expect(() => stream.send({ event: "number", data: Number.NaN })).toThrow(
      'Cannot send message "number": data is null: ',
    );
    stream.end();
  });

  test("names where in the data the issue is", () => {
    const stream = openStream(new Request("http://a.example/"), {
      events: { book: z.object({ levels: z.array(z.object({ bid: z.number() })) }) },
    });
    expect(() => stream.send({ event: "book", data: { levels: [{ bid: 1 }, {}] } as never })).toThrow(
      'data is {"levels":[{"bid":1},{}]}: levels.1.bid: Invalid input: expected number, received undefined',
    );
    stream.end();
  });

  test("is nothing with checkEvents: false, and nothing that carries no data", () => {
    const stream = openStream(new Request("http://a.example/"), {
      events: untyped,
      checkEvents: false,
    });
    expect(stream.send({ event: "prize", data: 1 })).toBe("queued");
    stream.end();
  });

  test("has to be answered at once", async () => {
    const later: Schema = {
      "~standard": { version: 1, vendor: "test", validate: () => Promise.reject(new Error("later")) },
    };
    const stream = openStream(new Request("http://a.example/"), { events: { later } });
    expect(() => stream.send({ event: "later", data: 1 })).toThrow(
      'Cannot send message "later": its schema returned a promise, expected a result at once (with checkEvents: false, only the client checks)',
    );
    stream.end();
    await Promise.resolve();
  });
});
