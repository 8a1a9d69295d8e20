/**
 * What the Web Platform Tests of `eventsource/` ask for, in our words; event-source.wpt.json says which sentence stands for which file.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";

import { EventSource, type EventSourceInit } from "./event-source.ts";

// A machine may be busy with much else.
vi.setConfig({ testTimeout: 60_000 });
const eventually = (check: () => unknown, options?: { timeout?: number; interval?: number }) =>
  vi.waitFor(check, { timeout: 20_000, interval: 5, ...options });

const closers: (() => unknown)[] = [];
/** How long it was to wait, before each return. */
const waits: number[] = [];

// A second of waiting takes ten milliseconds here.
vi.mock(import("./core/clock.ts"), async (importOriginal) => {
  const { systemClock } = await importOriginal();
  return {
    systemClock: {
      ...systemClock,
      setTimeout(run, ms) {
        // The body of a refusal has a limit too, and so has what a request is made of: no waits for the next attempt.
        const isLimit = ms === 2000 || ms === 60_000;
        if (!isLimit) waits.push(ms);
        return systemClock.setTimeout(run, isLimit ? ms : ms / 100);
      },
    },
  };
});
afterEach(async () => {
  waits.length = 0;
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  for (const close of closers.splice(0)) await close();
});

type Answer = (request: IncomingMessage, response: ServerResponse, attempt: number) => void;

interface Served {
  url: string;
  origin: string;
  requests: IncomingMessage[];
}

async function serve(answer: Answer): Promise<Served> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.unshift(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `${origin}/stream`, origin, requests };
}

/** Sends this text as an event stream; the first time, and holds the response open unless told to end it. */
function stream(text: string | Buffer, end = false, headers: Record<string, string> = {}): Answer {
  return (_request, response, attempt) => {
    response.writeHead(200, { "content-type": "text/event-stream", ...headers });
    response.write(attempt === 1 ? text : ":\n\n");
    if (end) response.end();
  };
}

interface Opened {
  source: EventSource;
  events: string[];
  messages: MessageEvent[];
}

function open(url: string, init?: EventSourceInit): Opened {
  const source = new EventSource(url, init);
  closers.unshift(() => source.close());
  const events: string[] = [];
  const messages: MessageEvent[] = [];
  source.addEventListener("open", () => events.push(`open ${source.readyState}`));
  source.addEventListener("error", () => events.push(`error ${source.readyState}`));
  source.addEventListener("message", (event) => messages.push(event));
  return { source, events, messages };
}

/** A fetch that answers each request with this text, and ends. */
function answers(text: string) {
  const fetch = vi.fn((_url: string, _init: RequestInit) =>
    Promise.resolve(new Response(text, { headers: { "content-type": "text/event-stream" } })),
  );
  return { fetch };
}

/** The data of the messages that this text makes. */
async function dataOf(text: string | Buffer, count: number): Promise<unknown[]> {
  const { url } = await serve(stream(text));
  const { messages } = open(url);
  await eventually(() => expect(messages.length).toBeGreaterThanOrEqual(count));
  return messages.map(({ data }) => data as unknown);
}

