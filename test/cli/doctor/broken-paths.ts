/**
 * Paths with one fault each, and good ones: what the doctor proves with an endpoint behind them.
 */
import compression from "compression";
import express from "express";
import { createServer, request as httpRequest, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { bare, startProxy } from "../../../deploy/proxies.ts";
import type { Protocol } from "../../../deploy/reader.ts";
import type { ProxyName } from "../../../packages/tidings/src/cli/proxies/proxy-config.ts";
import { doctorEndpoint } from "../../../packages/tidings/src/server/doctor/doctor-endpoint.ts";
import { serve, serveEndpoint, type Setup, type Started, TOKEN } from "./setup.ts";

/** A doctor endpoint behind a real proxy, whose tested configuration is changed by `edit`. */
export async function through(
  name: ProxyName,
  edit: (config: string) => string = (config) => config,
  protocol: Protocol = "HTTP/1.1",
): Promise<Started> {
  const origin = await serveEndpoint();
  const proxy = await startProxy(name, { upstream: origin.url.replace(/\/$/, ""), edit, protocol });
  return {
    url: `${proxy.url}/doctor`,
    async stop() {
      // Some proxies do not stop before their streams have ended.
      await origin.stop();
      await proxy.stop();
    },
  };
}

/** What a middleware does to the writes of a response. */
const writing =
  (change: (response: ServerResponse, write: (text: string) => void) => (text: string) => void) =>
  (): Promise<Started> =>
    serveEndpoint((request, response, next) => {
      if (!request.url?.includes("program=") || /echo|result/.test(request.url)) return next();
      const write = response.write.bind(response) as (text: string) => boolean;
      const end = response.end.bind(response);
      const changed = change(response, (text) => void write(text));
      response.write = ((text: string) => (changed(text), true)) as never;
      response.end = (() => end()) as never;
      next();
    });

async function expressWithCompression(): Promise<Started> {
  const app = express();
  app.use(compression());
  const endpoint = doctorEndpoint({ token: TOKEN });
  app.use((request, response) => endpoint.handle(request, response));
  return serve(app);
}

/** A development proxy that pipes, and looks after no ends. */
async function pipingProxy(): Promise<Started> {
  const origin = await serveEndpoint();
  const server = createServer((request, response) => {
    const outgoing = httpRequest(
      new URL(request.url!, origin.url),
      { method: request.method!, headers: request.headers },
      (incoming) => {
        response.writeHead(incoming.statusCode!, incoming.headers);
        response.flushHeaders();
        incoming.on("error", () => {});
        incoming.pipe(response);
      },
    );
    outgoing.on("error", () => {});
    request.pipe(outgoing);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await origin.stop();
    },
  };
}

const inServer = (config: string, lines: string): string =>
  config.replace("proxy_buffering off;", `proxy_buffering off;\n${lines}`);

export const goodPaths: readonly Setup[] = [
  { name: "the endpoint itself", finds: [], start: () => serveEndpoint(), path: {} },
  { name: "nginx as tested", finds: [], start: () => through("nginx"), path: {} },
  { name: "HAProxy as tested", finds: [], start: () => through("haproxy"), path: {} },
  { name: "Varnish as tested", finds: [], start: () => through("varnish"), path: {} },
  {
    name: "Express with compression, for a server that sends no-transform",
    finds: [],
    start: expressWithCompression,
    path: {},
  },
  { name: "nginx as tested, for a flood", finds: [], start: () => through("nginx"), path: { flood: true } },
];

/** What proxies cannot do better, whatever their configuration. */
export const bestPaths: readonly Setup[] = [
  // nginx 1.22 does; 1.26 does not. Tidings sends a first byte with the head.
  {
    name: "nginx 1.22 as tested, HTTP/2",
    finds: ["C05"],
    start: () => through("nginx", undefined, "HTTP/2 over TLS"),
    path: {},
  },
  { name: "Caddy as tested", finds: ["X02"], start: () => through("caddy"), path: {} },
  { name: "Apache httpd as tested", finds: ["X01"], start: () => through("apache"), path: {} },
];

export const brokenPaths: readonly Setup[] = [
  {
    name: "nginx as installed, for a server that sends nothing to proxies",
    finds: ["B02", "C05", "K01", "X02", "Z03"],
    start: () => through("nginx", bare("nginx")),
    path: { bare: true },
  },
  {
    name: "nginx with HTTP/1.1 alone",
    finds: ["B03", "C05", "K01", "Z03"],
    start: () => through("nginx", (config) => config.replace("proxy_buffering off;", "")),
    path: { bare: true },
  },
  {
    name: "nginx with HTTP/1.0",
    finds: ["X02"],
    start: () => through("nginx", (config) => config.replace("proxy_http_version 1.1;", "")),
    path: {},
  },
  {
    name: "nginx with chunked_transfer_encoding off",
    finds: ["C03", "X02"],
    start: () => through("nginx", (config) => inServer(config, "chunked_transfer_encoding off;")),
    path: {},
  },
  {
    name: "nginx with gzip and buffering",
    finds: ["B03", "C05", "K01", "Z01", "Z03"],
    start: () =>
      through("nginx", (config) =>
        config.replace("proxy_buffering off;", "gzip on; gzip_types text/event-stream; gzip_proxied any;"),
      ),
    path: { bare: true },
  },
  {
    name: "nginx with gzip, without buffering",
    finds: ["Z02"],
    start: () =>
      through("nginx", (config) =>
        inServer(config, "gzip on; gzip_types text/event-stream; gzip_proxied any;"),
      ),
    path: {},
  },
  {
    name: "nginx with proxy_ignore_client_abort on",
    finds: ["X01"],
    start: () => through("nginx", (config) => inServer(config, "proxy_ignore_client_abort on;")),
    path: {},
  },
  {
    name: "nginx with add_header X-Accel-Buffering",
    finds: ["H01"],
    start: () => through("nginx", (config) => inServer(config, "add_header X-Accel-Buffering no;")),
    path: {},
  },
  {
    name: "nginx with proxy_read_timeout 5s",
    finds: ["T01"],
    start: () =>
      through("nginx", (config) =>
        inServer(config, "proxy_read_timeout 5s;").replace(/proxy_read_timeout (?!5s)\w+;/, ""),
      ),
    path: { longMs: 8000 },
  },
  {
    name: "nginx that hides Last-Event-ID and Incremental",
    finds: ["H03", "R03"],
    start: () =>
      through("nginx", (config) =>
        inServer(config, 'proxy_set_header Last-Event-ID ""; proxy_hide_header Incremental;'),
      ),
    path: {},
  },
  {
    name: "nginx with buffering, for a reader that stops",
    finds: ["B03", "C05", "K01", "X04", "Z03"],
    start: () => through("nginx", (config) => config.replace("proxy_buffering off;", "")),
    path: { bare: true, flood: true },
  },
  {
    name: "HAProxy without http-no-delay",
    finds: ["B04"],
    start: () => through("haproxy", (config) => config.replace("option http-no-delay", "")),
    path: {},
  },
  {
    name: "HAProxy without abortonclose",
    finds: ["X01"],
    start: () => through("haproxy", (config) => config.replace("option abortonclose", "")),
    path: {},
  },
  {
    name: "HAProxy as installed, for a server that sends nothing to proxies",
    finds: ["B04", "H02", "K01", "X01", "Z03"],
    start: () => through("haproxy", bare("haproxy")),
    path: { bare: true },
  },
  {
    name: "Varnish as installed, for a server that sends nothing to proxies",
    finds: ["H02", "K01", "K02", "K03", "X01", "Z03"],
    start: () => through("varnish", bare("varnish")),
    path: { bare: true },
  },
  {
    name: "Varnish without pipe",
    finds: ["X01"],
    start: () => through("varnish", bare("varnish")),
    path: {},
  },
  {
    name: "Express with compression, for a server that sends nothing to proxies",
    finds: ["H02", "K01", "Z01", "Z03"],
    start: expressWithCompression,
    path: { bare: true },
  },
  {
    name: "a development proxy that looks after no ends",
    finds: ["X01", "X03"],
    start: pipingProxy,
    path: {},
  },
  {
    name: "a middleware that keeps all to the end",
    finds: ["B01"],
    start: () =>
      serveEndpoint((request, response, next) => {
        if (!/program=tick/.test(request.url ?? "")) return next();
        const kept: string[] = [];
        const end = response.end.bind(response);
        response.write = ((text: string) => (kept.push(text), true)) as never;
        response.end = (() => end(kept.join(""))) as never;
        next();
      }),
    path: {},
  },
  {
    name: "a middleware that flushes one write behind",
    finds: ["B05"],
    start: writing((_, write) => {
      let last = "";
      return (text) => {
        write(last === "" ? ":\n\n" : last);
        last = text;
      };
    }),
    path: {},
  },
  {
    name: "a middleware that passes on every 100 ms",
    finds: ["B06"],
    start: writing((response, write) => {
      let kept = "";
      const timer = setInterval(() => {
        if (kept !== "") write(kept);
        kept = "";
      }, 100);
      response.on("close", () => clearInterval(timer));
      return (text) => void (kept += text);
    }),
    path: {},
  },
  {
    name: "a server that does not flush its head",
    finds: ["C05"],
    start: () =>
      serveEndpoint((_, response, next) => {
        response.flushHeaders = () => {};
        next();
      }),
    path: {},
  },
];
