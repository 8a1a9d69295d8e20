/**
 * Failures of other clients, each from a public thread, and each impossible here.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { createWorld } from "../../../../test/support/client-world.ts";
import { open, URL } from "../../../../test/support/open-connection.ts";
import { createParser } from "../wire/parser.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import { serve } from "../../../../test/support/serve.ts";
import { connect, type ConnectOptions } from "./connect.ts";
import { EventSource } from "./event-source.ts";
import type { EventStreamError } from "./core/event-stream-error.ts";

// A machine may be busy with much else.
vi.setConfig({ testTimeout: 60_000 });
const eventually = (check: () => unknown, options?: { timeout?: number; interval?: number }) =>
  vi.waitFor(check, { timeout: 20_000, interval: 5, ...options });

describe("a failure of another client", () => {
  test("Azure/fetch-event-source #36: switching tabs closes the stream and sends the POST again, and tokens are paid for twice", async () => {
    const { world, connection, data } = open({ method: "POST", body: { q: "?" } });
    world.last.respond();
    void world.last.send("data: Ti\n\n");
    for (let times = 0; times < 3; times++) {
      world.signals!.onHide();
      await world.advance(60_000);
      world.signals!.onShow(false);
    }
    void world.last.send("data: dings\n\n");
    world.last.end();
    await world.advance(60_000);
    expect([data, world.attempts.length]).toEqual([["Ti", "dings"], 1]);
    expect(await connection.ended).toEqual({ reason: "complete" });
  });

  test("Azure/fetch-event-source #36: nor is a POST sent again when its stream breaks, unless that was asked for", async () => {
    const once = open({ method: "POST", body: "?" });
    once.world.last.respond();
    void once.world.last.send("id: 1\ndata: Ti\n\n");
    once.world.last.fail();
    await once.world.advance(60_000);
    expect(once.world.attempts).toHaveLength(1);
    expect(await once.connection.ended).toMatchObject({ reason: "truncated", cause: { code: "network" } });

    const again = open({ method: "POST", body: "?", retry: { replay: true } });
    again.world.last.respond();
    again.world.last.fail();
    await again.world.advance(60_000);
    expect(again.world.attempts).toHaveLength(2);
  });

  test("Azure/fetch-event-source #95: one request's failure is judged by another's signal", async () => {
    const a = new AbortController();
    const b = new AbortController();
    const one = open({ signal: a.signal });
    const two = open({ signal: b.signal });
    one.world.last.respond();
    two.world.last.respond();
    b.abort();
    one.world.last.fail();
    await one.world.settle();
    expect([one.connection.state, two.connection.state]).toEqual(["waiting", "closed"]);
  });

  test("Azure/fetch-event-source #95: a late result of an old attempt is taken for the new one's", async () => {
    const { world, connection, data } = open();
    const old = world.last;
    old.respond();
    old.fail();
    await world.advance(1000);
    void old.send("data: late\n\n");
    old.end();
    old.fail();
    expect([connection.state, data, world.timers]).toEqual(["connecting", [], 1]);
    world.last.respond();
    expect(connection.state).toBe("open");
  });

  test("Azure/fetch-event-source #17: the retry timer still fires while the page is hidden", async () => {
    const { world, connection } = open({ whenHidden: "pause" });
    world.last.fail();
    world.signals!.onHide();
    await world.advance(600_000);
    expect([connection.state, world.attempts.length, world.timers]).toEqual(["paused", 1, 0]);
    world.signals!.onShow(false);
    expect(world.attempts).toHaveLength(2);
  });

  test("Azure/fetch-event-source #33: an expired token is used for ever", async () => {
    let token = "old";
    const refresh = vi.fn<() => Promise<void>>(async () => {
      token = "new";
    });
    const { world, connection, errors } = open({ headers: () => ({ authorization: token }), refresh });
    world.last.respond(401);
    await world.settle();
    expect(world.attempts.map(({ request }) => request.headers["authorization"])).toEqual(["old", "new"]);
    world.last.respond();
    expect([connection.state, refresh.mock.calls.length, errors]).toEqual(["open", 1, []]);
  });

  test("Azure/fetch-event-source #33: streams whose token ran out together refresh it once", async () => {
    let land = () => {};
    const refresh = vi.fn<() => Promise<void>>(
      () =>
        new Promise((resolve) => {
          land = resolve;
        }),
    );
    const streams = [open({ refresh }), open({ refresh }), open({ refresh, method: "POST" })];
    for (const { world } of streams) world.last.respond(401);
    await streams[0]!.world.settle();
    expect(refresh).toHaveBeenCalledTimes(1);
    land();
    await streams[0]!.world.settle();
    expect(streams.map(({ world }) => world.attempts.length)).toEqual([2, 2, 2]);
  });

  test("Azure/fetch-event-source #33: a token that is refused when fresh is not refreshed again", async () => {
    const refresh = vi.fn<() => void>();
    const { world, connection } = open({ refresh });
    world.last.respond(401);
    await world.settle();
    world.last.respond(401);
    expect(await connection.ended).toMatchObject({ reason: "gave-up", cause: { status: 401 } });
    expect([refresh.mock.calls.length, world.attempts.length]).toEqual([1, 2]);
    const failing = open({ refresh: () => Promise.reject(new Error("logged out")) });
    failing.world.last.respond(401);
    expect(await failing.connection.ended).toMatchObject({
      reason: "gave-up",
      cause: { status: 401, message: expect.stringContaining("logged out") as string },
    });
  });

  test("Azure/fetch-event-source #87: aborting in the error handler does not stop the retries", async () => {
    const controller = new AbortController();
    const { world, connection } = open({ signal: controller.signal, onError: () => controller.abort() });
    world.last.fail();
    await world.advance(600_000);
    expect([world.attempts.length, world.timers]).toEqual([1, 0]);
    expect(await connection.ended).toMatchObject({ reason: "aborted" });
  });

  test("Azure/fetch-event-source #50: newlines vanish from streamed text", () => {
    const { world, data } = open();
    world.last.respond();
    void world.last.send("data:\ndata:\ndata: a\ndata:\n\ndata\n\n");
    expect(data).toEqual(["\n\na\n", ""]);
  });

  test("Azure/fetch-event-source #39: document is not defined in workers", () => {
    // No browser's object is there in this process, and none was missed by any test of this folder.
    expect(
      ["document", "window", "localStorage"].filter((name) => name in globalThis && name !== "localStorage"),
    ).toEqual([]);
    const core = readdirSync(new globalThis.URL("./core/", import.meta.url)).filter(
      // The browser's own way in.
      (name) => /^[\w-]+\.ts$/.test(name) && name !== "connect.ts",
    );
    expect(core).toContain("open-connection.ts");
    for (const file of core) {
      const source = readFileSync(new globalThis.URL(`./core/${file}`, import.meta.url), "utf8").replace(
        /\/\*[\s\S]*?\*\/|\/\/.*/g,
        "",
      );
      expect(source).not.toMatch(
        /\b(document|window|navigator|globalThis|fetch|AbortController|TextDecoder)\b/,
      );
    }
  });

  test("Azure/fetch-event-source #3: nobody can see what a stream over fetch did", () => {
    const trace = vi.fn<NonNullable<ConnectOptions["trace"]>>();
    const { world } = open({ trace });
    world.last.fail();
    expect(trace.mock.calls.map(([{ what, state }]) => `${what} ${state}`)).toEqual([
      "start connecting",
      "lost waiting",
    ]);
    expect(trace.mock.calls[1]![0]).toMatchObject({ attempt: 1, waitMs: 1000, error: { code: "network" } });
  });

  test("Azure/fetch-event-source #80: code that nobody can take over is abandoned", () => {
    const folder = fileURLToPath(new globalThis.URL(".", import.meta.url));
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
    );
    const long = files.filter((name) => readFileSync(folder + name, "utf8").split("\n").length > 330);
    expect([files.length > 10, long]).toEqual([true, []]);
  });

  test("Yaffle/EventSource #143: a quiet stream is cut after 45 s although the server sends heartbeats", async () => {
    const { world, connection } = open();
    world.last.respond();
    for (let beat = 0; beat < 20; beat++) {
      await world.advance(60_000);
      void world.last.send(":\n\n");
    }
    expect([connection.state, world.attempts.length]).toEqual(["open", 1]);
    // Known by now: three times the heartbeat is too long.
    await world.advance(181_000);
    expect(connection.state).not.toBe("open");
  });

  test("Yaffle/EventSource #143: a server without heartbeats is not cut at all, as long as nobody said that it should", async () => {
    const { world, connection } = open();
    world.last.respond();
    await world.advance(3_600_000);
    expect([connection.state, world.attempts.length]).toEqual(["open", 1]);
  });

  test("Yaffle/EventSource #199: a release of a dependency shows its own messages to end users", () => {
    const manifest = JSON.parse(
      readFileSync(new globalThis.URL("../../package.json", import.meta.url), "utf8"),
    ) as Record<string, unknown>;
    expect(manifest["dependencies"]).toBeUndefined();
  });

  test("Yaffle/EventSource #88: one 502 during a deploy ends the stream for good", async () => {
    const { world, connection } = open();
    world.last.respond();
    world.last.end();
    await world.advance(1000);
    world.last.respond(502);
    await world.advance(2000);
    world.last.respond();
    expect([connection.state, world.attempts.length]).toEqual(["open", 3]);
  });

  test("EventSource/eventsource #316: a POST is refused for the standard's sake", async () => {
    const url = await serve((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        response.setHeader("content-type", "text/event-stream").end(`data: ${request.method} ${body}\n\n`);
      });
    });
    const source = new EventSource(url, { method: "POST", body: { q: 1 } });
    const data = await new Promise((resolve) => {
      source.addEventListener("message", (event) => resolve(event.data));
    });
    await eventually(() => expect(source.readyState).toBe(EventSource.CLOSED));
    expect(data).toBe('POST {"q":1}');
  });

  test("EventSource/eventsource #322: passing any option turns TLS verification off", async () => {
    const folder = fileURLToPath(new globalThis.URL(".", import.meta.url));
    for (const name of readdirSync(folder, { recursive: true }) as string[]) {
      if (!name.endsWith(".ts") || name.endsWith(".test.ts")) continue;
      expect(readFileSync(folder + name, "utf8")).not.toMatch(/rejectUnauthorized|NODE_TLS/);
    }
    // What a fetch is given is what every fetch is given, and nothing about the socket.
    const inits: RequestInit[] = [];
    const fetch = (_url: string, init: RequestInit) => {
      inits.push(init);
      return Promise.reject(new Error("not today"));
    };
    const connection = connect(URL, { fetch, headers: { a: "1" }, retry: false });
    await connection.ended;
    expect(Object.keys(inits[0]!).sort()).toEqual(["cache", "headers", "method", "signal"]);
  });

  test("EventSource/eventsource #57: an end and a close both schedule a reconnect, and connections double at each restart", async () => {
    const { world } = open();
    for (let restart = 0; restart < 5; restart++) {
      const { last } = world;
      last.respond();
      last.end();
      last.fail();
      last.end();
      expect(world.timers).toBe(1);
      await world.advance(30_000);
    }
    expect(world.attempts).toHaveLength(6);
    expect(world.attempts.filter(({ aborted }) => !aborted)).toHaveLength(1);
  });

  test("EventSource/eventsource #134: it hangs for ever after the laptop slept", async () => {
    const { world, connection } = open();
    world.last.respond();
    void world.last.send("id: 5\ndata: x\n\n");
    world.sleep(8 * 3_600_000);
    await world.advance(30_000);
    expect(world.attempts[0]!.aborted).toBe(true);
    await world.advance(2000);
    expect(world.attempts).toHaveLength(2);
    expect(world.last.request.headers["last-event-id"]).toBe("5");
    expect(connection.state).toBe("connecting");
  });

  test("EventSource/eventsource PR #358: lastEventId is blank when an event has no id", async () => {
    const url = await serve((_request, response) => {
      response.setHeader("content-type", "text/event-stream").write("id: 7\ndata: a\n\ndata: b\n\n");
    });
    const source = new EventSource(url);
    onTestFinished(() => source.close());
    const ids: string[] = [];
    source.onmessage = ({ lastEventId }) => ids.push(lastEventId);
    await eventually(() => expect(ids).toEqual(["7", "7"]));
  });

  test("rexxars/eventsource-parser #17: a CRLF cut between two chunks makes two events", () => {
    const text = "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n";
    for (let at = 0; at <= text.length; at++) {
      const { world, data } = open();
      world.last.respond();
      void world.last.send(text.slice(0, at));
      void world.last.send(text.slice(at));
      expect(data).toEqual(["a\nb", "c"]);
    }
  });

  test("rexxars/eventsource-parser #19: one big line takes time in the square of its length", () => {
    // Counted rather than timed: what is searched again at each chunk shows in the text that is read.
    let read = 0;
    const parser = createParser(
      { onMessage: ({ data }) => (read = data.length) },
      { maxMessageBytes: 2 ** 25 },
    );
    const chunk = new Uint8Array(512).fill(120);
    const indexOf = vi.spyOn(String.prototype, "indexOf");
    let searched = 0;
    indexOf.mockImplementation(function (this: string, what: string, from = 0) {
      searched += this.length - from;
      for (let at = from; at < this.length; at++) if (this.startsWith(what, at)) return at;
      return -1;
    });
    try {
      parser.push(new TextEncoder().encode("data: "));
      for (let at = 0; at < 1024; at++) parser.push(chunk);
      parser.push(new TextEncoder().encode("\n\n"));
    } finally {
      indexOf.mockRestore();
    }
    expect(read).toBe(512 * 1024);
    expect(searched).toBeLessThan(8 * read);
  });

  test("rexxars/eventsource-client #8: errors are swallowed", async () => {
    for (const [answer, code] of [
      [(w: ReturnType<typeof open>["world"]) => w.last.fail(), "network"],
      [(w: ReturnType<typeof open>["world"]) => w.last.respond(500), "status"],
      [(w: ReturnType<typeof open>["world"]) => w.last.respond(401), "status"],
      [
        (w: ReturnType<typeof open>["world"]) => w.last.respond(200, { "content-type": "text/html" }),
        "content-type",
      ],
    ] as const) {
      const { world, errors, data } = open();
      answer(world);
      await world.settle();
      expect(errors.map((error) => error.code)).toEqual([code]);
      expect(data).toEqual([]);
    }
  });

  test("rexxars/eventsource-client #2: a closed client comes back to life", async () => {
    const { world, connection } = open();
    world.last.fail();
    connection.close();
    await world.advance(600_000);
    world.last.respond();
    expect([connection.state, world.attempts.length, world.timers, world.signals]).toEqual([
      "closed",
      1,
      0,
      undefined,
    ]);
  });

  test("mpetazzoni/sse.js #36: a blank line cut over two packets glues JSON messages together", () => {
    const { world, data } = open();
    world.last.respond();
    for (const piece of ['data: {"a":1}\n', '\ndata: {"a":2}', "\n", "\n"]) void world.last.send(piece);
    expect(data).toEqual(['{"a":1}', '{"a":2}']);
  });

  test("sanity-io/client PR #1236: a server that answers 200 and dies is asked again every second for ever, and nobody is told", async () => {
    const spread = createWorld();
    spread.random = 0.999;
    const errors: EventStreamError[] = [];
    connect(URL, {
      transport: spread.transport,
      clock: spread.clock,
      onError: (error) => void errors.push(error),
    });
    for (let loss = 0; loss < 30; loss++) {
      spread.last.respond();
      spread.last.fail();
      await spread.advance(30_000);
    }
    expect(errors).toHaveLength(30);
    const gaps = spread.attempts
      .map(({ atMs }, at) => atMs - (spread.attempts[at - 1]?.atMs ?? atMs))
      .slice(6);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(29_000);
  });

  test("modelcontextprotocol/typescript-sdk #2499: a second drop before any id loses the place in the stream", async () => {
    const { world } = open();
    world.last.respond();
    void world.last.send("id: 9\ndata: x\n\n");
    world.last.fail();
    await world.advance(1000);
    world.last.respond();
    world.last.fail();
    await world.advance(10_000);
    world.last.fail();
    await world.advance(10_000);
    expect(world.attempts.map(({ request }) => request.headers["last-event-id"])).toEqual([
      undefined,
      "9",
      "9",
      "9",
    ]);
  });

  test("openai/openai-node #2725, vercel/ai #19165: a truncated answer is reported as complete", async () => {
    const inMessage = open({ method: "POST" });
    inMessage.world.last.respond();
    void inMessage.world.last.send("data: Half an\n\ndata: ans");
    inMessage.world.last.end();
    expect(await inMessage.connection.ended).toMatchObject({
      reason: "truncated",
      cause: { code: "ended" },
      unfinished: { event: "message", data: "ans", id: "" },
    });

    const between = open({ method: "POST", until: "done" });
    between.world.last.respond();
    void between.world.last.send("data: Half an\n\n");
    between.world.last.end();
    expect(await between.connection.ended).toMatchObject({ reason: "truncated", cause: { code: "ended" } });

    const whole = open({ method: "POST", until: "done" });
    whole.world.last.respond();
    void whole.world.last.send("data: An answer\n\nevent: done\ndata:\n\ndata: not for us\n\n");
    expect(await whole.connection.ended).toEqual({ reason: "complete" });
    expect([whole.data, whole.world.last.aborted]).toEqual([["An answer", ""], true]);
  });

  test("dunglas/mercure #535: a server whose CORS forbids Last-Event-ID can be connected to once, and never again", async () => {
    const { world } = open({ cursorVia: { query: "lastEventID" } });
    world.last.respond();
    void world.last.send("id: 3\ndata: x\n\n");
    world.last.fail();
    await world.advance(1000);
    expect(world.last.request).toMatchObject({
      url: `${URL}?lastEventID=3`,
      headers: { accept: "text/event-stream" },
    });
  });

  test("dunglas/mercure #535: the error of a page's request that carried Last-Event-ID elsewhere names this cause", async () => {
    vi.stubGlobal("location", { href: "https://page.example/", origin: "https://page.example" });
    onTestFinished(() => void vi.unstubAllGlobals());
    const connection = connect(URL, {
      retry: false,
      lastEventId: "3",
      fetch: () => Promise.reject(new TypeError("Failed to fetch")),
    });
    expect(await connection.ended).toMatchObject({
      cause: {
        code: "network",
        message:
          `Event stream ${URL} failed: Failed to fetch ` +
          `(if this is CORS: Access-Control-Allow-Headers must name Last-Event-ID; or set cursorVia)`,
      },
    });
  });

  test("a server that says retry: 99999999999 is flooded, since the timer overflows", async () => {
    const { world } = open();
    world.last.respond();
    void world.last.send("retry: 99999999999\ndata: x\n\n");
    world.last.end();
    await world.advance(3_599_999);
    expect(world.attempts).toHaveLength(1);
    await world.advance(1);
    expect(world.attempts).toHaveLength(2);
  });

  test("a process whose only work is a stream that waits to return ends, since the timer does not hold it", async () => {
    const timers: unknown[] = [];
    const setTimeout: Clock["setTimeout"] = (run, ms) => {
      const timer = systemClock.setTimeout(run, ms);
      timers.push(timer);
      return timer;
    };
    const url = await serve((_request, response) => {
      response.setHeader("content-type", "text/event-stream").end("data: x\n\n");
    });
    const clock = { ...systemClock, setTimeout };
    const connection = connect(url, { onMessage() {}, idleMs: 0, connectTimeoutMs: 0, clock });
    onTestFinished(() => connection.close());
    await eventually(() => expect(connection.state).toBe("waiting"));
    expect(timers.map((timer) => (timer as NodeJS.Timeout).hasRef())).toEqual([true]);
  });
});
