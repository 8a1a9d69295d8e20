import { describe, expect, test, vi } from "vitest";

import { serve } from "../../../../../test/support/serve.ts";
import { createWorld } from "../../../../../test/support/client-world.ts";
import { connect, type ConnectOptions } from "../connect.ts";
import { EventStreamError } from "./event-stream-error.ts";
import type { ParsedMessage } from "../../wire/message.ts";

// A machine may be busy with much else.
vi.setConfig({ testTimeout: 60_000 });
const eventually = (check: () => unknown, options?: { timeout?: number; interval?: number }) =>
  vi.waitFor(check, { timeout: 20_000, interval: 5, ...options });

const URL = "https://a.example/stream";

/** A connection in a scripted world, and what it told. */
function open(options: ConnectOptions = {}, url: string | (() => string) = URL) {
  const world = createWorld();
  const errors: EventStreamError[] = [];
  const states: string[] = [];
  const messages: ParsedMessage[] = [];
  const connection = connect(url, {
    transport: world.transport,
    clock: world.clock,
    onMessage: (message) => void messages.push(message),
    onError: (error) => void errors.push(error),
    onState: (state) => void states.push(state),
    ...options,
  });
  return { world, connection, errors, states, messages, data: () => messages.map(({ data }) => data) };
}

/** The same, for a reader: nothing handles messages. */
function openToRead(options: ConnectOptions = {}) {
  const world = createWorld();
  const connection = connect(URL, { transport: world.transport, clock: world.clock, ...options });
  return { world, connection };
}

describe("the request", () => {
  test("asks for an event stream and, to begin with, for no place in it", () => {
    const { world } = open();
    expect(world.last.request).toEqual({
      url: URL,
      method: "GET",
      headers: { accept: "text/event-stream" },
      body: undefined,
    });
  });

  test("takes headers as an object, as pairs and as Headers, their names in lower case", () => {
    for (const headers of [{ "X-A": "1" }, [["X-A", "1"]] as const, new Headers({ "X-A": "1" })]) {
      expect(open({ headers }).world.last.request.headers["x-a"]).toBe("1");
    }
  });

  test("leaves out a header that is undefined", () => {
    expect(open({ headers: { a: undefined } }).world.last.request.headers).toEqual({
      accept: "text/event-stream",
    });
  });

  test("asks functions for URL, headers and body anew at each attempt", async () => {
    let attempt = 0;
    const { world } = open(
      {
        headers: async () => ({ token: `t${attempt}` }),
        body: () => `b${attempt}`,
        method: "POST",
        retry: { replay: true },
      },
      () => `${URL}?${++attempt}`,
    );
    await world.settle();
    world.last.fail();
    await world.advance(1000);
    expect(
      world.attempts.map(({ request }) => [request.url, request.headers["token"], request.body]),
    ).toEqual([
      [`${URL}?1`, "t1", "b1"],
      [`${URL}?2`, "t2", "b2"],
    ]);
  });

  test("takes a function that fails for a failed attempt, and says so", async () => {
    const { world, errors } = open({ headers: () => Promise.reject(new Error("no token")) });
    await world.settle();
    expect(errors[0]).toMatchObject({
      code: "request",
      message: "Cannot make the request: no token",
      willRetry: true,
    });
    expect(world.attempts).toHaveLength(0);
  });

  test("sends objects and arrays as JSON, and says of a string that looks like it that it is", () => {
    const json = open({ method: "POST", body: { q: "你好" } }).world.last.request;
    expect([json.body, json.headers["content-type"]]).toEqual(['{"q":"你好"}', "application/json"]);
    const string = open({ method: "POST", body: '{"q":1}' }).world.last.request;
    expect([string.body, string.headers["content-type"]]).toEqual(['{"q":1}', "application/json"]);
    const form = new URLSearchParams({ q: "1" });
    const other = open({ method: "POST", body: form }).world.last.request;
    expect([other.body, other.headers["content-type"]]).toEqual([form, undefined]);
    const own = open({ method: "POST", body: "{}", headers: { "content-type": "text/x" } }).world.last
      .request;
    expect(own.headers["content-type"]).toBe("text/x");
  });

  test("carries the cursor as a header, as a query parameter, or as a function puts it", () => {
    const asked = (cursorVia: ConnectOptions["cursorVia"], url = URL) =>
      open({ lastEventId: "é 1", ...(cursorVia && { cursorVia }) }, url).world.last.request;
    expect(asked(undefined).headers["last-event-id"]).toBe("é 1");
    expect(asked({ query: "after" })).toMatchObject({
      url: `${URL}?after=%C3%A9%201`,
      headers: { accept: "text/event-stream" },
    });
    expect(asked({ query: "after" }, `${URL}?a=1#b`).url).toBe(`${URL}?a=1&after=%C3%A9%201#b`);
    expect(asked((request, id) => (request.headers["x-cursor"] = id)).headers["x-cursor"]).toBe("é 1");
  });

  test("refuses a relative URL where there is no page, at the call", () => {
    expect(() => connect("/stream")).toThrow(
      'Cannot connect: url is "/stream", expected an absolute one, since there is no page to resolve it against',
    );
  });
});

