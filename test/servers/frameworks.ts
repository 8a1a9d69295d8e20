/**
 * The servers that run in this process, each answering with a scenario as its own users would.
 */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { AddressInfo, Server } from "node:net";
import { serve } from "@hono/node-server";
import express5 from "express";
import express4 from "express4";
import Fastify from "fastify";
import { H3, serve as serveH3 } from "h3";
import { Hono } from "hono";
import Koa from "koa";
import { generate } from "selfsigned";
import { createAcceptor } from "../../packages/tidings/src/server/acceptor/index.ts";
import { answer, respond } from "./answer.ts";
import type { RunningServer, ServerTraits } from "./contract.ts";
import { startNest } from "./nest.ts";

export const frameworks: readonly {
  readonly name: string;
  readonly traits?: ServerTraits;
  readonly start: () => RunningServer | Promise<RunningServer>;
}[] = [
  { name: "node:http", start: () => listen(http.createServer(answer)) },
  {
    name: "node:https",
    start: async () => listen(https.createServer(await certificate(), answer), "https"),
  },
  {
    name: "the acceptor before node:http",
    start: () => {
      const server = http.createServer(answer);
      createAcceptor(server, { "/*": answer }, { authorize: "public" });
      return listen(server);
    },
  },
  {
    name: "the acceptor before node:https",
    start: async () => {
      const server = https.createServer(await certificate(), answer);
      createAcceptor(server, { "/*": answer }, { authorize: "public" });
      return listen(server, "https");
    },
  },
  {
    name: "the acceptor before node:http2 over TLS",
    traits: { version: 2 },
    start: async () => {
      const server = http2.createSecureServer({ ...(await certificate()), allowHTTP1: true }, answer);
      createAcceptor(server, { "/*": answer }, { authorize: "public" });
      return listen(server, "https");
    },
  },
  {
    name: "the acceptor before node:http2 over TLS, to a peer of HTTP/1.1",
    start: async () => {
      const server = http2.createSecureServer({ ...(await certificate()), allowHTTP1: true }, answer);
      createAcceptor(server, { "/*": answer }, { authorize: "public" });
      return listen(server, "https");
    },
  },
  { name: "node:http2 without TLS", traits: { version: 2 }, start: () => listen(http2.createServer(answer)) },
  {
    name: "node:http2 over TLS",
    traits: { version: 2 },
    start: async () => listen(http2.createSecureServer(await certificate(), answer), "https"),
  },
  {
    name: "node:http2 over TLS, to a peer of HTTP/1.1",
    start: async () =>
      listen(http2.createSecureServer({ ...(await certificate()), allowHTTP1: true }, answer), "https"),
  },
  {
    name: "node:http, written through a wrapped write",
    start: () =>
      listen(
        http.createServer((request, response) => {
          const write = response.write.bind(response) as (chunk: Uint8Array) => boolean;
          response.write = (chunk: Uint8Array) => write(chunk);
          answer(request, response);
        }),
      ),
  },
  { name: "Express 5", start: () => listen(http.createServer(express5().use(express5.json(), answer))) },
  {
    name: "Express 4",
    start: () => listen(http.createServer(express4().use(express4.json(), answer))),
  },
  {
    name: "Koa",
    start: () => {
      const koa = new Koa().use((ctx) => {
        ctx.respond = false;
        answer(ctx.req, ctx.res);
      });
      const callback = koa.callback();
      return listen(http.createServer((request, response) => void callback(request, response)));
    },
  },
  {
    name: "Fastify",
    start: async () => {
      const fastify = Fastify({ forceCloseConnections: true });
      fastify.all("/*", (request, reply) => answer(request, reply));
      return { origin: await fastify.listen({ port: 0, host: "127.0.0.1" }), stop: () => fastify.close() };
    },
  },
  {
    name: "Fastify, its raw response",
    start: async () => {
      const fastify = Fastify({ forceCloseConnections: true });
      fastify.all("/*", (request, reply) => {
        reply.hijack();
        answer(request.raw, reply.raw);
      });
      return { origin: await fastify.listen({ port: 0, host: "127.0.0.1" }), stop: () => fastify.close() };
    },
  },
  { name: "Nest on Express", start: startNest },
  {
    name: "Hono on @hono/node-server",
    start: () => {
      const hono = new Hono().all("*", (c) => respond(c.req.raw));
      return new Promise((resolve) => {
        const server = serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
          resolve({ origin: `http://127.0.0.1:${port}`, stop: () => stop(server) }),
        );
      });
    },
  },
  {
    name: "h3",
    start: async () => {
      const app = new H3().all("/**", (event) => respond(event.req));
      const server = serveH3(app, { port: 0, hostname: "127.0.0.1", silent: true, gracefulShutdown: false });
      await server.ready();
      return { origin: server.url!.replace(/\/$/, ""), stop: () => server.close(true) };
    },
  },
];

type Stoppable = Server & { closeAllConnections?(): void };

async function listen(server: Stoppable, scheme = "http"): Promise<RunningServer> {
  // HTTP/2 servers do not know their connections.
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket.once("close", () => sockets.delete(socket))));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return stop(server);
    },
  };
}

async function stop(server: Stoppable): Promise<void> {
  server.close();
  server.closeAllConnections?.();
  await once(server, "close");
}

async function certificate(): Promise<{ key: string; cert: string }> {
  const made = await generate([{ name: "commonName", value: "127.0.0.1" }]);
  return { key: made.private, cert: made.cert };
}
