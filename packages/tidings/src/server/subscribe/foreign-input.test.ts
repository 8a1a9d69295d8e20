/** What a peer sends, and what the application's functions give, may be anything: each gets an answer, and nothing rejects. */
import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { openForTests } from "../../../../../test/support/hub-server.ts";
import { createHub } from "../hub/create-hub.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import { cursorOf } from "../request/last-event-id.ts";
import { createAnswers } from "../answers/create-answers.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const { serve, read } = openForTests();

const TARGETS = [
  "//?lastEventId=1",
  "//:/x?lastEventId=1",
  "http://a:99999/?lastEventId=1",
  "http://[/?lastEventId=1",
  "/%?lastEventId=%E0%A4%A",
  "/?lastEventId=%00&lastEventId=2#lastEventId=3",
  "*?lastEventId=1",
];

/** Sends one request as it is, and returns the status of its answer. */
async function statusOf(port: number, target: string): Promise<number> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const [bytes] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return Number(bytes.toString("latin1").slice(9, 12));
}

describe("a request target that is no URL", () => {
  it.each(TARGETS)("gets a stream of the hub: %s", async (target) => {
    const hub = createHub();
    const rejected: unknown[] = [];
    const server = createServer((request, response) => {
      hub.subscribe(request, response, { topics: ["a"] }).catch((error: unknown) => rejected.push(error));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    expect(await statusOf((server.address() as AddressInfo).port, target)).toBe(200);
    expect(rejected).toEqual([]);
    await hub.drain({ overMs: 0 });
    server.closeAllConnections();
    server.close();
  });

  it.each(TARGETS)("is refused by an answer, as its cursor is unknown: %s", async (target) => {
    const answers = createAnswers();
    const rejected: unknown[] = [];
    const server = createServer((request, response) => {
      answers
        .resumable(request, response, "id", () => [])
        .catch((error: unknown) => void rejected.push(error));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    expect(await statusOf((server.address() as AddressInfo).port, target)).toBeLessThan(500);
    expect(rejected).toEqual([]);
    await answers.close();
    server.closeAllConnections();
    server.close();
  });

  it("has a cursor only in its query", () => {
    const of = (url: unknown) =>
      cursorOf({ method: "GET", headers: {}, socket: null, url } as Parameters<typeof cursorOf>[0]);
    expect([
      of("/?lastEventId=a%20b"),
      of("/?x=1&lastEventId=e.1#lastEventId=e.2"),
      of("/lastEventId=1"),
      of("/#?lastEventId=1"),
      of(7),
    ]).toEqual(["a b", "e.1", "", "", ""]);
  });
});

describe("an answer's id that comes with the request", () => {
  it.each<unknown>(["", undefined, null, ["a", "b"], 7])("is refused with 400: %j", async (id) => {
    const answers = createAnswers();
    const response = await answers.resumable(new Request("http://a/"), id as string, () => []);
    expect(response.status).toBe(400);
    await answers.close();
  });
});

const foreign: [string, Partial<SubscribeOptions>, RegExp][] = [
  [
    "authorize rejects with a TypeError",
    { authorize: () => Promise.reject(new TypeError("fetch failed")) },
    /fetch failed/,
  ],
  [
    "authorize throws a RangeError",
    {
      authorize() {
        throw new RangeError("out of range");
      },
    },
    /out of range/,
  ],
  [
    "snapshot rejects with a TypeError",
    { snapshot: () => Promise.reject(new TypeError("fetch failed")) },
    /fetch failed/,
  ],
  [
    "snapshot gives a token alone",
    { snapshot: () => ({ token: "x" }) as never },
    /message has "token" and no data/,
  ],
  [
    "snapshot gives more than clients take",
    { snapshot: () => ({ data: "x".repeat(2 ** 24) }) },
    /snapshot returned a message of 16777224 bytes for "a", expected 16777216 or fewer/,
  ],
  [
    "snapshot gives null",
    { snapshot: () => null as never },
    /snapshot returned null for "a", expected a message/,
  ],
  [
    "snapshot gives a generator",
    { snapshot: function* () {} as never },
    /snapshot returned an object for "a"/,
  ],
  ["snapshot gives a list with null", { snapshot: () => [null] as never }, /snapshot returned null for "a"/],
  ...[undefined, null, "yes", 1, []].map((value): [string, Partial<SubscribeOptions>, RegExp] => [
    `authorize gives ${JSON.stringify(value)}`,
    { authorize: () => value as never },
    /authorize returned .*, expected true, false or an object/,
  ]),
  ...[new Error("no"), new Response(null, { status: 401 }), new Map(), new Date()].map(
    (value): [string, Partial<SubscribeOptions>, RegExp] => [
      `authorize gives ${Object.prototype.toString.call(value)}, which has no names`,
      { authorize: () => value as never },
      /authorize gave \[object \w+\], expected true, false, or an object/,
    ],
  ),
  [
    "authorize refuses with 99",
    { authorize: () => ({ refuse: 99 }) as never },
    /refuse 99, expected 401 or 403/,
  ],
  [
    "authorize gives a header that cannot be sent",
    { authorize: () => ({ refuse: 401, headers: { "x-a": "1\r\nx-b: 2" } }) },
    /expected characters that a header can carry/,
  ],
  [
    "authorize gives a header without text",
    { authorize: () => ({ refuse: 401, headers: { a: 1 } }) as never },
    /expected text/,
  ],
  [
    "authorize gives a time that is none",
    { authorize: () => ({ expiresAtMs: "soon" }) as never },
    /expiresAtMs "soon"/,
  ],
];

describe("when the application's functions fail", () => {
  it.each(foreign)("%s: 503, and onError is called", async (_name, options, message) => {
    const { url, errors, hub } = await serve({}, options);
    const reader = await read(`${url}?topic=a`);
    await reader.ended;
    expect(reader.status).toBe(503);
    expect(errors).toMatchObject([{ message: expect.stringMatching(message) as string }]);
    expect(hub.stats()).toMatchObject({ streams: 0, routes: 0 });
  });

  it("an onError that throws changes nothing", async () => {
    const seen = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const { url } = await serve(
      {
        onError() {
          throw new Error("second");
        },
      },
      { authorize: () => Promise.reject(new Error("first")) },
    );
    for (let i = 0; i < 2; i += 1) {
      const reader = await read(`${url}?topic=a`);
      await reader.ended;
      expect(reader.status).toBe(503);
    }
    expect(seen).toHaveBeenCalledTimes(4);
    seen.mockRestore();
  });

  it("a response that the application ended meanwhile is left as it is", async () => {
    let end: (() => void) | undefined;
    const hub = createHub({ onError: () => undefined });
    const results: unknown[] = [];
    const server = createServer((request, response) => {
      end = () => response.writeHead(504).end();
      const authorize = (): Promise<boolean> =>
        new Promise((resolve) => {
          setImmediate(() => {
            end!();
            resolve(request.url !== "/no");
          });
        });
      hub.subscribe(request, response, { topics: ["a"], authorize }).then(
        (given) => results.push(given),
        (error: unknown) => results.push(error),
      );
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    expect([await statusOf(port, "/yes"), await statusOf(port, "/no")]).toEqual([504, 504]);
    await expect.poll(() => results).toEqual([undefined, undefined]);
    expect(hub.stats().streams).toBe(0);
    await hub.drain({ overMs: 0 });
    server.closeAllConnections();
    server.close();
  });
});

describe("topics that are no list", () => {
  it.each<[unknown, RegExp]>([
    ["prices", /topics is "prices", expected a list such as/],
    ["p", /topics is "p"/],
    [undefined, /topics is undefined/],
    [{ pattern: "a" }, /topics is an object/],
  ])("are answered with 400, and reported: %j", async (topics, message) => {
    const { url, errors } = await serve({}, () => ({ topics: topics as never }));
    const reader = await read(url);
    await reader.ended;
    expect(reader.status).toBe(400);
    expect(errors).toMatchObject([{ message: expect.stringMatching(message) as string }]);
  });
});

describe("a mistake in the call", () => {
  it("of publish says what was given and what was expected", async () => {
    const hub = createHub();
    for (const [given, message] of [
      [[{ data: 1 }], /topic is an object, expected publish\("topic", \{ data \}\)/],
      [[[null]], /topic is undefined/],
      [["a"], /message is undefined|message is of type undefined/],
      [["a", "text"], /message is of type string/],
    ] as const) {
      await expect((hub.publish as (...given: unknown[]) => Promise<unknown>)(...given)).rejects.toThrow(
        message,
      );
    }
    await hub.drain({ overMs: 0 });
  });

  it("a subscription that a framework sends for an answer is small", async () => {
    const { url, subscriptions } = await serve();
    const reader = await read(`${url}?topic=a`);
    await expect.poll(() => subscriptions.length).toBe(1);
    expect(JSON.parse(JSON.stringify(subscriptions[0]))).toEqual({
      cursor: expect.stringMatching(/\.0$/) as string,
      closed: false,
    });
    reader.cut();
  });

  it.each<[string, unknown, RegExp]>([
    [
      "authorize is no function",
      { topics: ["a"], authorize: true },
      /authorize is true, expected a function/,
    ],
    [
      "a header cannot be sent",
      { topics: ["a"], headers: { "x-a": "\n" } },
      /expected characters that a header can carry/,
    ],
    ["there are no options", undefined, /options is undefined, expected an object with topics/],
    ["lifetimeMs is negative", { topics: ["a"], lifetimeMs: -1 }, /lifetimeMs is -1/],
  ])("is thrown to the caller, and its peer gets 500: %s", async (_name, options, message) => {
    const reported: unknown[] = [];
    const hub = createHub({ onError: (error) => reported.push(error) });
    const thrown: unknown[] = [];
    let waits = true;
    const server = createServer((request, response) => {
      const subscribed = hub.subscribe(request, response, options as SubscribeOptions);
      if (waits) subscribed.catch((error: unknown) => thrown.push(error));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    expect(await statusOf(port, "/")).toBe(500);
    expect(thrown).toEqual([expect.objectContaining({ message: expect.stringMatching(message) as string })]);
    expect(reported).toEqual(thrown);
    // Where the handler does not wait for it, a rejection that is nobody's would fail the run.
    waits = false;
    expect(await statusOf(port, "/")).toBe(500);
    expect(reported).toHaveLength(2);
    await hub.drain({ overMs: 0 });
    server.closeAllConnections();
    server.close();
  });
});