describe("messages", () => {
  test("go to handlers of their event type and to onMessage, in order", () => {
    const { world, connection, messages } = open();
    const prices: string[] = [];
    connection.on("price", ({ data }) => prices.push(data));
    world.last.respond();
    void world.last.send("data: a\n\nevent: price\ndata: 1\n\nevent: price\nid: 7\ndata: 2\n\n");
    expect(prices).toEqual(["1", "2"]);
    expect(messages).toEqual([
      { event: "message", data: "a", id: "" },
      { event: "price", data: "1", id: "" },
      { event: "price", data: "2", id: "7" },
    ]);
    expect(connection.lastEventId).toBe("7");
  });

  test("wait for the first handler, and handlers that are added together see the same", async () => {
    const { world, connection } = openToRead();
    world.last.respond();
    void world.last.send("data: 1\n\n");
    const seen: string[] = [];
    connection.on("message", ({ data }) => seen.push(`a${data}`));
    connection.on("message", ({ data }) => seen.push(`b${data}`));
    await world.settle();
    expect(seen).toEqual(["a1", "b1"]);
  });

  test("are held back by a handler's promise, one after the other", async () => {
    const { world, connection } = openToRead();
    const seen: string[] = [];
    let done = () => {};
    connection.on("message", ({ data }) => {
      seen.push(data);
      return new Promise<void>((resolve) => {
        done = resolve;
      });
    });
    world.last.respond();
    const pressure = world.last.send("data: 1\n\ndata: 2\n\n");
    let read = false;
    void pressure?.then(() => {
      read = true;
    });
    await world.settle();
    expect([seen, read]).toEqual([["1"], false]);
    done();
    await world.settle();
    expect([seen, read]).toEqual([["1", "2"], false]);
    done();
    await world.settle();
    expect(read).toBe(true);
  });

  test("no longer go to a handler that was removed, not even by the handler before it", async () => {
    const { world, connection } = openToRead();
    const seen: string[] = [];
    connection.on("message", () => off());
    const off = connection.on("message", ({ data }) => seen.push(data));
    world.last.respond();
    void world.last.send("data: 1\n\n");
    await world.settle();
    expect(seen).toEqual([]);
  });

  test("that come after a handler failed still come; the error is reported as uncaught", async () => {
    const listeners = process.listeners("unhandledRejection");
    const uncaught = vi.fn<(error: unknown) => void>();
    process.removeAllListeners("unhandledRejection").on("unhandledRejection", uncaught);
    const { world, connection, data } = open();
    connection.on("message", () => {
      throw new Error("mine");
    });
    world.last.respond();
    void world.last.send("data: 1\n\ndata: 2\n\n");
    await eventually(() => expect(uncaught).toHaveBeenCalledTimes(2));
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
    expect(data()).toEqual(["1", "2"]);
  });
});