describe("the interface", () => {
  test("can stand where the platform's stands", () => {
    const platform: typeof globalThis.EventSource = EventSource;
    expect(platform).toBe(EventSource);
  });

  test("has accessors and a class of the names that Web IDL gives them", () => {
    for (const name of ["onopen", "onmessage", "onerror"]) {
      const accessors = Object.getOwnPropertyDescriptor(EventSource.prototype, name)!;
      const functions = Object.values(accessors).filter((one) => typeof one === "function") as Function[];
      expect(functions.map((one) => [one.name, one.length])).toEqual([
        [`get ${name}`, 0],
        [`set ${name}`, 1],
      ]);
    }
    expect(Object.getOwnPropertyDescriptor(EventSource, "name")).toEqual({
      value: "EventSource",
      enumerable: false,
      writable: false,
      configurable: true,
    });
  });

  test("is the one that Web IDL describes", () => {
    const { prototype } = EventSource;
    expect([EventSource.name, EventSource.length, Object.prototype.toString.call(prototype)]).toEqual([
      "EventSource",
      1,
      "[object EventSource]",
    ]);
    expect(Object.getPrototypeOf(EventSource)).toBe(EventTarget);
    for (const target of [EventSource, prototype]) {
      for (const [value, name] of ["CONNECTING", "OPEN", "CLOSED"].entries()) {
        expect(Object.getOwnPropertyDescriptor(target, name)).toEqual({
          value,
          enumerable: true,
          writable: false,
          configurable: false,
        });
      }
    }
    for (const name of ["url", "withCredentials", "readyState", "onopen", "onmessage", "onerror"]) {
      const property = Object.getOwnPropertyDescriptor(prototype, name)!;
      const { enumerable, configurable } = property;
      expect([name, typeof property.get, typeof property.set, enumerable, configurable]).toEqual([
        name,
        "function",
        name.startsWith("on") ? "function" : "undefined",
        true,
        true,
      ]);
      expect(() => property.get!.call({})).toThrow(TypeError);
    }
    expect(Object.getOwnPropertyDescriptor(prototype, "close")).toMatchObject({
      enumerable: true,
      writable: true,
    });
    expect(() => prototype.close.call({} as EventSource)).toThrow(TypeError);
  });

  test("is constructed with new, and with a URL", () => {
    expect(() => (EventSource as unknown as (url: string) => void)("http://127.0.0.1/")).toThrow(TypeError);
    // @ts-expect-error -- A URL is missing.
    expect(() => new EventSource()).toThrow(TypeError);
    // @ts-expect-error -- Not an object.
    expect(() => new EventSource("http://127.0.0.1/", 1)).toThrow(TypeError);
  });

  test("refuses a URL that cannot be resolved with a SyntaxError", () => {
    for (const url of ["http://this is invalid/", "/relative/without/a/page", "http://a:b/"]) {
      expect(() => new EventSource(url)).toThrow(expect.objectContaining({ name: "SyntaxError" }));
    }
  });

  test("resolves a relative URL against the page, or the worker, and shows it resolved", async () => {
    const { origin, requests } = await serve(stream(""));
    vi.stubGlobal("location", { href: `${origin}/app/page.html` });
    const { source } = open("../stream?x=1");
    expect(source.url).toBe(`${origin}/stream?x=1`);
    await eventually(() => expect(requests.map(({ url }) => url)).toEqual(["/stream?x=1"]));
    expect(open("").source.url).toBe(`${origin}/app/page.html`);
    expect(open(null as unknown as string).source.url).toBe(`${origin}/app/null`);
    expect(open(undefined as unknown as string).source.url).toBe(`${origin}/app/undefined`);
    expect(open(1 as unknown as string).source.url).toBe(`${origin}/app/1`);
    expect(open({ toString: () => "a" } as unknown as string).source.url).toBe(`${origin}/app/a`);
    vi.stubGlobal("document", { baseURI: `${origin}/base/` });
    expect(open("x").source.url).toBe(`${origin}/base/x`);
  });

  test("says whether it sends credentials, and does so to other origins only when asked", async () => {
    const inits: (RequestInit | undefined)[] = [];
    const fetch = (_url: string, init: RequestInit) => {
      inits.push(init);
      return new Promise<Response>(() => {});
    };
    expect(open("http://127.0.0.1/", { fetch }).source.withCredentials).toBe(false);
    expect(open("http://127.0.0.1/", { fetch, withCredentials: true }).source.withCredentials).toBe(true);
    await eventually(() =>
      expect(inits.map((init) => init?.credentials)).toEqual(["same-origin", "include"]),
    );
  });

  test("takes methods that are added to its prototype", () => {
    const prototype = EventSource.prototype as unknown as { returnTrue?: () => boolean };
    prototype.returnTrue = () => true;
    expect((open("http://127.0.0.1:1/").source as unknown as typeof prototype).returnTrue!()).toBe(true);
    delete prototype.returnTrue;
  });
});

