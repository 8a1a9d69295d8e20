/**
 * 25,000 generated request heads to everything that answers requests, with and without TLS, over HTTP/2, and behind proxies. Each bad one
 * gets a status, or the close that node:http documents for it, and so does each that is pipelined behind it. After each the next good
 * request is served, by a hub, an answer or `openStream` in turn; nothing rejects, and nothing is left open.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { generate } from "selfsigned";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { haproxy } from "../../deploy/haproxy/program.ts";
import { nginx } from "../../deploy/nginx/program.ts";
import { startProgram } from "../../deploy/program.ts";
import { eventStreams } from "../../packages/tidings/src/server/fastify.ts";
import { createAcceptor } from "../../packages/tidings/src/server/acceptor/index.ts";
import { createRandom } from "../../packages/tidings/src/testing/random.ts";
import { requestTakers } from "./foreign-peers.ts";
import { type AnyRequest, type AnyResponse, createHandlers } from "./request-handlers.ts";
import { IDS, QUERIES, requestHeads, TARGETS } from "./request-heads.ts";

const reported: unknown[] = [];
const rejected: unknown[] = [];
const handlers = createHandlers((error) => reported.push(error));
const { hub } = handlers;
const closers: (() => unknown)[] = [];

const note = (error: unknown): void => void rejected.push(error);

beforeAll(() => {
  process.on("unhandledRejection", note).on("uncaughtException", note);
});
afterAll(async () => {
  process.off("unhandledRejection", note).off("uncaughtException", note);
  while (closers.length > 0) await closers.pop()!();
  await handlers.close();
});

const inTurn = Object.values(handlers.node).flat();
const fetchInTurn = Object.values(handlers.fetch).flat();
let turn = 0;

const queryOf = (url = ""): URLSearchParams => new URLSearchParams(url.split("?")[1] ?? "");

/** What a good request asks for, and what it has to get. */
const GOOD = [
  { path: "/good/hub", name: "Hub", expected: /:epoch / },
  { path: "/good/answer", name: "Answers.resumable", expected: /data: 2\n\n/ },
  { path: "/good/stream", name: "openStream", expected: /data: 1\n\n/ },
] as const;

/** The place of the next one who answers; of a good request, that of what it asks for. */
function next(url: string | undefined, takers: Readonly<Record<string, readonly unknown[]>>): number {
  const good = GOOD.find(({ path }) => url?.endsWith(path));
  if (good === undefined) return (turn += 1);
  const names = Object.entries(takers).flatMap(([name, all]) => all.map(() => name));
  return names.findIndex((name) => name.startsWith(good.name));
}

/** One request in turn to each thing that answers. */
function answer(request: AnyRequest, response: AnyResponse): void {
  const n = next(request.url, handlers.node);
  const handle = inTurn[n % inTurn.length]!;
  // As a handler that is not async has it: what is thrown or rejected here is nobody's.
  try {
    Promise.resolve(handle(request, response, queryOf(request.url), n)).catch(note);
  } catch (error) {
    note(error);
  }
}

async function respond(request: Request): Promise<Response> {
  const n = next(request.url, handlers.fetch);
  const handle = fetchInTurn[n % fetchInTurn.length]!;
  try {
    return await handle(request, queryOf(request.url), n);
  } catch (error) {
    note(error);
    throw error;
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    (server as http.Server).closeAllConnections?.();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Target {
  readonly port: number;
  readonly isTls?: boolean;
  /** What it answers to a request without a version has no status. */
  readonly answersBare?: boolean;
}

const dial = ({ port, isTls }: Target): Socket =>
  isTls ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }) : connect(port, "127.0.0.1");

const statuses = (text: string): number[] =>
  Array.from(text.matchAll(/HTTP\/1\.[01] ([2-5]\d\d)/g), ([, status]) => Number(status));

/**
 * Sends bytes, and resolves with what came back once `isEnough` says so, or when the connection is closed. Undefined when nothing comes
 * for 20 seconds: a server that says nothing would hold its peer for ever.
 */