describe("for await", () => {
  test("sets the pace: the next chunk is asked for when the last one's messages were taken", async () => {
    const { world, connection } = openToRead();
    const reader = connection[Symbol.asyncIterator]();
    world.last.respond();
    let read = false;
    void world.last.send("data: 1\n\ndata: 2\n\n")?.then(() => {
      read = true;
    });
    expect((await reader.next()).value?.data).toBe("1");
    expect(read).toBe(false);
    expect((await reader.next()).value?.data).toBe("2");
    await world.settle();
    expect(read).toBe(true);
  });

  test("goes on over a reconnect", async () => {
    const { world, connection } = openToRead();
    const reader = connection[Symbol.asyncIterator]();
    world.last.respond();
    void world.last.send("id: 1\ndata: a\n\n");
    expect((await reader.next()).value?.data).toBe("a");
    world.last.end();
    await world.advance(1000);
    expect(world.last.request.headers["last-event-id"]).toBe("1");
    world.last.respond();
    void world.last.send("id: 2\ndata: b\n\n");
    expect((await reader.next()).value?.data).toBe("b");
  });

  test("that is slow outlives another attempt: its chunks wait for what came before", async () => {
    let requests = 0;
    const url = await serve((request, response) => {
      requests++;
      const last = Number(request.headers["last-event-id"] ?? 0);
      const messages = Array.from({ length: 3000 }, (_, at) => `id: ${last + at + 1}\ndata: x\n\n`);
      response.writeHead(200, { "content-type": "text/event-stream" }).write(messages.join(""));
    });
    const connection = connect(url);
    const reader = connection[Symbol.asyncIterator]();
    const ids: number[] = [];
    const read = async () => void ids.push(Number((await reader.next()).value?.id));
    await read();
    connection.reconnect();
    await eventually(() => expect([requests, connection.state]).toEqual([2, "open"]));
    // Time for its first chunk to come.
    for (let turn = 0; turn < 20; turn++) {
      await read();
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (ids.length < 4000) await read();
    connection.close();
    expect(ids).toEqual(Array.from({ length: 4000 }, (_, at) => at + 1));
  });

  test("takes a chunk of very many messages in a time that grows with their number alone", async () => {
    const { world, connection } = openToRead();
    world.last.respond();
    void world.last.send("data:x\n\n".repeat(300_000));
    let count = 0;
    for await (const _ of connection) if (++count === 300_000) break;
    expect(connection.state).toBe("closed");
  });

  test("closes the connection when the loop is left", async () => {
    const { world, connection } = openToRead();
    world.last.respond();
    void world.last.send("data: 1\n\ndata: 2\n\n");
    for await (const message of connection) {
      expect(message.data).toBe("1");
      break;
    }
    expect(world.last.aborted).toBe(true);
    expect(await connection.ended).toEqual({ reason: "closed" });
  });

  test("has one reader", () => {
    const { connection } = openToRead();
    connection[Symbol.asyncIterator]();
    expect(() => connection[Symbol.asyncIterator]()).toThrow(
      "Cannot iterate: the connection has a reader already, expected one",
    );
  });

  test("ends when the stream is complete, after all its messages", async () => {
    const { world, connection } = openToRead({ method: "POST" });
    world.last.respond();
    void world.last.send("data: 1\n\ndata: 2\n\n");
    world.last.end();
    const seen: string[] = [];
    for await (const { data } of connection) seen.push(data);
    expect(seen).toEqual(["1", "2"]);
    expect(await connection.ended).toEqual({ reason: "complete" });
  });

  test("throws what cut the stream short", async () => {
    const { world, connection } = openToRead({ method: "POST" });
    const reader = connection[Symbol.asyncIterator]();
    world.last.respond();
    void world.last.send("data: 1\n\n");
    expect((await reader.next()).value?.data).toBe("1");
    const rest = reader.next();
    world.last.fail();
    await expect(rest).rejects.toMatchObject({ name: "EventStreamError", code: "network" });
    await expect(reader.next()).rejects.toMatchObject({ code: "network" });
  });

  test("throws the signal's reason", async () => {
    const controller = new AbortController();
    const { connection } = openToRead({ signal: controller.signal });
    const reading = connection[Symbol.asyncIterator]().next();
    controller.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
    expect(await connection.ended).toMatchObject({ reason: "aborted", cause: new Error("enough") });
  });
});

describe("readable", () => {
  test("is the messages as a stream, and reads nothing ahead", async () => {
    const { world, connection } = openToRead({ method: "POST" });
    world.last.respond();
    let read = false;
    void world.last.send("data: 1\n\ndata: 2\n\n")?.then(() => {
      read = true;
    });
    const reader = connection.readable.getReader();
    expect((await reader.read()).value?.data).toBe("1");
    await world.settle();
    expect(read).toBe(false);
    expect((await reader.read()).value?.data).toBe("2");
    world.last.end();
    expect((await reader.read()).done).toBe(true);
  });

  test("closes the connection when it is cancelled", async () => {
    const { world, connection } = openToRead();
    await connection.readable.cancel();
    expect(world.last.aborted).toBe(true);
    expect(connection.state).toBe("closed");
  });
});

describe("refusals", () => {
  test.each([400, 403, 404, 410, 422, 501 - 100])(
    "of status %i stop, and say status, URL and the start of the body",
    async (status) => {
      const { world, connection } = open();
      world.last.respond(status, { "content-type": "application/json" }, '{"error":"no such stream"}');
      const verdict = await connection.ended;
      expect(verdict).toMatchObject({
        reason: "gave-up",
        cause: {
          code: "status",
          status,
          url: URL,
          body: '{"error":"no such stream"}',
          willRetry: false,
          message: `Cannot open event stream ${URL}: status is ${status}, expected 200: {"error":"no such stream"}`,
        },
      });
      expect(world.timers).toBe(0);
    },
  );

  test.each([408, 425, 429, 500, 502, 503, 504])("of status %i are come back from", async (status) => {
    const { world, connection, errors } = open();
    world.last.respond(status);
    await world.settle();
    expect([connection.state, errors[0]!.willRetry]).toEqual(["waiting", true]);
    await world.advance(1000);
    expect(world.attempts).toHaveLength(2);
  });

  test("of the status table are what the table says", async () => {
    const one = open({ retry: { statuses: { 404: "return", 503: "stop" } } });
    one.world.last.respond(404);
    await one.world.settle();
    expect(one.connection.state).toBe("waiting");
    await one.world.advance(1000);
    one.world.last.respond(503);
    await one.world.settle();
    expect(one.connection.state).toBe("closed");
  });

  test("by 204 end the stream as complete", async () => {
    const { world, connection, errors } = open();
    world.last.respond(204);
    expect(await connection.ended).toEqual({ reason: "complete" });
    expect([errors, world.timers]).toEqual([[], 0]);
  });

  test("by content type stop, and say which came", async () => {
    for (const type of ["text/html", "text/event-streamX", "application/json", null]) {
      const { world, connection } = open();
      world.last.respond(200, { "content-type": type as string }, "<!doctype html>");
      expect(await connection.ended).toMatchObject({
        reason: "gave-up",
        cause: {
          code: "content-type",
          message: `Cannot open event stream ${URL}: content-type is ${JSON.stringify(type)}, expected text/event-stream: <!doctype html>`,
        },
      });
    }
  });

  test("do not wait for a body that never ends", async () => {
    const { world, connection } = open();
    const { sink, request } = world.last;
    sink.onResponse({ status: 404, url: request.url, header: () => null });
    void world.last.send("not ");
    await world.advance(1999);
    void world.last.send("here");
    expect(connection.state).toBe("connecting");
    await world.advance(1);
    expect(await connection.ended).toMatchObject({
      reason: "gave-up",
      cause: { status: 404, body: "not here" },
    });
    expect([world.last.aborted, world.timers]).toEqual([true, 0]);
  });

  test("have 64 Ki characters of their body kept, and no more awaited", async () => {
    const { world, connection } = open();
    const { sink, request } = world.last;
    sink.onResponse({ status: 404, url: request.url, header: () => null });
    for (let chunks = 0; chunks < 7; chunks++) void world.last.send("x".repeat(10_000));
    const { cause } = await connection.ended;
    expect((cause as EventStreamError).body).toHaveLength(65_536);
    expect(world.last.aborted).toBe(true);
  });

  test("accept any spelling of the content type, with parameters", () => {
    for (const type of ["text/event-stream", "Text/Event-Stream; charset=utf-8", " text/event-stream ;"]) {
      const { world, connection } = open();
      world.last.respond(200, { "content-type": type });
      expect(connection.state).toBe("open");
    }
  });
});

describe("returning", () => {
  test("honours Retry-After in seconds and as a date", async () => {
    const one = open();
    one.world.last.respond(503, { "retry-after": "7" });
    await one.world.advance(6999);
    expect(one.world.attempts).toHaveLength(1);
    await one.world.advance(1);
    expect(one.world.attempts).toHaveLength(2);

    const two = open();
    two.world.last.respond(503, { "retry-after": new Date(two.world.nowMs + 20_000).toUTCString() });
    await two.world.advance(18_900);
    expect(two.world.attempts).toHaveLength(1);
    await two.world.advance(1200);
    expect(two.world.attempts).toHaveLength(2);
  });

  test("gives up after the attempts that the policy allows, and says after what", async () => {
    const { world, connection } = open({ retry: { attempts: 3 } });
    for (let attempt = 0; attempt < 3; attempt++) {
      world.last.fail();
      await world.advance(10_000);
    }
    expect(world.attempts).toHaveLength(3);
    expect(await connection.ended).toMatchObject({
      reason: "gave-up",
      cause: {
        code: "exhausted",
        message: `Gave up after 3 attempts: Event stream ${URL} failed: fetch failed`,
        cause: { code: "network" },
      },
    });
  });

  test("never happens with retry: false", async () => {
    const { world, connection } = open({ retry: false });
    world.last.fail();
    expect(await connection.ended).toMatchObject({ reason: "gave-up", cause: { code: "network" } });
    expect(world.timers).toBe(0);
  });

  test("reports its steps to trace", async () => {
    const steps: string[] = [];
    const { world } = open({
      trace: ({ attempt, state, what, waitMs, error }) =>
        void steps.push([attempt, what, state, waitMs ?? "-", error?.code ?? "-"].join(" ")),
    });
    world.last.respond();
    void world.last.send("retry: 2000\n\n");
    world.last.end();
    await world.advance(2000);
    expect(steps).toEqual([
      "1 start connecting - -",
      "1 opened open - -",
      "1 retry open - -",
      "1 lost waiting 2000 ended",
      "2 due connecting - -",
    ]);
  });

  test("reports to trace the loss that used up the attempts, and the end", async () => {
    const steps: string[] = [];
    const { world, connection } = open({
      retry: { attempts: 1 },
      trace: ({ what, state, waitMs }) => void steps.push([what, state, waitMs ?? "-"].join(" ")),
    });
    world.last.fail();
    await connection.ended;
    expect(steps).toEqual(["start connecting -", "lost waiting 1000", "close closed -"]);
  });

  test("goes through the states in order", async () => {
    const { world, connection, states } = open();
    world.last.respond();
    world.last.end();
    await world.advance(1000);
    connection.close();
    expect(states).toEqual(["open", "waiting", "connecting", "closed"]);
  });
});

describe("what the page and the network do", () => {
  test("offline pauses, if asked to, and online returns from the cursor", async () => {
    const { world, connection } = open({ whenOffline: "pause" });
    world.last.respond();
    void world.last.send("id: 4\ndata: x\n\n");
    await world.advance(5000);
    world.signals!.onNetwork(false);
    expect([connection.state, world.last.aborted]).toEqual(["paused", true]);
    await world.advance(60_000);
    expect(world.attempts).toHaveLength(1);
    world.signals!.onNetwork(true);
    expect(world.attempts).toHaveLength(2);
    expect(world.last.request.headers["last-event-id"]).toBe("4");
  });

  test("a hidden page stays connected by default", () => {
    const { world, connection } = open();
    world.last.respond();
    world.signals!.onHide();
    expect(connection.state).toBe("open");
  });

  test("a hidden page pauses at once or after a time, if asked to", async () => {
    const once = open({ whenHidden: "pause" });
    once.world.last.respond();
    once.world.signals!.onHide();
    expect(once.connection.state).toBe("paused");

    const later = open({ whenHidden: 60_000, idleMs: 0 });
    later.world.last.respond();
    later.world.signals!.onHide();
    await later.world.advance(59_999);
    expect(later.connection.state).toBe("open");
    later.world.signals!.onShow(false);
    void later.world.last.send(":\n");
    await later.world.advance(60_000);
    expect(later.connection.state).toBe("open");
    later.world.signals!.onHide();
    await later.world.advance(60_000);
    expect(later.connection.state).toBe("paused");
    later.world.signals!.onShow(false);
    expect(later.connection.state).toBe("connecting");
  });

  test("a platform that has killed the request while hidden is believed, and the stream taken up at once", async () => {
    const { world, connection, errors } = open();
    world.last.respond();
    await world.advance(5000);
    world.signals!.onHide();
    world.signals!.onShow(true);
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ["interrupted", `Event stream ${URL} was cut while the program was hidden`],
    ]);
    expect([world.attempts.length, world.attempts[0]!.aborted, connection.state]).toEqual([
      2,
      true,
      "connecting",
    ]);
  });

  test("a hidden program does not wait for an attempt that it could not make, and returns when shown", async () => {
    const waiting = open();
    waiting.world.last.fail();
    waiting.world.signals!.onHide();
    const failing = open();
    failing.world.signals!.onHide();
    failing.world.last.fail();
    for (const { world, connection } of [waiting, failing]) {
      expect([connection.state, world.timers]).toEqual(["paused", 0]);
      await world.advance(60_000);
      world.signals!.onShow(false);
      expect([connection.state, world.attempts.length]).toEqual(["connecting", 2]);
    }
  });

  test("another network is as good as none before: what was open over the old one is left", async () => {
    const { world, connection } = open();
    world.last.respond();
    await world.advance(5000);
    world.signals!.onNetwork(true);
    expect([world.attempts[0]!.aborted, world.attempts.length, connection.state]).toEqual([
      true,
      2,
      "connecting",
    ]);
  });

  test("it returns neither hidden with a network nor shown without one", async () => {
    const { world, connection } = open({ whenHidden: "pause", whenOffline: "pause" });
    const { signals } = world;
    const states: string[] = [];
    await world.advance(5000);
    for (const tell of [
      () => signals!.onHide(),
      () => signals!.onNetwork(false),
      () => signals!.onNetwork(true),
      () => signals!.onNetwork(false),
      () => signals!.onShow(false),
      () => signals!.onNetwork(true),
    ]) {
      tell();
      states.push(connection.state);
    }
    expect(states).toEqual(["paused", "paused", "paused", "paused", "paused", "connecting"]);
  });

  test("a stream that is not asked for twice is left alone", async () => {
    const { world, connection } = open({ method: "POST", whenHidden: "pause" });
    world.last.respond();
    world.signals!.onHide();
    world.signals!.onNetwork(false);
    world.signals!.onNetwork(true);
    world.signals!.onShow(false);
    await world.advance(10_000);
    expect([connection.state, world.attempts.length]).toEqual(["open", 1]);
  });
});