describe("the request", () => {
  test("accepts event streams, and wants nothing out of a cache", async () => {
    const { url, requests } = await serve(stream(""));
    open(url);
    await eventually(() => expect(requests).toHaveLength(1));
    expect(requests[0]!.headers).toMatchObject({ accept: "text/event-stream", "cache-control": "no-cache" });
    expect(requests[0]!.headers["last-event-id"]).toBeUndefined();
  });

  test("carries the headers, the method and the body that it was given", async () => {
    let body = "";
    const { url, requests } = await serve((request, response, attempt) => {
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      stream("")(request, response, attempt);
    });
    open(url, { method: "post", headers: async () => ({ authorization: "Bearer x" }), body: { q: "你好" } });
    await eventually(() => expect(body).toBe('{"q":"你好"}'));
    expect(requests[0]).toMatchObject({
      method: "POST",
      headers: { authorization: "Bearer x", "content-type": "application/json" },
    });
  });

  test("follows redirects of every kind", async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await serve((request, response, attempt) => {
        if (request.url === "/stream") response.writeHead(status, { location: "/moved" }).end();
        else stream("data: x\n\n")(request, response, attempt);
      });
      const { events } = open(url);
      await eventually(() => expect(events).toEqual(["open 1"]));
    }
  });
});

describe("opening", () => {
  test("goes from CONNECTING to OPEN with a plain event, and close() makes it CLOSED at once", async () => {
    const { url } = await serve(stream(""));
    const source = new EventSource(url);
    expect(source.readyState).toBe(source.CONNECTING);
    const event = await new Promise<Event>((resolve) => {
      source.onopen = resolve;
    });
    expect(source.readyState).toBe(EventSource.OPEN);
    expect([event.type, event.bubbles, event.cancelable, "data" in event]).toEqual([
      "open",
      false,
      false,
      false,
    ]);
    source.close();
    expect(source.readyState).toBe(source.CLOSED);
  });

  test.each([204, 205, 210, 299, 404, 410, 503])(
    "fails for good at status %i, with a plain error event",
    async (status) => {
      const { url, requests } = await serve((_request, response) => {
        response.writeHead(status, { "content-type": "text/event-stream" }).end();
      });
      const { source, events } = open(url);
      const error = await new Promise<Event & { error?: { status?: number } }>((resolve) => {
        source.onerror = resolve as never;
      });
      expect([error.bubbles, error.cancelable, "data" in error, error.error?.status]).toEqual([
        false,
        false,
        false,
        status,
      ]);
      expect([events, requests.length, waits]).toEqual([["error 2"], 1, []]);
    },
  );

  test.each(["x bogus", "text/x-bogus", "text/event-streamX"])(
    "fails for good at content type %s",
    async (type) => {
      const { url } = await serve(stream("data: x\n\n", true, { "content-type": type }));
      const { events, messages } = open(url);
      await eventually(() => expect(events).toEqual(["error 2"]));
      expect(messages).toEqual([]);
    },
  );

  test.each(["text/event-stream;", "text/event-stream;charset=windows-1252", "TEXT/EVENT-STREAM"])(
    "takes content type %s, and reads UTF-8",
    async (type) => {
      const { url } = await serve(stream("data:ok…\n\n", false, { "content-type": type }));
      const { messages } = open(url);
      await eventually(() => expect(messages.map(({ data }) => data as string)).toEqual(["ok…"]));
    },
  );

  test.each(["ftp://example.invalid/", "about:blank", "mailto:a@example.invalid", "javascript:alert(1)"])(
    "fails for good at %s, which no attempt can open",
    async (url) => {
      const { events } = open(url);
      await eventually(() => expect(events).toEqual(["error 2"]));
    },
  );
});