function exchange(
  target: Target,
  bytes: Uint8Array | string,
  isEnough: (text: string) => boolean,
  isHalfClosed = false,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = dial(target);
    let text = "";
    let isEnded = false;
    const done = (answer: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done(undefined), 20_000);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (isEnded || !isEnough(text)) return;
      // What else was pipelined is answered, or the connection is closed.
      if (isHalfClosed) socket.end();
      else done(text);
      isEnded = true;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => done(text));
    socket.write(bytes);
  });
}

const LANES = 8;

/** Returns what went wrong: no answer to a bad request, or none to the good one behind it. */
async function assault(target: Target, count: number): Promise<string[]> {
  const nextHead = requestHeads(7_919 + count);
  let left = count;
  const problems: string[] = [];
  const lane = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      const { bytes, isUpgrade, hasVersion, isPipeline } = nextHead();
      const isBare = target.answersBare === true && !hasVersion;
      const answer = await exchange(
        target,
        bytes,
        (text) => isBare || statuses(text).length > 0,
        isPipeline && !isBare,
      );
      const all = statuses(answer ?? "");
      const good = GOOD[left % GOOD.length]!;
      const request = `GET ${good.path} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n`;
      const served = await exchange(target, request, (text) =>
        good.expected.test(text.replaceAll("\r\n", "\n")),
      );
      const isServed = served !== undefined && good.expected.test(served.replaceAll("\r\n", "\n"));
      const isClosed = answer === "" && isUpgrade;
      const isAnswered = answer !== undefined && (isBare || isClosed || all.length > 0) && !all.includes(500);
      if (isAnswered && isServed && statuses(served)[0] === 200) continue;
      problems.push(
        `${String(all)}, then ${good.path} ${served?.slice(0, 100)}: ${JSON.stringify(bytes.toString("latin1").slice(0, 300))}`,
      );
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return problems.slice(0, 5);
}

const certificate = async (): Promise<{ key: string; cert: string }> => {
  const { private: key, cert } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    keyType: "ec",
  });
  return { key, cert };
};

/** What the doctor needs of a response is not what the acceptor's has: docs/acceptor.md. */
const streams = Object.entries(handlers.node).flatMap(([name, all]) =>
  name.startsWith("Doctor") ? [] : all,
);

function answerAccepted(request: AnyRequest, response: AnyResponse): unknown {
  const n = next(request.url, handlers.node);
  return streams[n % streams.length]!(request, response, queryOf(request.url), n);
}

/** A server with the acceptor before it. */
function withAcceptor<Made extends http.Server | https.Server>(
  make: (listener: http.RequestListener) => Made,
): Made {
  const server = make((request, response) => {
    if (!acceptor.serve(request, response)) answer(request, response);
  });
  const paths = {
    "/": answerAccepted,
    "/good/:what": answerAccepted,
    "/prices": answerAccepted,
    "/a/:id": answerAccepted,
  };
  const acceptor = createAcceptor(server, paths, { authorize: () => true, onError: note });
  return server;
}

const honoServer = (): http.Server => {
  const hono = new Hono().all("*", ({ req }) => respond(req.raw));
  const listener = getRequestListener(hono.fetch);
  return http.createServer((request, response) => void listener(request, response));
};

async function behindNginx(origin: number): Promise<Target> {
  const proxy = await startProgram(
    nginx,
    ({ port }) => `server {
      listen 127.0.0.1:${port};
      location / { proxy_pass http://127.0.0.1:${origin}; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off; }
    }`,
  );
  closers.push(() => proxy.stop());
  return { port: Number(new URL(proxy.url).port), answersBare: true };
}

async function behindHaproxy(origin: number): Promise<Target> {
  const config = await readFile(new URL("../../deploy/haproxy/haproxy.cfg", import.meta.url), "utf8");
  const proxy = await startProgram(haproxy, ({ port }) =>
    config
      .replace("bind :80", `bind 127.0.0.1:${port}`)
      .replace("use_backend app if { path_beg /events }", "default_backend app")
      .replace("127.0.0.1:3001", `127.0.0.1:${origin}`),
  );
  closers.push(() => proxy.stop());
  return { port: Number(new URL(proxy.url).port) };
}

