/**
 * What a connection asks for: method, headers, body, where the stream stands.
 */
import { type Case, collector, equal, ok, soon } from "./world.ts";

const define = (name: string, run: Case["run"]): Case => ({ name, door: "connect", run });

export const requests: readonly Case[] = [
  define("headers and the body of a POST reach the server", async ({ connect, script }) => {
    const site = await script({ body: [{ event: "done", data: "好" }] });
    const connection = connect(site.url, {
      method: "POST",
      headers: { authorization: "Bearer x", "x-trace": "7" },
      body: { q: "你好" },
      until: "done",
    });
    const data: string[] = [];
    for await (const message of connection) data.push(message.data);
    const [seen] = await site.requests();
    equal(data, ["好"]);
    equal([seen!.method, seen!.body], ["POST", '{"q":"你好"}']);
    const { authorization, accept, ...headers } = seen!.headers;
    equal(
      [authorization, headers["x-trace"], accept, headers["content-type"]],
      ["Bearer x", "7", "text/event-stream", "application/json"],
    );
  }),

  define("URL, headers and body are asked for at each attempt", async ({ connect, script }) => {
    const site = await script({ then: "cut" }, { status: 204 });
    let asked = 0;
    const connection = connect(() => Promise.resolve(`${site.url}?n=${asked}`), {
      method: "POST",
      headers: () => Promise.resolve({ "x-n": String(asked) }),
      body: () => `body ${asked++}`,
      retry: { replay: true },
      onMessage() {},
    });
    await soon("the end", connection.ended);
    const seen = await site.requests();
    equal(
      seen.map(({ url, headers, body }) => [url.split("?")[1], headers["x-n"], body]),
      [
        ["n=0", "0", "body 0"],
        ["n=1", "1", "body 1"],
      ],
    );
  }),

  define(
    "the first attempt starts from what is stored, and each handled message is stored",
    async ({ connect, script }) => {
      const site = await script({
        body: [
          { id: "e-8", data: "a" },
          { id: "9", event: "done", data: "b" },
        ],
      });
      const stored: string[] = [];
      const cursor = { get: () => Promise.resolve("e-7"), set: (id: string) => void stored.push(id) };
      const connection = connect(site.url, { cursor, until: "done", onMessage() {} });
      await soon("the end", connection.ended);
      equal((await site.requests())[0]!.lastEventId, "e-7");
      equal(stored, ["e-8", "9"]);
    },
  ),

  define("a last event ID may hold any character", async ({ connect, script }) => {
    const site = await script({ body: [{ id: "七é", data: "1" }] }, { status: 204 });
    await soon("the end", connect(site.url, { onMessage() {} }).ended);
    equal((await site.requests())[1]!.lastEventId, "七é");
  }),

  define(
    "a message whose handler failed is not stored, and the connection gives up",
    async ({ connect, script }) => {
      const site = await script({
        body: [
          { id: "1", data: "a" },
          { id: "2", data: "b" },
        ],
        then: "stay",
      });
      const stored: string[] = [];
      const connection = connect(site.url, {
        cursor: { get: () => null, set: (id: string) => void stored.push(id) },
        onMessage: ({ id }) => (id === "2" ? Promise.reject(new Error("disk full")) : undefined),
      });
      const verdict = await soon("the end", connection.ended);
      equal(
        [verdict.reason, (verdict.cause as { code: string }).code, stored],
        ["gave-up", "handler", ["1"]],
      );
    },
  ),

  define("what is received may be stored before it is handled", async ({ connect, script }) => {
    const site = await script({ body: [{ id: "1", data: "a" }], then: "stay" });
    const stored = collector<string>();
    connect(site.url, {
      ack: "received",
      cursor: { get: () => null, set: (id: string) => stored.push(id) },
      onMessage: () => new Promise(() => {}),
    });
    equal(await stored.count(1), ["1"]);
  }),

  define("the cursor travels in the query or wherever a function puts it", async ({ connect, script }) => {
    const query = await script({ body: [{ id: "a/1", data: "x" }] }, { status: 204 });
    await soon("the end", connect(query.url, { cursorVia: { query: "from" }, onMessage() {} }).ended);
    const own = await script({ body: [{ id: "a/1", data: "x" }] }, { status: 204 });
    const connection = connect(own.url, {
      cursorVia: (request, id) => void (request.headers["x-cursor"] = id),
      onMessage() {},
    });
    await soon("the end", connection.ended);
    const [first, second] = await query.requests();
    equal(
      [first!.url, second!.url, second!.lastEventId],
      [query.path, `${query.path}?from=a%2F1`, undefined],
    );
    const [, again] = await own.requests();
    equal([again!.headers["x-cursor"], again!.lastEventId], ["a/1", undefined]);
  }),

  define("a relative URL is resolved against the page or the worker", async ({ connect, script }) => {
    const site = await script({ status: 204 });
    await soon("the end", connect(site.path, { onMessage() {} }).ended);
    equal((await site.requests()).length, 1);
  }),

  define("where there is no page, a relative URL is a mistake at the call", async ({ connect }) => {
    let message = "";
    try {
      connect("/somewhere");
    } catch (error) {
      ok(error instanceof TypeError, "it is no TypeError");
      ({ message } = error);
    }
    ok(message.includes('url is "/somewhere"'), `the message is ${message}`);
  }),
];
