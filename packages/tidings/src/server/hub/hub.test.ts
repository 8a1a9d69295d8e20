import { describe, expect, it } from "vitest";
import { openForTests, until } from "../../../../../test/support/hub-server.ts";
import { createHub } from "./create-hub.ts";

const { serve, read } = openForTests();

const epochOf = (id: string): string => id.split(".")[0]!;

describe("hub", () => {
  it("delivers what is published to a topic, with its cursor as id, to those who subscribed to it", async () => {
    const { hub, url } = await serve();
    const one = await read(`${url}?topic=book/1`);
    const both = await read(`${url}?topic=book/1&topic=book/2`);
    const { id } = await hub.publish("book/1", { event: "price", data: { bid: 1 } });
    await hub.publish("book/2", { data: "two\nlines" });
    await hub.publish("book/3", { data: "for nobody" });
    const last = await hub.publish("book/1", { data: "" });
    expect(id).toMatch(/^[\w-]{12}\.1$/);
    expect(last.id).toBe(`${epochOf(id)}.4`);
    expect(await one.messagesUntil(2)).toEqual([
      { event: "price", data: '{"bid":1}', id },
      { event: "message", data: "", id: last.id },
    ]);
    expect((await both.messagesUntil(3)).map(({ data }) => data)).toEqual(['{"bid":1}', "two\nlines", ""]);
  });

  it("gives a subscriber a cursor at once, so that it misses nothing if it is cut off before its first message", async () => {
    const { hub, url } = await serve();
    await hub.publish("a", { data: "before" });
    const reader = await read(`${url}?topic=a`);
    await reader.until(() => reader.lastEventId !== "", "a cursor");
    reader.cut();
    await hub.publish("a", { data: "missed" });
    await reader.connect(`${url}?topic=a`);
    await hub.publish("a", { data: "live" });
    await reader.messagesUntil(2);
    expect(reader.data).toEqual(["missed", "live"]);
  });

  it("resumes from Last-Event-ID, exactly, whatever else was published", async () => {
    const { hub, url } = await serve();
    const ids: string[] = [];
    for (let i = 1; i <= 300; i += 1)
      ids.push((await hub.publish(i % 3 === 0 ? "a" : "b", { data: `${i}` })).id);
    const reader = await read(`${url}?topic=a`, ids[149]);
    await hub.publish("a", { data: "live" });
    await reader.messagesUntil(51);
    expect(reader.data).toEqual([...Array.from({ length: 50 }, (_, i) => `${153 + i * 3}`), "live"]);
    expect(reader.messages.every(({ event }) => event === "message")).toBe(true);
  });

  it("takes the cursor from the query parameter lastEventId when there is no header", async () => {
    const { hub, url } = await serve();
    const { id } = await hub.publish("a", { data: "1" });
    const { id: second } = await hub.publish("a", { data: "2" });
    await hub.publish("a", { data: "3" });
    const byQuery = await read(`${url}?topic=a&lastEventId=${id}`);
    expect((await byQuery.messagesUntil(2)).map(({ data }) => data)).toEqual(["2", "3"]);
    const byBoth = await read(`${url}?topic=a&lastEventId=${id}`, second);
    expect((await byBoth.messagesUntil(1)).map(({ data }) => data)).toEqual(["3"]);
  });

  it("begins with everything retained when asked to", async () => {
    const { hub, url } = await serve({ retention: { messages: 3 } }, { from: "earliest" });
    for (let i = 1; i <= 5; i += 1) await hub.publish("a", { data: `${i}` });
    const reader = await read(`${url}?topic=a`);
    await hub.publish("a", { data: "6" });
    // It never had what is gone, so that is no gap.
    expect((await reader.messagesUntil(4)).map(({ data }) => data)).toEqual(["3", "4", "5", "6"]);
  });

  it("says gap before all else when the cursor is no longer retained, then goes on live", async () => {
    const { hub, url } = await serve({ retention: { messages: 3 } });
    const { id } = await hub.publish("a", { data: "1" });
    let last = id;
    for (let i = 2; i <= 9; i += 1) last = (await hub.publish("a", { data: `${i}` })).id;
    const reader = await read(`${url}?topic=a`, id);
    const { id: live } = await hub.publish("a", { data: "live" });
    const [gap, next] = await reader.messagesUntil(2);
    expect(gap).toEqual({
      event: "gap",
      data: JSON.stringify({ from: id, to: last, reason: "retention" }),
      id: last,
    });
    expect(next).toEqual({ event: "message", data: "live", id: live });
    expect(hub.stats().gaps).toEqual({ retention: 1, epoch: 0, slow: 0 });
  });

  it("says no gap when what was discarded was of other topics", async () => {
    const { hub, url } = await serve({
      retention: { topics: [{ topics: [{ pattern: "busy/*" }], messages: 2 }] },
    });
    const { id } = await hub.publish("quiet", { data: "1" });
    for (let i = 0; i < 50; i += 1) await hub.publish("busy/1", { data: `${i}` });
    await hub.publish("quiet", { data: "2" });
    const quiet = await read(`${url}?topic=quiet`, id);
    expect(await quiet.messagesUntil(1)).toMatchObject([{ event: "message", data: "2" }]);
    const busy = await read(`${url}?topic=busy/1`, id);
    expect(await busy.messagesUntil(1)).toMatchObject([{ event: "gap" }]);
  });

  it("says gap for a cursor of another log, of the future, or of nobody", async () => {
    const { hub, url } = await serve();
    const { id } = await hub.publish("a", { data: "1" });
    for (const from of ["otherepoch.7", `${epochOf(id)}.999`, "17", "x".repeat(500)]) {
      const reader = await read(`${url}?topic=a`, from);
      const [gap] = await reader.messagesUntil(1);
      expect(gap).toEqual({
        event: "gap",
        data: JSON.stringify({ from: from.slice(0, 128), to: id, reason: "epoch" }),
        id,
      });
    }
  });

  it('goes on with the earliest behind the gap when asked to: onGap "earliest"', async () => {
    const { hub, url } = await serve({ retention: { messages: 3 } }, { onGap: "earliest" });
    const ids: string[] = [];
    for (let i = 1; i <= 9; i += 1) ids.push((await hub.publish("a", { data: `${i}` })).id);
    const reader = await read(`${url}?topic=a`, ids[0]);
    await reader.messagesUntil(4);
    expect(reader.messages.map(({ event, data }) => [event, data])).toEqual([
      ["gap", JSON.stringify({ from: ids[0], to: ids[5], reason: "retention" })],
      ["message", "7"],
      ["message", "8"],
      ["message", "9"],
    ]);
    // The id of the gap leads back to the same entries, for whoever is cut off behind it.
    expect(reader.messages[0]!.id).toBe(ids[5]);
    const other = await read(`${url}?topic=a`, "elsewhere.1");
    await other.messagesUntil(4);
    expect(other.messages[0]).toMatchObject({ event: "gap", id: ids[5] });
    expect(other.data.slice(1)).toEqual(["7", "8", "9"]);
  });

  it('refuses with 412 instead of a gap when asked to: onGap "fail"', async () => {
    const { hub, url } = await serve({ retention: { messages: 3 } }, { onGap: "fail" });
    const { id } = await hub.publish("a", { data: "1" });
    for (let i = 2; i <= 9; i += 1) await hub.publish("a", { data: `${i}` });
    const reader = await read(`${url}?topic=a`, id);
    await reader.ended;
    expect(reader.status).toBe(412);
    expect(JSON.parse(reader.text)).toMatchObject({ status: 412, code: "gap" });
    expect(hub.stats()).toMatchObject({ streams: 0, refused: { gap: 1 } });
    expect((await read(`${url}?topic=a`)).status).toBe(200);
  });

  it("refuses a list with a hole, and options that are none, and goes on", async () => {
    const { hub, url, errors } = await serve();
    const reader = await read(`${url}?topic=a`);
    const list = [
      { topic: "a", data: 0 },
      { topic: "a", data: 1 },
    ];
    // oxlint-disable-next-line typescript/no-array-delete
    delete list[0];
    await expect(hub.publish(list)).rejects.toThrow(/^Cannot publish: topic is undefined/);
    await expect(hub.publish("a", { data: 1 }, null as never)).rejects.toThrow(
      /^Cannot publish: options is null, expected an object such as \{ idempotencyKey \}/,
    );
    await hub.publish("a", { data: "after" });
    expect((await reader.messagesUntil(1)).map(({ data }) => data)).toEqual(["after"]);
    expect(errors).toEqual([]);
  });

  it("refuses a publish whose messages are too many bytes together, and publishes none of them", async () => {
    const { hub } = await serve({ limits: { bytesPerPublish: 2_000 } });
    const of = (count: number) =>
      Array.from({ length: count }, () => ({ topic: "a", data: "x".repeat(900) }));
    await expect(hub.publish(of(3))).rejects.toThrow(
      /^Cannot publish: the messages have more than 2000 bytes, .* \(limits.bytesPerPublish\)$/,
    );
    const { id } = await hub.publish(of(2));
    expect(id).toMatch(/\.2$/);
    expect(() => createHub({ limits: { readBytes: 0 } })).toThrow(/limits.readBytes is 0/);
  });

  it("publishes several messages at once, next to each other, all or none", async () => {
    const { hub, url } = await serve({ limits: { messagesPerPublish: 3 } });
    const reader = await read(`${url}?topic=a&topic=b`);
    const { id, ids, repeated } = await hub.publish([
      { topic: "a", data: 1 },
      { topic: "b", event: "e", data: 2 },
    ]);
    expect(ids.map((one) => one.split(".")[1])).toEqual(["1", "2"]);
    expect([id, repeated]).toEqual([ids[1], false]);
    await expect(
      hub.publish([
        { topic: "a", data: "fine" },
        { topic: "", data: "not" },
      ]),
    ).rejects.toThrow(TypeError);
    await expect(hub.publish([])).rejects.toThrow(RangeError);
    await expect(hub.publish(Array.from({ length: 4 }, () => ({ topic: "a", data: 1 })))).rejects.toThrow(
      /4 messages/,
    );
    await hub.publish("a", { data: "last" });
    expect((await reader.messagesUntil(3)).map(({ data }) => data)).toEqual(["1", "2", "last"]);
  });

  it("publishes once for an idempotency key, and says which cursor it was", async () => {
    const { hub, url } = await serve();
    const reader = await read(`${url}?topic=a`);
    const first = await hub.publish("a", { data: "once" }, { idempotencyKey: "order-1" });
    await hub.publish("a", { data: "between" });
    const second = await hub.publish("a", { data: "once" }, { idempotencyKey: "order-1" });
    expect(second).toEqual({ ...first, repeated: true });
    await hub.publish("a", { data: "end" });
    expect((await reader.messagesUntil(3)).map(({ data }) => data)).toEqual(["once", "between", "end"]);
    await expect(hub.publish("a", { data: 1 }, { idempotencyKey: "" })).rejects.toThrow(
      /idempotencyKey is ""/,
    );
  });

  it.each([
    [{ data: undefined }, /data is undefined/],
    [{ data: 1, id: "7" }, /has an id/],
    [{ data: 1, retry: 7 }, /has a retry/],
    [{ data: 1, event: "gap" }, /reserved for the hub/],
    [{ data: 1, event: "a\nb" }, /CR or LF/],
    [{ data: 1, key: "" }, /key is ""/],
    [{ data: 10n }, /not JSON/],
    [{ data: "x".repeat(1_000) }, /1008 bytes, expected 1000/],
    [undefined, /message is of type undefined/],
  ])("refuses to publish %o", async (message, reason) => {
    const hub = createHub({ limits: { messageBytes: 1_000 } });
    await expect(hub.publish("a", message as { data: unknown })).rejects.toThrow(reason);
    await hub.drain();
  });

  it("types messages by the events of the hub", async () => {
    const hub = createHub<{ price: { bid: number }; halt: string; message: number }>();
    await hub.publish("a", { event: "price", data: { bid: 1 } });
    await hub.publish("a", { data: 1 });
    await hub.publish([{ topic: "a", event: "halt", data: "now" }]);
    // @ts-expect-error -- a price is no text
    await hub.publish("a", { event: "price", data: "1" });
    // @ts-expect-error -- there is no such event
    await hub.publish("a", { event: "prize", data: { bid: 1 } });
    expect(hub.stats().published).toBe(5);
    await hub.drain();
  });

  it("subscribes by pattern, and never takes text for a pattern", async () => {
    const { hub, url } = await serve({}, (at) =>
      at.searchParams.has("pattern")
        ? { topics: [{ pattern: at.searchParams.get("pattern")! }, "extra"] }
        : {},
    );
    const pattern = await read(`${url}?pattern=book/:id`);
    const text = await read(`${url}?topic=book/:id`);
    await hub.publish("book/1", { data: "1" });
    await hub.publish("book/1/page", { data: "no" });
    await hub.publish("extra", { data: "2" });
    await hub.publish("book/:id", { data: "3" });
    expect((await pattern.messagesUntil(3)).map(({ data }) => data)).toEqual(["1", "2", "3"]);
    expect((await text.messagesUntil(1)).map(({ data }) => data)).toEqual(["3"]);
    const back = await read(`${url}?pattern=book/:id`, pattern.messages[0]!.id);
    expect((await back.messagesUntil(2)).map(({ data }) => data)).toEqual(["2", "3"]);
  });

  it("filters, resumes filtered streams exactly, and moves their cursor with the heartbeat", async () => {
    const even = ({ data }: { data: string }): boolean => Number(data) % 2 === 0;
    const { hub, url } = await serve({ heartbeatMs: 250 }, { filter: even });
    const reader = await read(`${url}?topic=a`);
    let last = "";
    for (let i = 1; i <= 9; i += 1) last = (await hub.publish("a", { data: `${i}` })).id;
    await reader.messagesUntil(4);
    expect(reader.data).toEqual(["2", "4", "6", "8"]);
    await reader.until(() => reader.lastEventId === last, "the cursor of a message that was filtered out");
    expect(reader.messages).toHaveLength(4);
    reader.cut();
    await hub.publish("a", { data: "10" });
    await reader.connect(`${url}?topic=a`);
    await reader.messagesUntil(5);
    expect(reader.data.at(-1)).toBe("10");
  });

  it("ends a stream whose filter throws, and only that", async () => {
    const { hub, url, errors } = await serve({}, (at) =>
      at.searchParams.has("bad") ? { filter: () => fail("a filter that throws") } : {},
    );
    const good = await read(`${url}?topic=a`);
    const bad = await read(`${url}?topic=a&bad`);
    await hub.publish("a", { data: "1" });
    expect(await bad.ended).toEqual({ complete: false });
    await good.messagesUntil(1);
    expect(errors).toMatchObject([{ message: "a filter that throws" }]);
    expect(hub.stats()).toMatchObject({ streams: 1, ended: { failed: 1 } });
  });

  it("sends the snapshot first, then everything after the cursor that was read before it", async () => {
    const state = { a: 0 };
    let slow: Promise<void> | undefined;
    const { hub, url } = await serve(
      {},
      {
        snapshot: async (topic, cursor) => {
          const data = { topic, at: cursor.split(".")[1], state: { ...state } };
          await slow;
          return topic === "none" ? undefined : [{ event: "state", data, id: "not kept" }];
        },
      },
    );
    const publish = async (): Promise<void> => {
      state.a += 1;
      await hub.publish("a", { data: state.a });
    };
    await publish();
    let go: (() => void) | undefined;
    slow = new Promise((resolve) => {
      go = resolve;
    });
    const reading = read(`${url}?topic=a&topic=none`);
    await until(() => hub.stats().routes > 0, "the subscription");
    await publish();
    await publish();
    go!();
    const reader = await reading;
    await publish();
    await reader.messagesUntil(4);
    expect(reader.data).toEqual([JSON.stringify({ topic: "a", at: "1", state: { a: 1 } }), "2", "3", "4"]);
    expect(reader.messages[0]!.id).toBe("");
    reader.cut();
    await reader.connect(`${url}?topic=a&topic=none`);
    await publish();
    await reader.messagesUntil(5);
    expect(reader.data.at(-1)).toBe("5");
  });

  it("sends the snapshot behind a gap, which has no id: half of the two is never taken for the whole", async () => {
    const { hub, url } = await serve({}, { snapshot: () => ({ event: "state", data: "all" }) });
    const { id } = await hub.publish("a", { data: "1" });
    const reader = await read(`${url}?topic=a`, "elsewhere.7");
    await reader.until(() => reader.lastEventId === id, "the cursor");
    expect(reader.messages.map(({ event, id }) => [event, id])).toEqual([
      ["gap", "elsewhere.7"],
      ["state", "elsewhere.7"],
    ]);
  });

  it("joins what is published in one turn of the event loop in one write, the same for all", async () => {
    const { hub, url } = await serve();
    const readers = await Promise.all(Array.from({ length: 5 }, () => read(`${url}?topic=a`)));
    const before = hub.stats().writes;
    for (let i = 0; i < 20; i += 1) void hub.publish("a", { data: `${i}` });
    for (const reader of readers) await reader.messagesUntil(20);
    expect(hub.stats().writes - before).toBe(5);
    expect(hub.stats().deliveries).toBe(100);
  });

  it("keeps no queue for a reader that stops: it catches up from the log, in order, without a loss", async () => {
    const { hub, url } = await serve({
      recent: { messages: 50 },
      retention: { messages: 100_000, bytes: 2 ** 28 },
    });
    const slow = await read(`${url}?topic=a`);
    const fast = await read(`${url}?topic=a`);
    slow.pause();
    const filler = "x".repeat(20_000);
    let sent = 0;
    // Kernel buffers on loopback take megabytes: more than any of them, so that the stream has to block.
    while (hub.stats().blockedStreams === 0 || sent < 600) {
      await hub.publish("a", { data: `${sent} ${filler}` });
      sent += 1;
      if (sent % 50 === 0) await fast.messagesUntil(sent);
      expect(sent).toBeLessThan(5_000);
    }
    await fast.messagesUntil(sent);
    expect(hub.stats().blockedStreams).toBe(1);
    slow.resume();
    await slow.messagesUntil(sent);
    await hub.publish("a", { data: `${sent}` });
    await slow.messagesUntil(sent + 1);
    expect(slow.messages.map(({ data }) => Number.parseInt(data, 10))).toEqual(
      Array.from({ length: sent + 1 }, (_, i) => i),
    );
    expect(hub.stats().gaps.slow).toBe(0);
  });

  it("tells a reader that fell off the retained end: gap, slow", async () => {
    const { hub, url } = await serve({ recent: { messages: 10 }, retention: { messages: 20 } });
    const slow = await read(`${url}?topic=a`);
    slow.pause();
    const filler = "x".repeat(100_000);
    let sent = 0;
    while (hub.stats().blockedStreams === 0) {
      await hub.publish("a", { data: `${sent} ${filler}` });
      sent += 1;
      expect(sent).toBeLessThan(5_000);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    for (let i = 0; i < 50; i += 1) await hub.publish("a", { data: `${(sent += 1)} ${filler}` });
    slow.resume();
    await slow.until(() => slow.messages.some(({ event }) => event === "gap"), "the gap");
    const { id: live } = await hub.publish("a", { data: "live" });
    await slow.until(() => slow.data.at(-1) === "live", "the live message");
    const at = slow.messages.findIndex(({ event }) => event === "gap");
    const gap = JSON.parse(slow.messages[at]!.data) as { from: string; to: string; reason: string };
    expect(gap).toEqual({ from: slow.messages[at - 1]!.id, to: slow.messages[at]!.id, reason: "slow" });
    expect(slow.messages[at + 1]!.id).toBe(live);
    expect(hub.stats().gaps.slow).toBe(1);
  });

  it("cuts a peer that takes nothing for stallMs while something waits for it", async () => {
    const { hub, url } = await serve({ stallMs: 300, heartbeatMs: 100 });
    const slow = await read(`${url}?topic=a`);
    slow.pause();
    const filler = "x".repeat(100_000);
    await until(() => {
      void hub.publish("a", { data: filler });
      return hub.stats().blockedStreams === 1;
    }, "the blocked stream");
    await until(() => hub.stats().streams === 0, "the end of the stream");
    expect(hub.stats().ended).toEqual({ stalled: 1 });
  });

  it("writes a heartbeat when nothing was written, with the cursor when others' messages have passed", async () => {
    const { hub, url } = await serve({ heartbeatMs: 200 });
    const reader = await read(`${url}?topic=a`);
    const before = reader.comments.length;
    await reader.until(() => reader.comments.length >= before + 2, "two heartbeats");
    const { id } = await hub.publish("other", { data: "1" });
    await reader.until(() => reader.lastEventId === id, "the cursor of another topic's message");
    expect(reader.messages).toEqual([]);
  });

  it("forgets a peer that left, and everything it held", async () => {
    const { hub, url, subscriptions } = await serve();
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    reader.cut();
    expect(await subscriptions[0]!.ended).toBe("peer-left");
    expect(hub.stats()).toMatchObject({
      streams: 0,
      subscriberGroups: 0,
      routes: 0,
      ended: { "peer-left": 1 },
    });
  });

  it("ends a stream when the application closes it", async () => {
    const { hub, url, subscriptions } = await serve();
    const reader = await read(`${url}?topic=a`);
    await until(() => subscriptions.length === 1);
    const { id } = await hub.publish("a", { data: "1" });
    await reader.messagesUntil(1);
    expect([subscriptions[0]!.cursor, subscriptions[0]!.closed]).toEqual([id, false]);
    subscriptions[0]!.close();
    subscriptions[0]!.close();
    expect(await reader.ended).toEqual({ complete: true });
    expect(await subscriptions[0]!.ended).toBe("closed");
  });

  it("refuses what are no topics with 400 and the reason", async () => {
    const { hub, url } = await serve({ limits: { topicsPerStream: 2 } });
    for (const query of ["", "?topic=", "?topic=a&topic=b&topic=c", `?topic=${"x".repeat(1_025)}`]) {
      const reader = await read(`${url}${query}`);
      await reader.ended;
      expect(reader.status).toBe(400);
      expect(JSON.parse(reader.text)).toMatchObject({
        code: "bad-topics",
        detail: expect.stringContaining("expected"),
      });
    }
    expect(hub.stats().refused).toEqual({ "bad-topics": 4 });
  });

  it("answers a Fetch request with a Response", async () => {
    const hub = createHub();
    const { id } = await hub.publish("a", { data: "1" });
    await hub.publish("a", { data: "2" });
    const abort = new AbortController();
    const response = await hub.respond(
      new Request(`http://localhost/?lastEventId=${id}`, { signal: abort.signal }),
      { topics: ["a"] },
    );
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("data: 2")) text += (await reader.read()).value;
    await hub.publish("a", { data: "3" });
    while (!text.includes("data: 3")) text += (await reader.read()).value;
    expect((await hub.respond(new Request("http://localhost/"), { topics: [] })).status).toBe(400);
    await reader.cancel();
    await until(() => hub.stats().streams === 0);
    await hub.drain();
  });

  it("answers HEAD with the head alone and opens no stream", async () => {
    const { hub, url } = await serve();
    const response = await fetch(`${url}?topic=a`, { method: "HEAD" });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    expect(await response.text()).toBe("");
    expect(hub.stats()).toMatchObject({ streams: 0, opened: 0, subscriberGroups: 0 });
  });

  it("works over HTTP/1.0", async () => {
    const { hub, url } = await serve();
    const { connect } = await import("node:net");
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => void (text += String(chunk)));
    socket.write("GET /?topic=a HTTP/1.0\r\n\r\n");
    await until(() => text.includes("id: "), "the cursor");
    await hub.publish("a", { data: "1" });
    await until(() => text.endsWith("data: 1\n\n"), "the message");
    expect(text).not.toMatch(/transfer-encoding/i);
    socket.destroy();
  });
});

it.each([undefined, null, 5, {}, ""])("presence of %j is refused", async (topic) => {
  const hub = createHub({ presence: true });
  expect(() => hub.presence(topic as never)).toThrow(/^Cannot read presence: topic is .*expected a string/);
  await hub.drain();
});

it.each([
  [undefined, {}, "id is undefined, expected the id of a message"],
  [5, {}, "id is 5, expected the id of a message"],
  ["a.1", null, "options is null, expected an object such as { subscriber }"],
  ["a.1", { everywere: true }, "there is no option everywere, expected everywhere"],
])("inspect(%j, %j) is refused", async (id, options, words) => {
  const hub = createHub();
  await expect(hub.inspect(id as never, options as never)).rejects.toThrow(words);
  await hub.drain();
});

it("a misspelt option of drain is refused, and nothing has begun", async () => {
  const hub = createHub();
  await expect(hub.drain({ overms: 0 } as never)).rejects.toThrow(
    "there is no option overms, expected overMs",
  );
  await hub.publish("a", { data: 1 });
  await hub.drain({ overMs: 0 });
});

function fail(message: string): never {
  throw new Error(message);
}