const servers: [name: string, count: number, start: () => Promise<number | Target>][] = [
  ["node:http", 7_000, () => listen(http.createServer(answer))],
  [
    "node:https",
    500,
    async () => ({ port: await listen(https.createServer(await certificate(), answer)), isTls: true }),
  ],
  ["the acceptor", 4_000, () => listen(withAcceptor((listener) => http.createServer(listener)))],
  [
    "the acceptor before node:https",
    500,
    async () => {
      const files = await certificate();
      return {
        port: await listen(withAcceptor((listener) => https.createServer(files, listener))),
        isTls: true,
      };
    },
  ],
  ["Express", 2_500, () => listen(http.createServer(express().use(express.json(), answer)))],
  [
    "Koa",
    2_500,
    () => {
      const koa = new Koa({ asyncLocalStorage: false }).use((ctx) => {
        ctx.respond = false;
        answer(ctx.req, ctx.res);
      });
      koa.silent = true;
      const handle = koa.callback();
      return listen(http.createServer((request, response) => void handle(request, response)));
    },
  ],
  [
    "Fastify",
    2_000,
    async () => {
      const fastify = Fastify({ forceCloseConnections: true });
      await fastify.register(eventStreams, { heartbeatMs: 10_000, hubs: [{ drain: async () => {} }] });
      fastify.all("/*", (request, reply) => {
        if (!request.url.startsWith("/good/") && next(request.url, {}) % 8 === 7)
          reply.openStream([{ data: "1" }]);
        else answer(request, reply);
      });
      await fastify.listen({ port: 0, host: "127.0.0.1" });
      closers.push(() => fastify.close());
      return (fastify.server.address() as AddressInfo).port;
    },
  ],
  ["Hono", 3_000, () => listen(honoServer())],
  ["node:http behind nginx", 1_000, async () => behindNginx(await listen(http.createServer(answer)))],
  [
    "the acceptor behind nginx",
    500,
    async () => behindNginx(await listen(withAcceptor((listener) => http.createServer(listener)))),
  ],
  ["Hono behind nginx", 500, async () => behindNginx(await listen(honoServer()))],
  ["node:http behind HAProxy", 1_000, async () => behindHaproxy(await listen(http.createServer(answer)))],
  [
    "the acceptor behind HAProxy",
    500,
    async () => behindHaproxy(await listen(withAcceptor((listener) => http.createServer(listener)))),
  ],
];