describe("messages", () => {
  test("have data, the origin of the stream's last URL, and the last event ID", async () => {
    const target = await serve(stream("id: 7\ndata: x\n\n"));
    const { url } = await serve((_request, response) => {
      response.writeHead(302, { location: target.url }).end();
    });
    const { source, messages } = open(url);
    await eventually(() => expect(messages).toHaveLength(1));
    const [message] = messages;
    expect(message).toBeInstanceOf(MessageEvent);
    expect([message!.data, message!.origin, message!.lastEventId, message!.target]).toEqual([
      "x",
      target.origin,
      "7",
      source,
    ]);
  });

  test("go to onmessage, and to listeners of their event type alone", async () => {
    const { url } = await serve(
      stream("event: test\ndata: a\n\nevent: message\ndata: b\n\nevent:\ndata: c\n\n"),
    );
    const { source, messages } = open(url);
    const named: unknown[] = [];
    const handled: unknown[] = [];
    source.addEventListener("test", ({ data }) => named.push(data));
    source.onmessage = ({ data }) => handled.push(data);
    await eventually(() => expect(messages.map(({ data }) => data as string)).toEqual(["b", "c"]));
    expect([named, handled]).toEqual([["a"], ["b", "c"]]);
  });

  test.each<[name: string, text: string | Buffer, data: string[]]>([
    [
      "lines that have no colon, and comments",
      "data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n",
      ["msg\nmsg", "", "end"],
    ],
    ["one BOM, and no second", Buffer.from("\ufeff\ufeffdata:1\n\ndata:2\n\ndata:3\n\n"), ["2", "3"]],
    [
      "a BOM at the start, and none later",
      Buffer.from("\ufeffdata:1\n\n\ufeffdata:2\n\ndata:3\n\n"),
      ["1", "3"],
    ],
    [
      "comments long and short, with NUL",
      `data:1\r:\0\n:\r\ndata:2\n:${"x".repeat(2048)}\rdata:3\n:data:fail\r:${"x".repeat(2048)}\ndata:4\n\n`,
      ["1\n2\n3\n4"],
    ],
    ["lines of data", "data:\n\ndata\ndata\n\ndata:test\n\n", ["", "\n", "test"]],
    [
      "fields that are nearly data",
      "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
      ["\0\n 2\n1\n3\n\n4"],
    ],
    [
      "fields that are unknown",
      "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
      ["test\n\ntest"],
    ],
    ["one leading space", "data:\ttest\rdata: \ndata:test\n\n", ["\ttest\n\ntest"]],
    ["CR, LF and CRLF", "data:test\r\ndata\ndata:test\r\n\r", ["test\n\ntest"]],
    ["NUL in data", "data:\0\n\n", ["\0"]],
    ["an empty retry", "retry\ndata:test\n\n", ["test"]],
    ["Chinese and emoji", "data: 你好😀\n\n", ["你好😀"]],
  ])("are read from %s", async (_name, text, data) => {
    expect(await dataOf(text, data.length)).toEqual(data);
  });

  test("that no blank line follows are discarded at the end, their id with them", async () => {
    const { url, requests } = await serve(stream("retry:1000\ndata:test1\n\nid:test\ndata:test2", true));
    const { messages } = open(url);
    await eventually(() => expect(requests.length).toBeGreaterThan(1));
    expect(messages.map(({ data }) => data as string)).toEqual(["test1"]);
    expect(requests[1]!.headers["last-event-id"]).toBeUndefined();
  });

  test("keep the last event ID until another comes, and lose it to an empty one", async () => {
    const { url } = await serve(
      stream(
        "id: 1\ndata: 1\n\ndata: 2\n\nid: 2\ndata:3\n\nid:\ndata:4\n\ndata:5\n\nid: 3\ndata:6\n\nid\ndata:7\n\n",
      ),
    );
    const { messages } = open(url);
    await eventually(() => expect(messages).toHaveLength(7));
    expect(messages.map(({ lastEventId }) => lastEventId)).toEqual(["1", "1", "2", "", "", "3", ""]);
  });

  test("take no id that holds NUL", async () => {
    for (const id of ["\0\0", "x\0", "\0x", "x\0x", " \0"]) {
      const { url, requests } = await serve(stream(`id:${id}\ndata:hello\n\n`, true));
      const { messages, source } = open(url);
      await eventually(() => expect(requests.length).toBeGreaterThan(1));
      expect([messages[0]!.lastEventId, requests[1]!.headers["last-event-id"]]).toEqual(["", undefined]);
      source.close();
    }
  });
});

