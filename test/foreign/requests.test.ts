/**
 * 20,000 generated request heads to everything that answers requests. Each bad one gets a status, or the close that node:http
 * documents for it; after each the next good request is served; nothing rejects, and nothing is left open.
 */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nginx } from "../../deploy/nginx/program.ts";
import { startProgram } from "../../deploy/program.ts";
import { eventStreams } from "../../packages/tidings/src/server/fastify.ts";
import { createAcceptor } from "../../packages/tidings/src/server/acceptor/index.ts";
import { createRandom } from "../../packages/tidings/src/testing/random.ts";
import { requestTakers } from "./foreign-peers.ts";
import { type AnyRequest, type AnyResponse, createHandlers } from "./request-handlers.ts";
import { requestHeads } from "./request-heads.ts";

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
const next = (url: string | undefined): number => (url?.endsWith("/good") ? 0 : (turn += 1));

/** One request in turn to each thing that answers. */
function answer(request: AnyRequest, response: AnyResponse): void {
  const n = next(request.url);
  const handle = inTurn[n % inTurn.length]!;
  // As a handler that is not async has it: what is thrown or rejected here is nobody's.
  try {
    Promise.resolve(handle(request, response, queryOf(request.url), n)).catch(note);
  } catch (error) {
    note(error);
  }
}

async function respond(request: Request): Promise<Response> {
  const n = next(request.url);
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

/** Sends bytes, and resolves with the first status that comes back; 0 when the connection is closed without one. */
function statusOf(port: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ port, host: "127.0.0.1" });
    let text = "";
    const done = (status: number): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(status);
    };
    // A server that says nothing would hold its peer for ever: -1 is no answer.
    const timer = setTimeout(() => done(-1), 20_000);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const final = /HTTP\/1\.[01] ([2-5]\d\d)/.exec(text);
      if (final !== null) done(Number(final[1]));
    });
    socket.on("error", () => undefined);
    socket.on("close", () => done(0));
    socket.write(bytes);
  });
}

const GOOD = Buffer.from("GET /good HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
const LANES = 8;

/** Returns what went wrong: no answer to a bad request, or none to the good one behind it. */
async function assault(port: number, count: number, isNginx: boolean): Promise<string[]> {
  const nextHead = requestHeads(7_919 + count);
  let left = count;
  const problems: string[] = [];
  const lane = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      const { bytes, isUpgrade, hasVersion } = nextHead();
      // HTTP/0.9 to nginx, whose responses have no status.
      if (isNginx && !hasVersion) continue;
      const status = await statusOf(port, bytes);
      const good = await statusOf(port, GOOD);
      const isAnswered = (status >= 200 && status !== 500) || (status === 0 && isUpgrade);
      if (isAnswered && good === 200) continue;
      problems.push(`${status}, then ${good}: ${JSON.stringify(bytes.toString("latin1").slice(0, 300))}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return problems.slice(0, 5);
}

const servers: [name: string, count: number, start: () => Promise<number>][] = [
  ["node:http", 7_000, () => listen(http.createServer(answer))],
  [
    "the acceptor",
    4_000,
    () => {
      const server = http.createServer((request, response) => {
        if (!acceptor.serve(request, response)) answer(request, response);
      });
      const paths = { "/": answer, "/good": answer, "/prices": answer, "/a/:id": answer };
      const acceptor = createAcceptor(server, paths, { authorize: () => true, onError: note });
      return listen(server);
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
        if (next(request.url) % 8 === 7) reply.openStream([{ data: "1" }]);
        else answer(request, reply);
      });
      await fastify.listen({ port: 0, host: "127.0.0.1" });
      closers.push(() => fastify.close());
      return (fastify.server.address() as AddressInfo).port;
    },
  ],
  [
    "Hono",
    3_000,
    () => {
      const hono = new Hono().all("*", ({ req }) => respond(req.raw));
      const listener = getRequestListener(hono.fetch);
      return listen(http.createServer((request, response) => void listener(request, response)));
    },
  ],
  [
    "node:http behind nginx",
    1_000,
    async () => {
      const origin = await listen(http.createServer(answer));
      const proxy = await startProgram(
        nginx,
        ({ port }) => `server {
          listen 127.0.0.1:${port};
          location / { proxy_pass http://127.0.0.1:${origin}; proxy_http_version 1.1; proxy_buffering off; }
        }`,
      );
      closers.push(() => proxy.stop());
      return Number(new URL(proxy.url).port);
    },
  ],
];

describe("generated request heads", () => {
  it.each(servers)(
    "to %s: each of %i is answered, and so is the next good one",
    async (name, count, start) => {
      const problems = await assault(await start(), count, name.endsWith("nginx"));
      expect({ rejected, problems }).toEqual({ rejected: [], problems: [] });
      await expect.poll(() => hub.stats().streams, { timeout: 20_000 }).toBe(0);
    },
  );

  it("to node:http2: 1,000 with odd headers, resets and aborts", async () => {
    const server = http2.createServer(answer as never);
    const port = await listen(server);
    const random = createRandom(13);
    const below = (end: number): number => Math.floor(random() * end);
    const pick = <Value>(values: readonly Value[]): Value => values[below(values.length)]!;
    const begin = (): http2.ClientHttp2Session =>
      http2.connect(`http://127.0.0.1:${port}`).on("error", () => undefined);
    let session = begin();
    closers.push(() => session.destroy());
    const ask = (headers: http2.OutgoingHttpHeaders, reset: number): Promise<number> =>
      new Promise((resolve) => {
        // Node ends a session in which too much was reset.
        if (session.destroyed || session.closed) session = begin();
        const stream = session.request(headers, { endStream: true });
        stream.on("error", () => undefined);
        stream.on("response", (response) => {
          resolve(Number(response[":status"]));
          stream.close(http2.constants.NGHTTP2_CANCEL);
        });
        stream.on("close", () => resolve(0));
        if (reset === 1) stream.close(http2.constants.NGHTTP2_CANCEL);
        if (reset === 2) setImmediate(() => stream.close(http2.constants.NGHTTP2_PROTOCOL_ERROR));
      });
    const problems: unknown[] = [];
    for (let n = 0; n < 1_000; n += 1) {
      const reset = below(4);
      const headers: http2.OutgoingHttpHeaders = {
        ":method": pick(["GET", "HEAD", "POST", "PUT", "OPTIONS", "QUERY", "BREW"]),
        ":path": pick(["/", "//", "//:/?lastEventId=1", "/?lastEventId=%E0", "/%", "/?id=", "/?topic=%00"]),
        "last-event-id": pick(["", "1", "e.1", "é.1", "x".repeat(5_000), "e.1, e.2"]),
        "accept-encoding": pick(["", "gzip", ";;;", "gzip;q=0"]),
      };
      const status = await ask(headers, reset);
      // A session that Node is about to end takes a request and never answers it.
      const good = (await ask({ ":path": "/good" }, 0)) || (await ask({ ":path": "/good" }, 0));
      if (good !== 200 || (reset === 0 && status < 200) || (reset === 3 && status < 200)) {
        problems.push([n, reset, status, good, headers]);
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
