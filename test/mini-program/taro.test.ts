/**
 * A Taro 4 program, built with Taro's own command over the packed package, and run in a realm that has what mini programs have.
 */
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { BUILD_MS, buildTaroApp } from "./build-taro-app.ts";
import { type EventServer, serve, stream } from "./event-server.ts";
import { everyByte, type Knobs } from "./host/knobs.ts";
import { launch, type OpenPage, type Program } from "./host/program.ts";
import { type Feed, type FeedOptions, runFeed } from "./run-feed.ts";
import { ANSWER, startPlayground } from "./start-playground.ts";

let folder = "";
const cleanUps: (() => unknown)[] = [];
const rejections: unknown[] = [];
const onRejection = (reason: unknown) => void rejections.push(reason);

beforeAll(async () => {
  process.on("unhandledRejection", onRejection);
  folder = await buildTaroApp();
}, BUILD_MS);

afterEach(async () => {
  while (cleanUps.length > 0) await cleanUps.pop()!();
  expect(rejections.splice(0)).toEqual([]);
});

afterAll(() => {
  process.off("unhandledRejection", onRejection);
});

async function server(answer: Parameters<typeof serve>[0]): Promise<EventServer> {
  const one = await serve(answer);
  cleanUps.push(() => one.close());
  return one;
}

function feed(url: string, options: FeedOptions = {}): Feed {
  const one = runFeed(folder, url, options);
  cleanUps.push(() => {
    const { errors } = one.program;
    one.program.kill();
    expect(errors).toEqual([]);
  });
  return one;
}