describe("returning", () => {
  test("sends the last event ID in UTF-8", async () => {
    const { url, requests } = await serve(stream("id: …\ndata: hello\n\n", true));
    const { events } = open(url);
    await eventually(() => expect(requests.length).toBeGreaterThan(1));
    expect(Buffer.from(requests[1]!.headers["last-event-id"] as string, "latin1").toString()).toBe("…");
    expect(events.slice(0, 2)).toEqual(["open 1", "error 0"]);
  });

  test("fires error in state CONNECTING at each end, then open, until 204 says CLOSED", async () => {
    const { url } = await serve((_request, response, attempt) => {
      if (attempt === 3) response.writeHead(204).end();
      else
        response
          .writeHead(200, { "content-type": "text/event-stream" })
          .end(`retry: 2\ndata: ${attempt}\n\n`);
    });
    const { events, messages } = open(url);
    await eventually(() => expect(events.at(-1)).toBe("error 2"));
    expect(events).toEqual(["open 1", "error 0", "open 1", "error 0", "error 2"]);
    expect(messages.map(({ data }) => data as string)).toEqual(["1", "2"]);
  });

  test("waits for the reconnection time that the server asks for, in digits alone", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    for (const [retry, ms] of [
      ["retry:3000\nretry:1000x", 3000],
      ["retry:03000", 3000],
      ["retry:3000\nretry", 3000],
      ["retry:-3000", 1000],
      ["retry:0", 1000],
    ] as const) {
      waits.length = 0;
      const { url } = await serve(stream(`${retry}\ndata:x\n\n`, true));
      const { source } = open(url);
      await eventually(() => expect(waits[0]).toBe(ms));
      source.close();
    }
  });

  test("is tried again after broken connections and refused ones", async () => {
    const { url, requests } = await serve((request, _response, attempt) => {
      if (attempt < 3) request.socket.destroy();
      else stream("data: x\n\n")(request, _response, 1);
    });
    const { events, messages } = open(url);
    await eventually(() => expect(messages).toHaveLength(1));
    expect([events, requests.length]).toEqual([["error 0", "error 0", "open 1"], 3]);
  });

  test("of a POST that ended does not happen: it is CLOSED", async () => {
    const { url, requests } = await serve(stream("data: x\n\n", true));
    const { events } = open(url, { method: "POST", body: "x" });
    await eventually(() => expect(events).toEqual(["open 1", "error 2"]));
    expect(requests).toHaveLength(1);
  });
});

describe("a refusal", () => {
  const refusedWith = (url: string) =>
    new Promise<{ message: string; body?: string | undefined } | undefined>((resolve) => {
      open(url).source.onerror = ({ error }) => resolve(error);
    });

  test("says in its error what the server said", async () => {
    const { url } = await serve((_request, response) => void response.writeHead(401).end("先登录"));
    const error = await refusedWith(url);
    expect(error).toMatchObject({ status: 401, body: "先登录" });
    expect(error?.message).toMatch(/status is 401, expected 200: 先登录$/);
  });

  test("whose body never ends is reported anyway, and leaves nothing open", async () => {
    const gone = vi.fn();
    const { url } = await serve((_request, response) => {
      response.writeHead(503).write("wait");
      response.on("close", gone);
    });
    expect(await refusedWith(url)).toMatchObject({ status: 503 });
    await eventually(() => expect(gone).toHaveBeenCalled());
  });
});

describe("a subclass", () => {
  test("may have a close of its own, which is called by its callers alone", async () => {
    vi.useFakeTimers();
    const { fetch } = answers("data: x\n\n");
    const close = vi.fn();
    class Own extends EventSource {
      override close(): void {
        close();
        super.close();
      }
    }
    const source = new Own("https://a.example/", { fetch });
    await vi.advanceTimersByTimeAsync(60_000);
    expect([fetch.mock.calls.length > 2, close.mock.calls.length]).toEqual([true, 0]);
    source.close();
    expect([close.mock.calls.length, source.readyState, vi.getTimerCount()]).toEqual([1, 2, 0]);
  });

  test("whose close is not called by a failure that is final either", async () => {
    const close = vi.fn();
    class Own extends EventSource {
      override close(): void {
        close();
      }
    }
    const source = new Own("https://a.example/", { fetch: async () => new Response(null, { status: 204 }) });
    await eventually(() => expect(source.readyState).toBe(2));
    expect(close).not.toHaveBeenCalled();
  });
});

test("a server that answers and dies is backed off from, as connect does", async () => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.999);
  const { fetch } = answers("data: x\n\n");
  open("https://a.example/", { fetch });
  // A second takes ten milliseconds.
  await vi.advanceTimersByTimeAsync(300);
  expect(fetch.mock.calls.length).toBeLessThanOrEqual(6);
});

