/**
 * 20,000 generated request heads to everything that answers requests. Each bad one gets a status, or the close that node:http
 * documents for it; after each the next good request is served; nothing rejects, and nothing is left open.
 */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import express from "express";
import Fastify from "fastify";
import Koa from "koa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nginx } from "../../deploy/nginx/program.ts";
import { startProgram } from "../../deploy/program.ts";
import { createAcceptor } from "../../packages/tidings/src/server/acceptor/index.ts";
import { createRandom } from "../../packages/tidings/src/testing/random.ts";
import { createAnswers, createHub, openStream } from "../../packages/tidings/src/server/index.ts";
import type {
  FastifyReply,
  NodeRequest,
  NodeResponse,
} from "../../packages/tidings/src/server/request/http-types.ts";
import { requestHeads } from "./request-heads.ts";

const hub = createHub({ limits: { topicsPerStream: 8 }, onError: (error) => reported.push(error) });
const answers = createAnswers({ answers: 50, onError: (error) => reported.push(error) });
const reported: unknown[] = [];
const rejected: unknown[] = [];
const closers: (() => unknown)[] = [];

const note = (error: unknown): void => void rejected.push(error);

beforeAll(() => {
  process.on("unhandledRejection", note).on("uncaughtException", note);
});
afterAll(async () => {
  process.off("unhandledRejection", note).off("uncaughtException", note);
  while (closers.length > 0) await closers.pop()!();
  await answers.close();
  await hub.drain({ overMs: 0, graceMs: 100 });
});

let turn = 0;

/** One request in turn to each thing that answers, with what it has to say taken from the request as users do. */
function answer(
  request: NodeRequest & { url?: string | undefined },
  response: NodeResponse | FastifyReply,
): void {
  const query = new URLSearchParams((request.url ?? "").split("?")[1] ?? "");
  turn += 1;
  const how = request.url === "/good" ? 0 : turn % 5;
  if (how === 0) {
    hub.subscribe(request, response, { topics: ["a"] }).catch(note);
  } else if (how === 1) {
    const topics = [...query.getAll("topic"), { pattern: "a/:b/*" }];
    hub.subscribe(request, response, { topics, onGap: "fail", compression: true }).catch(note);
  } else if (how === 2) {
    const asked = { topics: ["a"], from: "earliest", subscriber: query.get("id") ?? "x" } as const;
    const snapshot = (): { data: string } => ({ data: "now" });
    hub.subscribe(request, response, { ...asked, authorize: async () => true, snapshot }).catch(note);
  } else if (how === 3) {
    const id = query.get("id") ?? `answer-${turn % 40}`;
    answers.resumable(request, response, id, () => [{ data: "1" }, { data: "2" }]).catch(note);
  } else {
    openStream(request, response, [{ data: "1" }]);
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
  const next = requestHeads(7_919 + count);
  let left = count;
  const problems: string[] = [];
  const lane = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      const { bytes, isUpgrade, hasVersion } = next();
      // HTTP/0.9 to nginx, whose responses have no status.
      if (isNginx && !hasVersion) continue;
      const status = await statusOf(port, bytes);
      const good = await statusOf(port, GOOD);
      const isAnswered = status >= 200 || (status === 0 && isUpgrade);
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
      fastify.all("/*", (request, reply) => answer(request, reply));
      await fastify.listen({ port: 0, host: "127.0.0.1" });
      closers.push(() => fastify.close());
      return (fastify.server.address() as AddressInfo).port;
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
      expect(await assault(await start(), count, name.endsWith("nginx"))).toEqual([]);
      expect(rejected).toEqual([]);
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

  it("left only reports of ours, and no answer that counts for ever", () => {
    expect(reported).toEqual([]);
    expect(answers.size).toBeLessThanOrEqual(50);
  });
});