function until(condition: () => unknown): Promise<unknown> {
  return vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${condition.toString()}`);
    },
    { timeout: 30_000, interval: 5 },
  );
}

/** For what must not happen: long enough for every timer of a test to have run. */
const meanwhile = (ms = 150) => new Promise((resolve) => setTimeout(resolve, ms));

const TEXT =
  "\u{feff}: 注释\r\nretry: 10\r\n\r\nevent: 消息\r\ndata: 你好😀世界\r\ndata: 第二行\r\nid: 一\r\n\r\ndata\n\ndata:  naïve\rid: 2\r\r";
const MESSAGES = [
  { event: "消息", data: "你好😀世界\n第二行", id: "一" },
  { event: "message", data: "", id: "一" },
  { event: "message", data: " naïve", id: "2" },
];

describe("text", () => {
  test.each(["own", "foreign", "view"] as const)(
    "comes through byte by byte, in %s buffers",
    async (chunkType) => {
      const { url } = await server((response) => stream(response, TEXT));
      const one = feed(url, { knobs: { rechunk: everyByte, chunkType } });
      await until(() => one.messages().length >= MESSAGES.length);
      expect(one.messages()).toEqual(MESSAGES);
    },
  );

  test("comes through cut at every byte, and in one chunk", async () => {
    const block = Buffer.from("event: m\r\ndata: 你好😀世界\r\nid: é\r\n\r\n");
    const { url } = await server((response) => stream(response, "").write(Buffer.concat(copiesOf(block))));
    const cuts: Partial<Knobs> = {
      rechunk: (bytes) => {
        const parts = [];
        let start = 0;
        for (let copy = 0; copy < block.length; copy++) {
          parts.push(bytes.subarray(start, copy * block.length + copy));
          start = copy * block.length + copy;
        }
        return [...parts, bytes.subarray(start)];
      },
    };
    const expected = Array.from(block, () => ({ event: "m", data: "你好😀世界", id: "é" }));
    for (const knobs of [cuts, {}]) {
      const one = feed(url, { knobs });
      await until(() => one.messages().length >= expected.length);
      expect(one.messages()).toEqual(expected);
    }
  });

  test("comes through where the host hands over strings", async () => {
    const { url } = await server((response) => stream(response, TEXT));
    const one = feed(url, { knobs: { chunkType: "text" } });
    await until(() => one.messages().length >= MESSAGES.length);
    expect(one.messages()).toEqual(MESSAGES);
  });

  test("comes at the end where the host gives no chunks, as on PC", async () => {
    const { url } = await server((response, _, count) => {
      if (count === 1) stream(response, TEXT).end();
      else response.writeHead(204).end();
    });
    const one = feed(url, { knobs: { noChunk: true } });
    await until(() => one.verdict() !== "");
    expect(one.messages()).toEqual(MESSAGES);
  });

  test("comes at the end where the response has a length", async () => {
    const { url } = await server((response, _, count) => {
      if (count > 1) return response.writeHead(204).end();
      response.writeHead(200, {
        "Content-Type": "text/event-stream",
        "Content-Length": Buffer.byteLength(TEXT),
      });
      response.end(TEXT);
    });
    const one = feed(url, { knobs: { noChunkForContentLength: true } });
    await until(() => one.verdict() !== "");
    expect(one.messages()).toEqual(MESSAGES);
  });
});

function copiesOf(block: Buffer): Buffer[] {
  return Array.from(block, () => block);
}

describe("returning", () => {
  test("resumes from the last event ID each time the response ends", async () => {
    const { url, seen } = await server((response, _, count) => {
      const one = stream(response, `data: ${count}\nid: e7.${count}\n\n`);
      if (count <= 5) one.end();
    });
    const one = feed(url);
    await until(() => one.data().length === 6);
    expect(one.data()).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(seen.map(({ headers }) => headers["last-event-id"])).toEqual([
      undefined,
      "e7.1",
      "e7.2",
      "e7.3",
      "e7.4",
      "e7.5",
    ]);
  });

  test("waits for a server that says 503, and stops at 204", async () => {
    const { url, seen } = await server((response, _, count) => {
      if (count <= 2) response.writeHead(503).end("busy");
      else if (count === 3) stream(response, "data: back\n\n").end();
      else response.writeHead(204).end();
    });
    const one = feed(url);
    await until(() => one.verdict() === "complete");
    expect(one.data()).toEqual(["back"]);
    expect(seen).toHaveLength(4);
    expect(one.errors().slice(0, 2)).toEqual(
      Array(2).fill(expect.stringContaining("status is 503, expected 200: busy")),
    );
  });

  test("notices a connection that broke silently, as they do on iOS", async () => {
    const { url, seen } = await server((response, _, count) => {
      stream(response, `data: ${count}\nid: ${count}\n\n`);
      if (count === 1) setTimeout(() => response.destroy(), 20);
    });
    const one = feed(url, { knobs: { silentDrop: true }, connect: { idleMs: 1500 } });
    await until(() => one.data().length === 2);
    expect(one.errors()).toEqual([expect.stringMatching(/^idle: .* nothing came for 1500 ms/)]);
    expect(seen[1]!.headers["last-event-id"]).toBe("1");
  });

  test("resumes after the host's timeout, whatever was asked for", async () => {
    const { url, seen } = await server((response, _, count) =>
      stream(response, `data: ${count}\nid: ${count}\n\n`),
    );
    const one = feed(url, { knobs: { longestTimeoutMs: 1000 } });
    await until(() => one.data().length >= 3);
    expect(one.errors()[0]).toMatch(/^timeout: .*request:fail timeout/);
    expect(seen[2]!.headers["last-event-id"]).toBe("2");
  });

  test("returns when the network does, told of the loss or not", async () => {
    for (const silentDrop of [false, true]) {
      const { url, seen } = await server((response, _, count) =>
        stream(response, `data: ${count}\nid: ${count}\n\n`),
      );
      const one = feed(url, { knobs: { silentDrop } });
      await until(() => one.data().length === 1);
      one.program.network(false);
      // That the network is gone is a hint: the stream goes when its bytes stop, and waits for the network.
      await until(() => one.states().at(-1) === "paused");
      expect(one.program.requests).toBe(1);
      one.program.network(true, "4g");
      await until(() => one.data().length === 2);
      expect(seen[1]!.headers["last-event-id"]).toBe("1");
    }
  });

  test("leaves the old network when there is another", async () => {
    const { url, seen } = await server((response, _, count) =>
      stream(response, `data: ${count}\nid: ${count}\n\n`),
    );
    const one = feed(url);
    await until(() => one.data().length === 1);
    one.program.network(true, "4g");
    await until(() => one.data().length === 2);
    // The host says the same again, and nothing has changed.
    one.program.network(true, "4g");
    await meanwhile();
    expect(seen.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "1"]);
  });
});

describe("in the background", () => {
  test.each(["before freezing", "after show", "never"] as const)(
    "it rests, and resumes on the screen, where requests hear of their end %s",
    async (interrupted) => {
      const { url, seen } = await server((response, _, count) =>
        stream(response, `data: ${count}\nid: ${count}\n\n`),
      );
      const one = feed(url, { knobs: { interrupted, freezeAfterMs: 30 }, wx: { interruptedAfterMs: 30 } });
      await until(() => one.data().length === 1);
      one.program.hide();
      await until(() => one.program.frozen);
      await meanwhile();
      expect(one.program.requests).toBe(1);
      one.program.show();
      await until(() => one.data().length === 2);
      await meanwhile();
      expect(seen.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "1"]);
      expect(one.errors().every((error) => error.startsWith("interrupted: "))).toBe(true);
    },
  );

  test("nothing happens to a stream when the program is back in time", async () => {
    const responses: ServerResponse[] = [];
    const { url, seen } = await server((response) => void responses.push(stream(response, "data: 1\n\n")));
    const one = feed(url);
    await until(() => one.data().length === 1);
    one.program.hide();
    await meanwhile(50);
    one.program.show();
    responses[0]!.write("data: 2\n\n");
    await until(() => one.data().length === 2);
    expect(seen).toHaveLength(1);
    expect(one.states()).toEqual(["open"]);
  });

  test("a stream that breaks is not asked for again until the program is back", async () => {
    const responses: ServerResponse[] = [];
    const { url } = await server(
      (response, _, count) => void responses.push(stream(response, `data: ${count}\n\n`)),
    );
    const one = feed(url);
    await until(() => one.data().length === 1);
    one.program.hide();
    responses[0]!.destroy();
    await until(() => one.states().includes("paused"));
    await meanwhile();
    expect(one.program.requests).toBe(1);
    one.program.show();
    await until(() => one.data().length === 2);
  });

  test("a question is not put twice: its answer goes on after a glance elsewhere, and is truncated after a long one", async () => {
    const responses: ServerResponse[] = [];
    const { url, seen } = await server((response) => void responses.push(stream(response, "data: 1\n\n")));
    const one = feed(url, {
      connect: { method: "POST", body: { q: "你好" } },
      knobs: { freezeAfterMs: 100 },
      wx: { interruptedAfterMs: 100 },
    });
    await until(() => one.data().length === 1);
    one.program.hide();
    one.program.show();
    responses[0]!.write("data: 2\n\n");
    await until(() => one.data().length === 2);
    one.program.hide();
    await until(() => one.program.frozen);
    one.program.show();
    await until(() => one.verdict() === "truncated");
    expect(one.errors()).toEqual([expect.stringMatching(/^interrupted: /)]);
    expect(seen).toHaveLength(1);
  });
});

describe("an answer that is asked for once", () => {
  const post = { method: "POST", body: { q: "你好" } };

  test("is kept while its bytes come in the background, however long that is", async () => {
    const responses: ServerResponse[] = [];
    const { url } = await server((response) => void responses.push(stream(response, "data: 1\n\n")));
    const one = feed(url, {
      connect: post,
      knobs: { runsInBackground: true },
      wx: { interruptedAfterMs: 800, aliveWithinMs: 1000 },
    });
    await until(() => one.data().length === 1);
    one.program.hide();
    await meanwhile(850);
    responses[0]!.write("data: 2\n\n");
    await until(() => one.data().length === 2);
    one.program.show();
    await meanwhile(1200);
    responses[0]!.write("data: 3\n\n");
    await until(() => one.data().length === 3);
    responses[0]!.end();
    await until(() => one.verdict() === "complete");
    expect(one.errors()).toEqual([]);
  });

  test("is kept when its bytes go on after the background", async () => {
    const responses: ServerResponse[] = [];
    const { url } = await server((response) => void responses.push(stream(response, "data: 1\n\n")));
    const one = feed(url, {
      connect: post,
      knobs: { runsInBackground: true },
      wx: { interruptedAfterMs: 20, aliveWithinMs: 5000 },
    });
    await until(() => one.data().length === 1);
    one.program.hide();
    await meanwhile(300);
    one.program.show();
    await meanwhile(300);
    responses[0]!.write("data: 2\n\n");
    await until(() => one.data().length === 2);
    responses[0]!.end();
    await until(() => one.verdict() === "complete");
    expect(one.errors()).toEqual([]);
  });

  test("is truncated soon when the network goes and nobody says that it broke", async () => {
    const { url, seen } = await server((response) => stream(response, "data: 1\n\n"));
    const one = feed(url, { connect: post, knobs: { silentDrop: true }, wx: { aliveWithinMs: 50 } });
    await until(() => one.data().length === 1);
    one.program.network(false);
    await until(() => one.verdict() === "truncated");
    expect(one.errors()).toEqual([
      expect.stringMatching(/^interrupted: .*the network went, and nothing came/),
    ]);
    expect(seen).toHaveLength(1);
  });

  test("is whole where the last chunk comes after the end", async () => {
    const { url } = await server((response) => {
      stream(response, "data: 1\n\ndata: 2\n\n").end();
    });
    const one = feed(url, { connect: post, knobs: { chunkAfterEnd: true } });
    await until(() => one.verdict() === "complete");
    expect(one.data()).toEqual(["1", "2"]);
  });

  test("is read whole where the host has no chunks, and paid for once", async () => {
    const { url, seen } = await server((response) => {
      stream(response, "data: 1\n\ndata: 2\n\n").end();
    });
    const one = feed(url, { connect: post, knobs: { missing: ["onChunkReceived"], noChunk: true } });
    await until(() => one.verdict() === "complete");
    expect(one.data()).toEqual(["1", "2"]);
    expect(seen).toHaveLength(1);
  });
});

describe("a refusal", () => {
  const refuse = (response: ServerResponse) => {
    response.writeHead(401, { "Content-Type": "application/json; charset=utf-8" });
    response.end(JSON.stringify({ error: "登录已过期" }));
  };

  test.each<[string, Partial<Knobs>]>([
    ["in chunks", { rechunk: everyByte }],
    ["at the end", { noChunk: true }],
    ["with a status at the end, as in the devtools", { devtools: true }],
    ["as a failure, as on PC", { statusErrorAsFail: true }],
    ["in chunks of which no header was told", { headersNever: true }],
  ])("is shown with its body, and not repeated, when it comes %s", async (_, knobs) => {
    const { url, seen } = await server(refuse);
    const one = feed(url, { knobs });
    await until(() => one.verdict() === "gave-up");
    expect(one.errors()).toEqual([
      `status: Cannot open event stream ${url}: status is 401, expected 200: {"error":"登录已过期"}`,
    ]);
    expect(seen).toHaveLength(1);
  });

  test("is shown without its body when the host loses that", async () => {
    const { url } = await server(refuse);
    const one = feed(url, { knobs: { errorBodyLost: true } });
    await until(() => one.verdict() === "gave-up");
    expect(one.errors()).toEqual([`status: Cannot open event stream ${url}: status is 401, expected 200`]);
  });

  test("is known where only the failure tells it", async () => {
    const { url, seen } = await server(refuse);
    const one = feed(url, {
      knobs: { statusErrorAsFail: true, missing: ["onHeadersReceived"], errorBodyLost: true },
    });
    await until(() => one.verdict() === "gave-up");
    expect(one.errors()).toEqual([`status: Cannot open event stream ${url}: status is 401, expected 200`]);
    expect(seen).toHaveLength(1);
  });

  test("of another type says what came", async () => {
    const { url } = await server((response) =>
      response.writeHead(200, { "Content-Type": "text/html" }).end("<h1>登录</h1>"),
    );
    const one = feed(url);
    await until(() => one.verdict() === "gave-up");
    expect(one.errors()[0]).toContain(
      'content-type is "text/html", expected text/event-stream: <h1>登录</h1>',
    );
  });
});

describe("a host", () => {
  test("may keep the status to itself, and the headers too", async () => {
    for (const knobs of [{ devtools: true }, { missing: ["onHeadersReceived", "offHeadersReceived"] }]) {
      const { url } = await server((response) => stream(response, "data: 你好\n\n"));
      const one = feed(url, { knobs });
      await until(() => one.data().length === 1);
      expect(one.data()).toEqual(["你好"]);
    }
  });

  test("may never tell the headers", async () => {
    const { url } = await server((response) => stream(response, "data: 你好\n\n"));
    const one = feed(url, { knobs: { headersNever: true } });
    await until(() => one.data().length === 1);
    expect(one.data()).toEqual(["你好"]);
  });

  test("may repeat what the network is, or change the mobile one: the stream stays", async () => {
    const responses: ServerResponse[] = [];
    const { url, seen } = await server((response) => void responses.push(stream(response, "data: 1\n\n")));
    const one = feed(url);
    await until(() => one.data().length === 1);
    one.program.network(true, "wifi");
    responses[0]!.write("data: 2\n\n");
    await until(() => one.data().length === 2);
    one.program.network(true, "5g");
    await until(() => seen.length === 2);
    one.program.network(true, "4g");
    await meanwhile();
    expect(seen).toHaveLength(2);
  });

  test("that is given compressed bytes says so, and how to be rid of them", async () => {
    const { url, seen } = await server((response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream", "Content-Encoding": "gzip" });
      response.write(gzipSync("data: 1\n\n"));
    });
    const one = feed(url);
    await until(() => one.verdict() === "gave-up");
    expect(one.errors()).toEqual([expect.stringMatching(/^unsupported: .*compressed.*accept-encoding/)]);
    expect(seen).toHaveLength(1);
  });

  test("that cannot stream is told apart from a network that is down, and how to mend it", async () => {
    const { url } = await server((response) => stream(response));
    const one = feed(url, { knobs: { missing: ["onChunkReceived"] } });
    await until(() => one.verdict() === "gave-up");
    expect(one.errors()).toEqual([expect.stringMatching(/^unsupported: .*onChunkReceived.*2\.20\.2/)]);
    await until(() => one.program.sockets.size === 0);
  });

  test("may make a promise of the task: nobody's rejection is left unhandled", async () => {
    const { url } = await server((response) => stream(response, "data: 1\n\n"));
    const one = feed(url, { knobs: { promiseTask: true } });
    await until(() => one.data().length === 1);
    one.page.unload();
    await until(() => one.program.sockets.size === 0);
    await meanwhile(20);
    expect(rejections).toEqual([]);
  });

  test("may make promises of timers, as iOS 15 does", async () => {
    const { url } = await server((response) => stream(response, TEXT));
    const one = feed(url, { knobs: { promiseFromTimers: true, rechunk: everyByte } });
    await until(() => one.messages().length >= MESSAGES.length);
    expect(one.messages()).toEqual(MESSAGES);
  });

  test("may hear from nobody but the last of two streams: the other one notices", async () => {
    const beats: NodeJS.Timeout[] = [];
    const { url } = await server((response) => {
      stream(response, "data: 1\n\n");
      beats.push(setInterval(() => response.write(":\n\n"), 20));
    });
    const first = feed(url, { knobs: { lastListenerOnly: true }, connect: { idleMs: 1000 } });
    await until(() => first.data().length >= 1);
    const second = feed(`${url}/?second`, { program: first.program });
    await until(() => second.data().length === 1);
    await until(() => first.errors().length > 0);
    for (const beat of beats) clearInterval(beat);
    expect(first.errors()[0]).toMatch(/^idle: /);
  });

  test("lets ten requests run and queues the rest, until a page closes its stream", async () => {
    const { url, seen } = await server((response) => stream(response, "data: 1\n\n"));
    const first = feed(`${url}/0`);
    const { program } = first;
    const feeds = [first];
    for (let n = 1; n <= 10; n++) feeds.push(feed(`${url}/${n}`, { program }));
    const served = () => feeds.filter((one) => one.data().length === 1);
    await until(() => served().length === 10);
    await meanwhile();
    expect(seen).toHaveLength(10);
    served()[0]!.page.unload();
    await until(() => served().length === 11);
  });

  test("with interceptors takes the chunks from Taro.request, and none from us", async () => {
    const { url } = await server((response) => stream(response, "data: 1\n\n"));
    const one = runFeed(folder, url);
    cleanUps.push(() => one.program.kill());
    await until(() => one.data().length === 1);
    const naive = one.program.open("pages/naive/index", { url: encodeURIComponent(url), intercept: "1" });
    await until(() => one.program.errors.length > 0 || naive.text("errors") !== "");
    expect(naive.text("errors")).toContain("onChunkReceived is not a function");
    const after = runFeed(folder, `${url}/?after`, { program: one.program });
    await until(() => after.data().length === 1);
  });
});

describe("a page that unloads", () => {
  test("leaves no socket, no listener, no timer, and hears no more", async () => {
    const responses: ServerResponse[] = [];
    const one_server = await server((response) => void responses.push(stream(response, "data: 1\n\n")));
    const one = feed(one_server.url, { knobs: { lateChunks: true } });
    await until(() => one.data().length === 1);
    expect(one.program.listeners).toBe(3);
    responses[0]!.write("data: 2\n\n");
    one.page.unload();
    await until(() => one.program.sockets.size === 0 && one_server.open === 0);
    await meanwhile();
    expect(one.data()).toEqual(["1"]);
    expect(one.program.listeners).toBe(0);
    expect(one.program.timers).toBe(0);
  });

  test("while it waits to return does not", async () => {
    const { url, seen } = await server((response) => response.writeHead(503).end());
    const one = feed(url, { connect: { retry: { baseMs: 5000 } } });
    await until(() => one.states().includes("waiting"));
    one.page.unload();
    await until(() => one.program.timers === 0);
    expect(seen).toHaveLength(1);
  });
});

describe("the chat page of the docs", () => {
  const HALF = 'data: {"token":"你"}\n\n';

  async function chat(program: Program, api: string): Promise<OpenPage> {
    const page = program.open("pages/chat/index", { api });
    cleanUps.push(() => {
      program.kill();
      expect(program.errors).toEqual([]);
    });
    await until(() => page.text("ask") !== "");
    return page;
  }

  test.each<[string, Partial<Knobs>]>([
    ["cut at every byte", { rechunk: everyByte }],
    ["cut at every byte of iOS 15", { rechunk: everyByte, promiseFromTimers: true }],
    ["in the devtools", { devtools: true }],
    ["whole on a PC", { noChunk: true }],
  ])("draws the demo server's answer token by token, %s, and leaves nothing behind", async (_, knobs) => {
    const playground = await startPlayground();
    cleanUps.push(() => playground.close());
    const program = launch(folder, knobs);
    const page = await chat(program, playground.url);
    page.tap("ask");
    await until(() => page.text("status") === "complete");
    expect(page.text("answer")).toBe(ANSWER);
    expect(program.requests).toBe(1);
    page.unload();
    await vi.waitFor(async () => {
      expect([program.sockets.size, program.listeners, program.timers]).toEqual([0, 0, 0]);
      expect(await playground.connections()).toBe(0);
    });
  });

  test("asks once, with a token and JSON", async () => {
    const one = await server((response) => {
      stream(response, HALF).end("event: done\ndata: {}\n\n");
    });
    const program = launch(folder);
    const page = await chat(program, one.url);
    page.tap("ask");
    await until(() => page.text("status") === "complete");
    expect(one.seen).toEqual([
      {
        method: "POST",
        body: '{"q":"你好"}',
        headers: expect.objectContaining({
          accept: "text/event-stream",
          authorization: "Bearer demo",
          "content-type": "application/json",
        }),
      },
    ]);
  });

  test("says when the answer broke off", async () => {
    const one = await server((response) => {
      stream(response, HALF);
      setTimeout(() => response.destroy(), 20);
    });
    const program = launch(folder);
    const page = await chat(program, one.url);
    page.tap("ask");
    await until(() => page.text("status").startsWith("truncated: "));
    expect(page.text("answer")).toBe("你");
    expect(one.seen).toHaveLength(1);
  });

  test("stops when asked to, and the server sees it", async () => {
    const one = await server((response) => stream(response, HALF));
    const program = launch(folder);
    const page = await chat(program, one.url);
    page.tap("ask");
    await until(() => page.text("answer") === "你");
    page.tap("stop");
    await until(() => page.text("status") === "closed" && one.open === 0);
    expect(page.text("answer")).toBe("你");
  });
});

describe("the code that one finds by searching", () => {
  async function naive(text: string, knobs: Partial<Knobs>) {
    const { url, seen } = await server((response) => stream(response, text).end());
    const program = launch(folder, knobs);
    cleanUps.push(() => program.kill());
    const page = program.open("pages/naive/index", { url: encodeURIComponent(url) });
    await until(() => seen.length === 1 && program.sockets.size === 0);
    await meanwhile(50);
    return JSON.parse(page.text("messages")) as { event: string; data: string; id: string }[];
  }

  const PLAIN = "event: m\ndata: 你好😀世界\nid: 1\n\n";
  const RIGHT = [{ event: "m", data: "你好😀世界", id: "1" }];

  test("works here when a chunk happens to be a message", async () => {
    expect(await naive(PLAIN, {})).toEqual(RIGHT);
  });

  test("loses the text when chunks are cut anywhere", async () => {
    expect(await naive(PLAIN, { rechunk: everyByte })).not.toEqual(RIGHT);
    const length = Buffer.byteLength(PLAIN);
    const garbled = [];
    for (let at = 1; at < length; at += 3) {
      const got = await naive(PLAIN, { rechunk: (bytes) => [bytes.subarray(0, at), bytes.subarray(at)] });
      if (JSON.stringify(got) !== JSON.stringify(RIGHT)) garbled.push(at);
    }
    // All but the cuts inside the blank line at the end, of which there may be one.
    expect(garbled.length).toBeGreaterThanOrEqual(Math.floor((length - 1) / 3) - 1);
  });

  test("loses the text of a server that ends lines with CRLF", async () => {
    expect(await naive(PLAIN.replaceAll("\n", "\r\n"), {})).not.toEqual(RIGHT);
  });
});
