/**
 * Beside other people's code: responses that middleware has taken in hand before the stream is opened.
 */
import http, { type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { constants, createGunzip } from "node:zlib";
import compression from "compression";
import express5, { type NextFunction, type Request, type Response } from "express";
import express4 from "express4";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { describe, expect, onTestFinished, test } from "vitest";
import { type EventStream, openStream, type StreamOptions } from "../../packages/tidings/src/server/index.ts";
import { Peer } from "./peer.ts";

async function listen(listener: RequestListener): Promise<string> {
  const server = http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const expresses = [
  ["Express 5", express5],
  ["Express 4", express4],
] as const;

describe.each(expresses)("compression in %s", (_, express) => {
  /** A stream behind the middleware, its text as the peer decodes it, and how it was encoded. */
  async function open(options: StreamOptions) {
    let stream!: EventStream;
    const app = express()
      .use(compression({ threshold: 0 }))
      .get("/", (request: Request, response: Response) => {
        stream = openStream(request, response, options);
      });
    const origin = await listen(app);
    const response = await new Promise<http.IncomingMessage>((resolve) =>
      http.get(origin, { headers: { "accept-encoding": "gzip" } }, resolve),
    );
    const encoding = response.headers["content-encoding"];
    const body =
      encoding === undefined
        ? response
        : response.pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }));
    let text = "";
    body.on("data", (chunk: Buffer) => (text += chunk.toString()));
    return { stream, response, encoding, text: () => text };
  }

  test("leaves an event stream alone, since it says no-transform", async () => {
    const { stream, encoding, text } = await open({});
    expect(encoding).toBeUndefined();
    await expect.poll(text).toBe(":\n\n");
    stream.send({ data: 1 });
    await expect.poll(text).toBe(":\n\ndata: 1\n\n");
  });

  test("sends each message at once where it was let in, heartbeats too", async () => {
    const { stream, encoding, text } = await open({
      headers: { "Cache-Control": "no-cache" },
      heartbeatMs: 250,
    });
    expect(encoding).toBe("gzip");
    await expect.poll(text).toBe(":\n\n");
    stream.send({ data: 1 });
    await expect.poll(text).toContain("data: 1\n\n");
    stream.send({ data: 2 });
    await expect.poll(text).toContain("data: 2\n\n");
    await expect.poll(() => text().split(":\n\n").length).toBeGreaterThan(3);
    stream.end();
    expect((await stream.ended).code).toBe("ended");
  });

  test("does not hide a peer that stops reading", async () => {
    const { stream, response } = await open({
      headers: { "Cache-Control": "no-cache" },
      maxBufferedBytes: 65_536,
    });
    response.pause();
    const noise = () => Array.from({ length: 8_192 }, () => Math.random().toString(36)).join("");
    let sent = 0;
    while (stream.send({ data: noise() }) !== "closed" && sent++ < 1_000) await new Promise(setImmediate);
    expect(sent).toBeLessThan(1_000);
    expect((await stream.ended).code).toBe("slow");
  });
});

describe.each(expresses)("a recorder in %s", (_, express) => {
  test("that wraps write and end sees all, and what it changes is what is sent", async () => {
    const record: string[] = [];
    const app = express()
      .use((_: Request, response: Response, next: NextFunction) => {
        const write = response.write.bind(response) as (chunk: string) => boolean;
        const end = response.end.bind(response) as () => Response;
        response.write = (chunk: Buffer) => {
          record.push(chunk.toString());
          return write(chunk.toString().replaceAll("secret", "******"));
        };
        response.end = (() => {
          record.push("end");
          return end();
        }) as typeof response.end;
        next();
      })
      .get("/", (request: Request, response: Response) => {
        openStream(request, response, [{ data: "secret 1" }, { data: "你好" }]);
      });
    const reply = await new Peer(await listen(app)).request("/");
    expect(await reply.over).toBe("whole");
    expect(reply.text).toBe(":\n\ndata: ****** 1\n\ndata: 你好\n\n");
    expect(record).toEqual([":\n\n", "data: secret 1\n\n", "data: 你好\n\n", "end"]);
  });

  test("that wraps writeHead is called once, with our head in place", async () => {
    const heads: unknown[] = [];
    const app = express()
      .use((_: Request, response: Response, next: NextFunction) => {
        const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => Response;
        response.writeHead = ((...args: unknown[]) => {
          heads.push([args[0], response.getHeader("content-type")]);
          response.setHeader("x-took", "1 ms");
          return writeHead(...args);
        }) as typeof response.writeHead;
        next();
      })
      .get("/", (request: Request, response: Response) => openStream(request, response).end());
    const reply = await new Peer(await listen(app)).request("/");
    expect(await reply.over).toBe("whole");
    expect(heads).toEqual([[200, "text/event-stream"]]);
    expect(reply.headers["x-took"]).toBe("1 ms");
  });

  test("a handler that answers twice gets Express's error", async () => {
    const app = express()
      .get("/", (request: Request, response: Response) => {
        response.json({ done: true });
        openStream(request, response);
      })
      .use((error: Error, _: Request, response: Response, _next: NextFunction) => {
        messages.push(error.message);
        response.end();
      });
    const messages: string[] = [];
    const reply = await new Peer(await listen(app)).request("/");
    expect(await reply.over).toBe("whole");
    expect(messages).toEqual([
      "Cannot open event stream: response has ended already, expected one that was not used yet",
    ]);
  });
});

test("Koa's middleware before a stream leaves it whole, its headers on it", async () => {
  const { default: Koa } = await import("koa");
  const koa = new Koa();
  koa.use(async (ctx, next) => {
    ctx.set("x-request-id", "7");
    await next();
  });
  koa.use((ctx) => {
    ctx.respond = false;
    openStream(ctx.req, ctx.res, [{ data: 1 }]);
  });
  const callback = koa.callback();
  const origin = await listen((request, response) => void callback(request, response));
  const reply = await new Peer(origin).request("/");
  expect(await reply.over).toBe("whole");
  expect([reply.status, reply.headers["x-request-id"], reply.text]).toEqual([200, "7", ":\n\ndata: 1\n\n"]);
});

test("what Hono's middleware sets is on the stream", async () => {
  const app = new Hono().use(cors({ origin: "https://a.example", credentials: true }));
  app.get("/", (c) => openStream(c.req.raw, [{ data: 1 }]).response);
  const response = await app.request("/", { headers: { origin: "https://a.example" } });
  expect([response.headers.get("access-control-allow-origin"), response.headers.get("content-type")]).toEqual(
    ["https://a.example", "text/event-stream"],
  );
  expect(await response.text()).toBe(":\n\ndata: 1\n\n");
});