describe("limits", () => {
  test("on a message and a line end the connection with an error that says which", async () => {
    const line = open({ maxMessageBytes: 100 });
    line.world.last.respond();
    void line.world.last.send(`data: ${"x".repeat(200)}`);
    expect(await line.connection.ended).toMatchObject({
      reason: "gave-up",
      cause: {
        code: "too-large",
        message: expect.stringContaining("a message is longer than 100 bytes") as string,
      },
    });
    const message = open({ maxMessageBytes: 100 });
    message.world.last.respond();
    void message.world.last.send(`data: ${"x".repeat(60)}\ndata: ${"x".repeat(60)}\n`);
    expect(await message.connection.ended).toMatchObject({ cause: { code: "too-large" } });
  });

  test("on the queue count only what comes although the transport was asked to wait", async () => {
    const { world, connection } = openToRead({ maxQueuedMessages: 3 });
    world.last.respond();
    void world.last.send("data: 1\n\n".repeat(10));
    expect(connection.state).toBe("open");
    void world.last.send("data: 1\n\n");
    expect(await connection.ended).toMatchObject({
      reason: "gave-up",
      cause: { code: "too-large", message: expect.stringContaining("maxQueuedMessages") as string },
    });
  });

  test("on the bytes of the queue count as well: what waits may reach them, and one more ends the connection", async () => {
    const { world, connection } = openToRead({ maxQueuedBytes: 300 });
    world.last.respond();
    const send = () => void world.last.send(`data: ${"x".repeat(100)}\n\n`);
    for (let count = 0; count < 2; count++) send();
    expect(connection.state).toBe("open");
    send();
    expect(await connection.ended).toMatchObject({
      reason: "gave-up",
      cause: { code: "too-large", message: expect.stringContaining("maxQueuedBytes") as string },
    });
  });

  test("on the bytes of the queue are of what waits now", async () => {
    const { world, connection } = openToRead({ maxQueuedBytes: 900 });
    world.last.respond();
    const reader = connection[Symbol.asyncIterator]();
    for (let count = 0; count < 50; count++) {
      void world.last.send(`data: ${"x".repeat(400)}\n\n`);
      void world.last.send("data: 1\n\n");
      for (const length of [400, 1]) expect((await reader.next()).value?.data).toHaveLength(length);
    }
    expect(connection.state).toBe("open");
  });

  test("on the queue hold for messages that the transport has parsed, and nothing is thrown at it", async () => {
    const { world, connection } = openToRead({ maxQueuedMessages: 3 });
    world.last.respond();
    const tell = () => world.last.sink.onMessage!({ event: "message", data: "x", id: "" });
    for (let count = 0; count < 3; count++) void tell();
    expect(connection.state).toBe("open");
    expect(tell()).toBeUndefined();
    expect(await connection.ended).toMatchObject({
      reason: "gave-up",
      cause: { code: "too-large", message: expect.stringContaining("maxQueuedMessages") as string },
    });
  });
});