describe("generated request heads", () => {
  it.each(servers)(
    "to %s: each of %i is answered, and so is the next good one",
    async (_name, count, start) => {
      const started = await start();
      const problems = await assault(typeof started === "number" ? { port: started } : started, count);
      expect({ rejected, problems }).toEqual({ rejected: [], problems: [] });
      await expect.poll(() => hub.stats().streams, { timeout: 20_000 }).toBe(0);
    },
  );

  it.each([
    [700, "without TLS", async () => http2.createServer(answer as never)],
    [700, "over TLS", async () => http2.createSecureServer(await certificate(), answer as never)],
  ])("to node:http2: %i %s, with odd and large headers, resets and aborts", async (count, how, make) => {
    const port = await listen(await make());
    const random = createRandom(13 + how.length);
    const below = (end: number): number => Math.floor(random() * end);
    const pick = <Value>(values: readonly Value[]): Value => values[below(values.length)]!;
    const scheme = how === "over TLS" ? "https" : "http";
    const begin = (): http2.ClientHttp2Session =>
      http2
        .connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false })
        .on("error", () => undefined);
    let session = begin();
    closers.push(() => session.destroy());
    interface Answer {
      readonly status: number;
      readonly text: string;
    }
    const ask = (
      headers: http2.OutgoingHttpHeaders,
      reset: number,
      isEnough: (text: string) => boolean = () => true,
    ): Promise<Answer> =>
      new Promise((resolve) => {
        // Node ends a session in which too much was reset.
        if (session.destroyed || session.closed) session = begin();
        let text = "";
        let status = 0;
        const stream = session.request(headers, { endStream: true });
        const look = (): void => {
          if (status === 0 || !isEnough(text)) return;
          resolve({ status, text });
          stream.close(http2.constants.NGHTTP2_CANCEL);
        };
        stream.on("error", () => undefined);
        stream.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
          look();
        });
        stream.on("response", (response) => {
          status = Number(response[":status"]);
          look();
        });
        stream.on("close", () => resolve({ status, text }));
        if (reset === 1) stream.close(http2.constants.NGHTTP2_CANCEL);
        if (reset === 2) setImmediate(() => stream.close(http2.constants.NGHTTP2_PROTOCOL_ERROR));
      });
    const isToken = /^[\x21-\x7e]+$/;
    const problems: unknown[] = [];
    for (let n = 0; n < count; n += 1) {
      const reset = below(4);
      const path = `${pick(TARGETS)}${pick(QUERIES)}`;
      const headers: http2.OutgoingHttpHeaders = {
        ":method": pick(["GET", "HEAD", "POST", "PUT", "OPTIONS", "QUERY", "BREW"]),
        // The client itself takes no other.
        ":path": isToken.test(path) ? path : "/",
        "last-event-id": pick(IDS.filter((id) => !id.includes("\t"))),
        "accept-encoding": pick(["", "gzip", ";;;", "gzip;q=0"]),
      };
      if (below(8) === 0) headers["x-large"] = "x".repeat(30_000);
      if (below(8) === 0) for (let i = 0; i < 100; i += 1) headers[`x-${i}`] = `${i}`;
      // More than the server takes: it says so, or resets the stream.
      const isTooLarge = below(16) === 0;
      if (isTooLarge) headers["x-larger"] = "x".repeat(100_000);
      const { status } = await ask(headers, reset);
      const good = GOOD[n % GOOD.length]!;
      const askGood = (): Promise<Answer> =>
        ask({ ":path": good.path }, 0, (text) => good.expected.test(text));
      let served = await askGood();
      // A session that Node is about to end takes a request and never answers it.
      if (served.status === 0) served = await askGood();
      const isServed = served.status === 200 && good.expected.test(served.text);
      // HTTP/2 has no such path: its stream is reset before there is a request.
      const isNoPath = !String(headers[":path"]).startsWith("/");
      const mayBeSilent = isTooLarge || isNoPath || reset === 1 || reset === 2;
      if (!isServed || status === 500 || (!mayBeSilent && status < 200)) {
        problems.push([n, reset, status, served, JSON.stringify(headers).slice(0, 300)]);
      }
    }
    session.close();
    expect(problems.slice(0, 5)).toEqual([]);
    expect(rejected).toEqual([]);
    await expect.poll(() => hub.stats().streams, { timeout: 20_000 }).toBe(0);
  });

  it("are sent to everything that takes a request, as the package's declarations have it", () => {
    /** The kinds of servers that are attacked here, with who answers there. */
    const attacked: Record<string, object> = {
      node: {
        ...handlers.node,
        "Acceptor.serve": "the acceptor",
        TestHandler: "the test kit: its script decides when there is an answer",
      },
      http2: {
        ...handlers.node,
        "Acceptor.serve": "node:http2 hands what is no event stream to the same code",
      },
      Fastify: { ...handlers.node, "Acceptor.serve": "as node:http, by request.raw" },
      fetch: handlers.fetch,
      server: { createAcceptor: "the acceptor", eventStreams: "Fastify" },
    };
    const takers = requestTakers().map((taker) => taker.split(": ") as [name: string, kind: string]);
    expect(takers.length).toBeGreaterThan(25);
    expect(takers.filter(([name, kind]) => !(name in attacked[kind]!))).toEqual([]);
    const names = new Set(takers.map(([name]) => name));
    expect(Object.keys({ ...handlers.node, ...handlers.fetch }).filter((name) => !names.has(name))).toEqual(
      [],
    );
  });

  it("left only reports of ours, and no answer that counts for ever", () => {
    expect(reported).toEqual([]);
    for (const { size } of handlers.answers) expect(size).toBeLessThanOrEqual(50);
  });
});
