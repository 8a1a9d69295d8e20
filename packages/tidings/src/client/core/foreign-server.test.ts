/**
 * Servers, platforms and options that are not as they should be.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";

import { createWorld } from "../../../../../test/support/client-world.ts";
import { open, URL } from "../../../../../test/support/open-connection.ts";
import { connect, type ConnectOptions } from "../connect.ts";
import { systemClock } from "./clock.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("a request that can never be made ends the connection, with an error that says why", () => {
  test.each<[string, string | (() => string), ConnectOptions]>([
    ["a GET with a body", "http://127.0.0.1:1/", { body: "x" }],
    ["credentials in the URL", "http://user:pass@127.0.0.1:1/", {}],
    ["a header name that is none", "http://127.0.0.1:1/", { headers: { "a b": "1" } }],
    ["a control character in a header", "http://127.0.0.1:1/", { headers: { a: "\u0001" } }],
    ["a header that is no text", "http://127.0.0.1:1/", { headers: { a: Symbol("x") as never } }],
    ["a control character in the cursor", "http://127.0.0.1:1/", { lastEventId: "\u001f" }],
    ["a header value beyond Latin-1", "http://127.0.0.1:1/", { headers: { a: "好" } }],
    ["a forbidden method", "http://127.0.0.1:1/", { method: "TRACE", retry: { replay: true } }],
    ["a relative URL from a function", () => "/stream", {}],
  ])("%s", async (_name, url, options) => {
    const verdict = await connect(url, options).ended;
    expect(verdict).toMatchObject({ reason: "gave-up", cause: { code: "request", willRetry: false } });
    expect((verdict.cause as Error).message).toMatch(/^Cannot make the request to /);
  });
});

test("an id that no request can carry back ends the connection when it has to return, with words", async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).end("id: a\u001fb\ndata: 1\n\n");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const ids: string[] = [];
  const { ended } = connect(url, { retry: { baseMs: 100, capMs: 100 }, onMessage: ({ id }) => ids.push(id) });
  expect(await ended).toMatchObject({ reason: "gave-up", cause: { code: "request", willRetry: false } });
  expect((await ended).cause).toMatchObject({
    message: `Cannot make the request to ${url}: last-event-id has control characters: fetch failed: invalid last-event-id header`,
  });
  // As the standard has it, the message came with its id.
  expect(ids).toEqual(["a\u001fb"]);
  server.close();
});

describe("an answer", () => {
  test.each([201, 202, 206, 226, 299])("of status %i that is an event stream is read", async (status) => {
    const { world, connection, data } = open({ method: "POST" });
    world.last.respond(status);
    void world.last.send("data: x\n\n");
    world.last.end();
    expect([await connection.ended, data]).toEqual([{ reason: "complete" }, ["x"]]);
  });

  test.each([
    ["text/event-stream, text/event-stream", true],
    ["text/html, text/event-stream", true],
    ['text/event-stream;charset=utf-8, text/event-stream; charset="a,b"', true],
    ["text/event-stream, nonsense", true],
    ["text/event-stream, */*", true],
    ["text/event-stream, text/html", false],
    ['text/plain; note="x, text/event-stream"', false],
    ["text/event-streamer", false],
    ["", false],
  ])("of content type %j is an event stream: %s", async (type, isOne) => {
    const { world, connection } = open();
    world.last.respond(200, { "content-type": type });
    await world.settle();
    if (!isOne) world.last.end();
    await world.settle();
    expect(connection.state).toBe(isOne ? "open" : "closed");
  });

  test("that is a page after the stream has worked is a passing fault, and final before", async () => {
    const passing = open();
    passing.world.last.respond();
    passing.world.last.end();
    await passing.world.advance(1000);
    passing.world.last.respond(200, { "content-type": "text/html" }, "Back in a minute");
    await passing.world.settle();
    expect([passing.connection.state, passing.errors.at(-1)!.willRetry]).toEqual(["waiting", true]);
    const first = open();
    first.world.last.respond(200, { "content-type": "text/html" });
    expect(await first.connection.ended).toMatchObject({ cause: { code: "content-type" } });
  });

  test("that is a page is what the status table says of its status", async () => {
    const page = { "content-type": "text/html" };
    const returning = open({ retry: { statuses: { 200: "return" } } });
    returning.world.last.respond(200, page);
    await returning.world.settle();
    expect(returning.connection.state).toBe("waiting");
    const stopping = open({ retry: { statuses: { 200: "stop" } } });
    stopping.world.last.respond();
    stopping.world.last.end();
    await stopping.world.advance(1000);
    stopping.world.last.respond(200, page);
    await stopping.world.settle();
    expect(stopping.connection.state).toBe("closed");
  });

  test("of 401 asks for fresh credentials again when there was another failure since", async () => {
    let calls = 0;
    const { world, connection } = open({ refresh: async () => void calls++ });
    world.last.respond(401);
    await world.settle();
    world.last.respond(503);
    await world.advance(1000);
    world.last.respond(401);
    await world.settle();
    expect([calls, connection.state, world.attempts.length]).toEqual([2, "connecting", 4]);
    world.last.respond(401);
    expect(await connection.ended).toMatchObject({ cause: { status: 401 } });
  });

  test("that never comes is a failed attempt after connectTimeoutMs, by default a minute", async () => {
    const { world, errors } = open({ idleMs: 0 });
    await world.advance(60_000);
    expect(errors).toMatchObject([
      { code: "timeout", message: `Event stream ${URL} was not answered within 60000 ms`, willRetry: true },
    ]);
    const own = open({ idleMs: 0, connectTimeoutMs: 500 });
    await own.world.advance(500);
    expect(own.errors).toMatchObject([{ code: "timeout" }]);
    const slow = open({ method: "POST" });
    await slow.world.advance(600_000);
    expect([slow.connection.state, slow.errors]).toEqual(["connecting", []]);
  });

  test("whose first byte never comes is a failed attempt after firstByteTimeoutMs", async () => {
    const { world, errors, connection } = open({ idleMs: 0, firstByteTimeoutMs: 500 });
    world.last.respond();
    await world.advance(499);
    void world.last.send(":");
    await world.advance(60_000);
    expect([connection.state, errors]).toEqual(["open", []]);
    // A reader that is behind from the attempt before keeps the next one from being read.
    const behind = open({ idleMs: 0, firstByteTimeoutMs: 500, onMessage: () => new Promise(() => {}) });
    behind.world.last.respond();
    void behind.world.last.send("data: 1\n\n");
    behind.connection.reconnect();
    behind.world.last.respond();
    await behind.world.advance(60_000);
    expect([behind.connection.state, behind.errors]).toEqual(["open", []]);
    const silent = open({ idleMs: 0, firstByteTimeoutMs: 500 });
    silent.world.last.respond();
    await silent.world.advance(500);
    expect(silent.errors).toMatchObject([
      { code: "timeout", message: `Event stream ${URL} sent no byte within 500 ms` },
    ]);
  });
});

