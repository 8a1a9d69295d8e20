/**
 * Compressing middleware before event streams: what it holds back, and what keeps it from that.
 */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable } from "node:stream";
import fastifyCompress from "@fastify/compress";
import { serve } from "@hono/node-server";
import compression from "compression";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { compress as honoCompress } from "hono/compress";
import Koa from "koa";
import compress from "koa-compress";
import { describe, expect, onTestFinished, test } from "vitest";
import { answersOf, checks, happensWithin, NO_MS } from "../../deploy/checks.ts";
import { type OriginOptions, startOrigin } from "../../deploy/origin.ts";
import { openReader } from "../../deploy/reader.ts";
import { encode } from "../../packages/tidings/src/index.ts";

const ACCEPTS_GZIP = { "accept-encoding": "gzip" };
const all = (yes: boolean) => ({ "one by one": yes, "within 100 ms": yes, "large ones whole": yes });

describe("Express's compression", () => {
  const behind = (listener: RequestListener): RequestListener =>
    express()
      .use(compression({ threshold: 0 }))
      .use(listener);

  async function ask(
    options: OriginOptions,
    headers: Record<string, string>,
    expected: Record<string, boolean>,
  ) {
    const origin = await startOrigin({ behind, ...options });
    onTestFinished(() => origin.stop());
    return answersOf({ url: origin.url, origin, request: { headers } }, expected);
  }

  test("holds an event stream to its end", async () => {
    expect(await ask({}, ACCEPTS_GZIP, all(false))).toEqual(all(false));
  });

  test("does not show in a client that accepts no compression, such as plain curl", async () => {
    expect(await ask({}, {}, all(true))).toEqual(all(true));
  });

  test("leaves it alone when the response says Cache-Control: no-transform", async () => {
    const headers = { "cache-control": "no-cache, no-transform" };
    expect(await ask({ headers }, ACCEPTS_GZIP, all(true))).toEqual(all(true));
  });

  test("ignores Content-Encoding: identity", async () => {
    const headers = { "content-encoding": "identity" };
    expect(await ask({ headers }, ACCEPTS_GZIP, all(false))).toEqual(all(false));
  });

  test("leaves the streams of a server that uses Tidings alone", async () => {
    const expected = Object.fromEntries(Object.keys(checks).map((name) => [name, true]));
    expect(await ask({ tidings: true }, ACCEPTS_GZIP, expected)).toEqual(expected);
  });

  test("sends each event at once where flush is called after it", async () => {
    const origin = await startOrigin({ behind });
    onTestFinished(() => origin.stop());
    const reader = openReader(origin.url, { headers: ACCEPTS_GZIP });
    const { response } = await origin.next();
    for (const id of ["1", "2", "3"]) {
      response.write(encode({ id, data: "x" }));
      (response as typeof response & { flush(): void }).flush();
      await reader.arrival(id);
    }
    expect((await reader.response).headers["content-encoding"]).toBe("gzip");
  });
});

describe("koa-compress", () => {
  /** Opens one stream that is the body of a Koa response. */
  async function open(headers: Record<string, string>, request: Record<string, string>) {
    const body = new PassThrough();
    const app = new Koa();
    // What it says when a client leaves is not this test's.
    app.silent = true;
    app.use(compress({ threshold: 0 })).use((context) => {
      context.set(headers);
      context.type = "text/event-stream";
      context.body = body;
    });
    const callback = app.callback();
    const server = createServer((request, response) => void callback(request, response)).listen(
      0,
      "127.0.0.1",
    );
    await once(server, "listening");
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const reader = openReader(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      headers: request,
    });
    return { reader, body, send: (id: string) => body.write(encode({ id, data: "x" })) };
  }

  test("holds an event stream to its end", async () => {
    const { reader, body, send } = await open({}, ACCEPTS_GZIP);
    send("1");
    expect(await happensWithin(NO_MS, reader.arrival("1"))).toBe(false);
    body.end();
    await reader.arrival("1");
  });

  test("does not show in a client that accepts no compression", async () => {
    const { reader, send } = await open({}, { "accept-encoding": "identity" });
    send("1");
    await reader.arrival("1");
    expect((await reader.response).headers["content-encoding"]).toBeUndefined();
  });

  test.each([{ "cache-control": "no-cache, no-transform" }, { "content-encoding": "identity" }])(
    "leaves it alone when the response says %j",
    async (headers) => {
      const { reader, send } = await open(headers, ACCEPTS_GZIP);
      send("1");
      await reader.arrival("1");
      expect((await reader.response).headers["content-encoding"]).not.toBe("gzip");
    },
  );
});

describe("middleware that leaves event streams alone", () => {
  /** Sends two events, each read before the next. @returns How the response is encoded. */
  async function encodingOf(url: string, body: PassThrough): Promise<unknown> {
    const reader = openReader(url, { headers: ACCEPTS_GZIP });
    for (const id of ["1", "2"]) {
      body.write(encode({ id, data: "x".repeat(5000) }));
      await reader.arrival(id);
    }
    const { headers } = await reader.response;
    reader.leave();
    return headers["content-encoding"];
  }

  test("@fastify/compress", async () => {
    const body = new PassThrough();
    const app = Fastify();
    await app.register(fastifyCompress, { threshold: 0 });
    app.get("/", (_, reply) => reply.type("text/event-stream").send(body));
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    expect(await encodingOf(url, body)).toBeUndefined();
    body.end();
    await app.close();
  });

  test("Hono's compress", async () => {
    const body = new PassThrough();
    const app = new Hono().use(honoCompress());
    app.get(
      "/",
      () =>
        new Response(Readable.toWeb(body) as ReadableStream, {
          headers: { "content-type": "text/event-stream" },
        }),
    );
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await encodingOf(url, body)).toBeUndefined();
    body.end();
    server.close();
  });
});