describe.each<[name: string, make: (ask: () => never) => EventSourceInit]>([
  ["headers", (headers) => ({ headers })],
  ["a body", (body) => ({ method: "QUERY", body })],
])("%s from a function", (_name, make) => {
  test("that fails is a failed attempt, reported once a handler can be there", async () => {
    vi.useFakeTimers();
    let asked = 0;
    const ask = (): never => {
      if (++asked < 3) throw new Error("no token");
      return undefined as never;
    };
    const { source, events } = open("https://a.example/", { ...answers("data: x\n\n"), ...make(ask) });
    const errors: string[] = [];
    source.onerror = ({ error }) => errors.push(error!.message);
    await vi.waitFor(() => expect(events).toContain("open 1"), { timeout: 20_000 });
    expect(errors.slice(0, 2)).toEqual(Array(2).fill("Cannot make the request: no token"));
  });

  test("that never settles is a failed attempt after a minute, and leaves no timer", async () => {
    vi.useFakeTimers();
    const ask = vi.fn((): never => new Promise(() => {}) as never);
    const { source } = open("https://a.example/", { ...answers("data: x\n\n"), ...make(ask) });
    const errors: unknown[] = [];
    source.onerror = ({ error }) => errors.push([error!.code, source.readyState]);
    await vi.advanceTimersByTimeAsync(0);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(ask.mock.calls.length).toBeGreaterThan(1);
    expect(errors[0]).toEqual(["timeout", 0]);
    source.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("a message may be as long as Chromium's, in one line", async () => {
  const length = 3 * 2 ** 20;
  const { url } = await serve(stream(`data: ${"x".repeat(length)}\n\n`));
  const { messages } = open(url);
  await eventually(() => expect(messages.map(({ data }) => (data as string).length)).toEqual([length]));
});

describe("close()", () => {
  test("stops messages, those of the same chunk too, and every event after it", async () => {
    vi.useFakeTimers();
    const { fetch } = answers("data: 1\n\ndata: 2\n\ndata: 3\n\n");
    const { source, events, messages } = open("https://a.example/", { fetch });
    source.onmessage = () => source.close();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([messages.length, events, vi.getTimerCount()]).toEqual([1, ["open 1"], 0]);
  });

  test("cuts the request", async () => {
    let cut = false;
    const { url, requests } = await serve((request, response, attempt) => {
      request.on("close", () => (cut = true));
      response.on("close", () => (cut = true));
      stream(":\n\n")(request, response, attempt);
    });
    const { source, events } = open(url);
    await eventually(() => expect(events).toEqual(["open 1"]));
    source.close();
    await eventually(() => expect(cut).toBe(true));
    expect(requests).toHaveLength(1);
  });

  test("in the error handler keeps it from returning", async () => {
    vi.useFakeTimers();
    const { fetch } = answers("data: x\n\n");
    const { source, events } = open("https://a.example/", { fetch });
    await vi.advanceTimersByTimeAsync(0);
    expect([events, waits.length, vi.getTimerCount()]).toEqual([["open 1", "error 0"], 1, 1]);
    source.onerror = () => source.close();
    await vi.advanceTimersByTimeAsync(waits[0]!);
    expect([events, waits.length]).toEqual([["open 1", "error 0", "open 1", "error 0"], 1]);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([source.readyState, fetch.mock.calls.length, vi.getTimerCount()]).toEqual([2, 2, 0]);
  });
});

describe("onopen, onmessage and onerror", () => {
  test("are null, take functions and objects, and turn everything else into null", () => {
    const { source } = open("http://127.0.0.1:1/");
    expect([source.onopen, source.onmessage, source.onerror]).toEqual([null, null, null]);
    const object = {};
    for (const [given, got] of [
      [object, object],
      [1, null],
      ["x", null],
      [undefined, null],
    ]) {
      source.onmessage = given as never;
      expect(source.onmessage).toBe(got);
    }
  });

  test("keep their place among the listeners when replaced, and lose it when set to null", async () => {
    const order: string[] = [];
    const source = new EventSource("http://127.0.0.1:1/");
    closers.unshift(() => source.close());
    source.onmessage = () => order.push("never");
    source.addEventListener("message", () => order.push("listener"));
    source.onmessage = () => order.push("handler");
    source.dispatchEvent(new MessageEvent("message"));
    expect(order.splice(0)).toEqual(["handler", "listener"]);
    source.onmessage = null;
    source.onmessage = () => order.push("later");
    source.dispatchEvent(new MessageEvent("message"));
    expect(order).toEqual(["listener", "later"]);
  });
});

describe("EventSource.fromReadableStream()", () => {
  test("refuses a stream that something else reads, and shows where a reader would go on and when", async () => {
    const locked = new ReadableStream<Uint8Array>();
    locked.getReader();
    expect(() => EventSource.fromReadableStream(locked)).toThrow(TypeError);
    const text = new TextEncoder().encode("retry: 5000\nid: 7\ndata: x\n\n");
    const source = EventSource.fromReadableStream(
      new ReadableStream({ start: (controller) => controller.enqueue(text) }),
    );
    closers.unshift(() => source.close());
    expect([source.lastEventId, source.reconnectionTime]).toEqual(["", 1000]);
    await eventually(() => expect([source.lastEventId, source.reconnectionTime]).toEqual(["7", 5000]));
  });

  function createStream() {
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      start(given) {
        controller = given;
      },
      cancel() {
        cancelled = true;
      },
    });
    const source = EventSource.fromReadableStream(stream);
    const events: string[] = [];
    for (const type of ["open", "message", "error"]) {
      source.addEventListener(type, (event: Event) => {
        events.push(
          [type, (event as MessageEvent).data, (event as MessageEvent).lastEventId].filter(Boolean).join(" "),
        );
      });
    }
    return {
      source,
      events,
      write: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
      end: () => controller.close(),
      fail: () => controller.error(new Error("broken")),
      isCancelled: () => cancelled,
    };
  }

  test("reads a stream that the application got by itself", async () => {
    const { source, events, write } = createStream();
    closers.unshift(() => source.close());
    expect([source.url, source.readyState]).toEqual(["about:event-stream", 0]);
    write("id: 1\ndata: 你");
    write("好\n\n");
    await eventually(() => expect(events).toEqual(["open", "message 你好 1"]));
  });

  test("is closed by the stream's end, and by its error, and opens nothing again", async () => {
    for (const how of ["end", "fail"] as const) {
      const stream = createStream();
      stream.write("retry: 0\ndata: x\n\n");
      await eventually(() => expect(stream.events).toEqual(["open", "message x"]));
      stream[how]();
      await eventually(() => expect(stream.source.readyState).toBe(2));
      expect(stream.events).toEqual(["open", "message x", "error"]);
    }
  });

  test("cancels the stream when it is closed", async () => {
    const { source, events, isCancelled } = createStream();
    await eventually(() => expect(events).toEqual(["open"]));
    source.close();
    await eventually(() => expect(isCancelled()).toBe(true));
  });
});

describe("event-source.wpt.json", () => {
  const list = JSON.parse(readFileSync(new URL("event-source.wpt.json", import.meta.url), "utf8")) as Record<
    string,
    { sentence?: string; reason?: string }
  >;
  const source = readFileSync(new URL(import.meta.url), "utf8");

  test("names every file of the platform tests, with the sentence here that says the same, or a reason", () => {
    const files = Object.entries(list);
    expect(files.length).toBeGreaterThanOrEqual(65);
    for (const [file, { sentence, reason }] of files) {
      expect(file).toMatch(/\.(js|htm)$/);
      // A reason says what of it does not hold; without a sentence, nothing does.
      expect([file, Boolean(sentence) || Boolean(reason)]).toEqual([file, true]);
    }
  });

  test("names sentences that are tests here", () => {
    const sentences = Object.values(list).flatMap(({ sentence }) => sentence ?? []);
    expect(sentences.filter((sentence) => !source.includes(`"${sentence}"`))).toEqual([]);
  });

  test("gives its reasons in words", () => {
    const reasons = Object.values(list).flatMap(({ reason }) => reason ?? []);
    expect(reasons.filter((reason) => !/^[A-Z].{40,}\.$/.test(reason))).toEqual([]);
  });
});