describe("the retry policy", () => {
  test.each(["baseMs", "capMs", "healthyMs", "attempts", "budgetMs"] as const)(
    "takes undefined for the default of %s, and refuses nonsense",
    async (name) => {
      const { world } = open({ retry: { [name]: undefined } });
      world.last.fail();
      await world.advance(999);
      expect(world.attempts).toHaveLength(1);
      await world.advance(1);
      expect(world.attempts).toHaveLength(2);
      for (const value of [NaN, -1, "5", null]) {
        expect(() => connect(URL, { retry: { [name]: value as never } })).toThrow(
          `Cannot connect: retry.${name} is ${String(value)}, expected a number of at least `,
        );
      }
    },
  );

  test("makes no storm, whatever it is", async () => {
    expect(() => connect(URL, { retry: { baseMs: 0 } })).toThrow(
      "Cannot connect: retry.baseMs is 0, expected a number of at least 100",
    );
    const { world } = open({ retry: { baseMs: 100, capMs: 0, healthyMs: 0 } });
    for (let time = 0; time < 200; time++) {
      world.last.respond();
      void world.last.send("retry: 0\n\n");
      world.last.end();
      await world.advance(10);
    }
    expect(world.attempts.length).toBeLessThanOrEqual(21);
  });
});

test("a wait longer than a timer can be does not end at once", () => {
  vi.useFakeTimers();
  const due = vi.fn();
  for (const ms of [2 ** 40, Infinity]) systemClock.setTimeout(due, ms);
  vi.advanceTimersByTime(2 ** 31 - 2);
  expect(due).not.toHaveBeenCalled();
  vi.useRealTimers();
});

test("a clock that is set back an hour makes no wait longer", async () => {
  vi.useFakeTimers({ now: 10_000_000 });
  const world = createWorld();
  const connection = connect(URL, { transport: world.transport, clock: { ...systemClock, random: () => 0 } });
  world.last.fail();
  vi.setSystemTime(10_000_000 - 3_600_000);
  world.signals!.onNetwork(false);
  world.signals!.onNetwork(true);
  await vi.advanceTimersByTimeAsync(1000);
  expect([connection.state, world.attempts.length]).toEqual(["connecting", 2]);
  connection.close();
});

