/** Subscribers that get the topic of each message in its data: however they come to a message, and beside those that do not. */
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { type HubServer, Reader, serveHub } from "../../../../../test/support/hub-server.ts";
import { connect } from "../../client/connect.ts";
import type { Enveloped } from "../../wire/contract.ts";
import { createHub } from "../hub/create-hub.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import type { SubscribeOptions } from "../subscribe/subscribe-options.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  while (open.length > 0) await open.pop()!.close();
});

async function serve(
  options: HubOptions,
  subscribe: Partial<SubscribeOptions>,
): Promise<{ server: HubServer; read: (query?: string) => Promise<Reader> }> {
  const server = await serveHub(options, { topics: [{ pattern: "book/:id" }], envelope: true, ...subscribe });
  open.push(server);
  const read = async (query = ""): Promise<Reader> => {
    const reader = await Reader.open(`${server.url}${query}`);
    open.push({ close: () => reader.cut() });
    return reader;
  };
  return { server, read };
}

const dataOf = ({ messages }: Reader): unknown[] => messages.map(({ data }) => JSON.parse(data));

describe("envelope: true", () => {
  it("puts the topic into the data: of JSON as it is, and of other text as a string", async () => {
    const { server, read } = await serve({}, {});
    const reader = await read();
    await server.hub.publish("book/1", { event: "price", data: { bid: 1 } });
    await server.hub.publish("book/2", { data: 'plain "text"\nof two lines' });
    await server.hub.publish('book/"3"', { data: "[1,\n2]" });
    await server.hub.publish("other", { data: "not selected" });
    await server.hub.publish("book/4", { data: "" });
    await reader.until(() => reader.messages.length === 4, "all messages");
    expect(reader.messages.map(({ event }) => event)).toEqual(["price", "message", "message", "message"]);
    expect(dataOf(reader)).toEqual([
      { topic: "book/1", data: { bid: 1 } },
      { topic: "book/2", data: 'plain "text"\nof two lines' },
      { topic: 'book/"3"', data: [1, 2] },
      { topic: "book/4", data: "" },
    ]);
  });

  it("does so for what is read from the log, and leaves ids and gaps as they are", async () => {
    const { server, read } = await serve(
      { retention: { messages: 3 }, recent: { messages: 1 } },
      { onGap: "earliest" },
    );
    const ids = [];
    for (let n = 1; n <= 5; n += 1) ids.push((await server.hub.publish("book/1", { data: { n } })).id);
    const back = await read(`?lastEventId=${ids[2]}`);
    await back.until(() => back.messages.length === 2, "the rest");
    expect(back.messages.map(({ id }) => id)).toEqual(ids.slice(3));
    expect(dataOf(back)).toEqual([4, 5].map((n) => ({ topic: "book/1", data: { n } })));
    const late = await read(`?lastEventId=${ids[0]}`);
    await late.until(() => late.messages.length === 4, "the gap, and what is retained");
    expect(late.messages.map(({ event }) => event)).toEqual(["gap", "message", "message", "message"]);
    expect(dataOf(late)[0]).toMatchObject({ reason: "retention", from: ids[0] });
    expect(dataOf(late).slice(1)).toEqual([3, 4, 5].map((n) => ({ topic: "book/1", data: { n } })));
  });

  it("does so for a snapshot, and the filter sees the message as it was published", async () => {
    const seen: string[] = [];
    const { server, read } = await serve(
      {},
      {
        topics: ["book/1"],
        snapshot: () => ({ event: "state", data: { bid: 0 } }),
        filter: ({ data }) => (seen.push(data), data !== "2"),
      },
    );
    const reader = await read();
    for (const data of ["1", "2", "3"]) await server.hub.publish("book/1", { data });
    await reader.until(() => reader.messages.length === 3, "the state and two messages");
    expect(dataOf(reader)).toEqual([
      { topic: "book/1", data: { bid: 0 } },
      { topic: "book/1", data: 1 },
      { topic: "book/1", data: 3 },
    ]);
    expect(seen).toEqual(["1", "2", "3"]);
  });

  it("does so for the newest of each key that a slow reader gets", async () => {
    const { server, read } = await serve(
      { slow: [{ topics: [{ pattern: "book/:id" }], policy: "latest" }] },
      { topics: ["book/1"] },
    );
    const slow = await read();
    slow.pause();
    const filler = "x".repeat(100_000);
    let n = 0;
    const publish = async (): Promise<void> => {
      await server.hub.publish("book/1", { data: { n: (n += 1), filler } });
      await new Promise<void>((resolve) => void setImmediate(resolve));
    };
    while (server.hub.stats().blockedStreams === 0 && n < 2_000) await publish();
    const last = n + 20;
    while (n < last) await publish();
    slow.resume();
    await slow.until(() => slow.messages.at(-1)?.data.includes(`"n":${last},`) === true, "the newest");
    expect(slow.messages.some(({ event }) => event === "gap")).toBe(true);
    expect(JSON.parse(slow.messages.at(-1)!.data)).toEqual({ topic: "book/1", data: { n: last, filler } });
  });

  it("changes nothing for others with the same topics, and stays when topics are added", async () => {
    const hub = createHub();
    open.push({ close: () => hub.drain({ overMs: 0, graceMs: 0 }) });
    const subscriptions: { update(update: object): Promise<unknown> }[] = [];
    const ask = (envelope: boolean) =>
      hub.respond(new Request("http://a/"), {
        topics: ["a"],
        envelope,
        onOpen: (subscription) => void subscriptions.push(subscription),
      });
    const reading = [await ask(false), await ask(true)].map((response) => response.text());
    await hub.publish("a", { data: "1" });
    await subscriptions[1]!.update({ add: ["b"] });
    await hub.publish("b", { data: "2" });
    await hub.drain({ overMs: 0, graceMs: 1_000 });
    const [plain, enveloped] = await Promise.all(reading);
    expect(plain!.match(/^data: .*/gm)).toEqual(["data: 1"]);
    expect(enveloped!.match(/^data: .*/gm)).toEqual([
      'data: {"topic":"a","data":1}',
      'data: {"topic":"b","data":2}',
    ]);
  });

  it("has a type on the client", async () => {
    const { server } = await serve({}, { from: "earliest" });
    await server.hub.publish("book/7", { event: "price", data: { bid: 1 } });
    const connection = connect<Enveloped<{ price: { bid: number } }>>(server.url, { json: true });
    open.push(connection);
    for await (const message of connection) {
      if (message.event !== "price") continue;
      expectTypeOf(message.data).toEqualTypeOf<{ readonly topic: string; readonly data: { bid: number } }>();
      expect(message.data).toEqual({ topic: "book/7", data: { bid: 1 } });
      break;
    }
  });

  it("is a boolean", async () => {
    const hub = createHub();
    const options = { topics: ["a"], envelope: "yes" as never };
    await expect(hub.respond(new Request("http://a/"), options)).rejects.toThrow(
      'Cannot subscribe: envelope is "yes", expected true or false',
    );
    await hub.drain();
  });
});