test("many connections on one signal warn of no leak, and all end with it", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on("warning", note);
  const controller = new AbortController();
  const opened = Array.from({ length: 30 }, () => open({ signal: controller.signal }));
  opened[0]!.connection.close();
  controller.abort("enough");
  for (const { connection } of opened.slice(1)) {
    expect(await connection.ended).toEqual({ reason: "aborted", cause: "enough" });
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off("warning", note);
  expect(warnings).toEqual([]);
});

test("a refused connection says so, with its cause", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const { cause } = await connect(`http://127.0.0.1:${port}/`, { retry: false }).ended;
  expect((cause as Error).message).toContain(`fetch failed: connect ECONNREFUSED 127.0.0.1:${port}`);
});

test("a protocol of its own belongs to the application's fetch, and to no other", async () => {
  const urls: string[] = [];
  const fetch = async (url: string) => {
    urls.push(url);
    return new Response("data: x\n\n", { headers: { "content-type": "text/event-stream" } });
  };
  const seen: string[] = [];
  const connection = connect("tauri://app/stream", {
    fetch,
    onMessage: ({ data }) => {
      seen.push(data);
      connection.close();
    },
  });
  await connection.ended;
  expect([urls, seen]).toEqual([["tauri://app/stream"], ["x"]]);
  expect(await connect("tauri://app/stream").ended).toMatchObject({ cause: { code: "unsupported" } });
});

describe("until", () => {
  test("is asked before the message is decoded, so that [DONE] is no invalid message", async () => {
    const errors: unknown[] = [];
    const seen: unknown[] = [];
    const world = createWorld();
    const connection = connect(URL, {
      transport: world.transport,
      clock: world.clock,
      json: true,
      invalid: "throw",
      until: ({ data }) => data === "[DONE]",
      onError: (error) => void errors.push(error),
      onMessage: ({ data }) => void seen.push(data),
    });
    world.last.respond();
    void world.last.send('data: {"a":1}\n\ndata: [DONE]\n\n');
    expect(await connection.ended).toEqual({ reason: "complete" });
    expect([seen, errors]).toEqual([[{ a: 1 }], []]);
  });

  test("may say that the answer failed, and why", async () => {
    const failed = { code: 7, message: "overloaded" };
    const { world, connection, errors } = open({
      method: "POST",
      until: ({ event }) => (event === "error" ? { failed } : event === "done"),
    });
    const reading = (async () => {
      for await (const _ of connection);
    })();
    world.last.respond();
    void world.last.send("data: a\n\nevent: error\ndata: x\n\n");
    expect(await connection.ended).toMatchObject({
      reason: "failed",
      cause: {
        code: "failed",
        message: "The server says that its answer failed: overloaded",
        willRetry: false,
      },
    });
    expect([((await connection.ended).cause as Error).cause, errors.length]).toEqual([failed, 1]);
    await expect(reading).rejects.toMatchObject({ code: "failed" });
  });
});

describe("reconnect()", () => {
  test("cuts the current attempt, and makes another at once from the last event ID", () => {
    const { world, connection } = open();
    world.last.respond();
    void world.last.send("id: 3\ndata: x\n\n");
    connection.reconnect();
    expect([
      world.attempts[0]!.aborted,
      world.attempts.length,
      world.last.request.headers["last-event-id"],
    ]).toEqual([true, 2, "3"]);
  });

  test("ends a wait and a pause, and does nothing after the end", async () => {
    const { world, connection } = open({ whenHidden: "pause" });
    world.last.fail();
    connection.reconnect();
    expect(world.attempts).toHaveLength(2);
    world.signals!.onHide();
    expect(connection.state).toBe("paused");
    connection.reconnect();
    expect([connection.state, world.attempts.length]).toEqual(["connecting", 3]);
    connection.close();
    connection.reconnect();
    expect([connection.state, world.attempts.length, world.timers]).toEqual(["closed", 3, 0]);
  });
});

describe('replay: "unanswered"', () => {
  test("repeats a POST while no event stream came back, and not after", async () => {
    const { world, connection } = open({ method: "POST", retry: { replay: "unanswered" } });
    world.last.fail();
    await world.advance(1000);
    world.last.respond(503);
    await world.advance(10_000);
    expect(world.attempts).toHaveLength(3);
    world.last.respond();
    void world.last.send("data: x\n\n");
    world.last.fail();
    expect(await connection.ended).toMatchObject({ reason: "truncated", cause: { code: "network" } });
    expect(world.attempts).toHaveLength(3);
  });
});

test("QUERY is safe, and repeated as GET is", async () => {
  const { world } = open({ method: "query", body: "select" });
  world.last.respond();
  world.last.fail();
  await world.advance(1000);
  expect(world.attempts.map(({ request }) => [request.method, request.body])).toEqual([
    ["QUERY", "select"],
    ["QUERY", "select"],
  ]);
});
