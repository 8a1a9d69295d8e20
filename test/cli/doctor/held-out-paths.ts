/**
 * Paths that played no part when the checks were written: other proxies, other mistakes, proxies behind proxies. What must be found
 * was written down before the doctor saw them.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve as serveHono } from "@hono/node-server";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { bare, startProxy } from "../../../deploy/proxies.ts";
import { type Program, startProgram } from "../../../deploy/program.ts";
import { doctorEndpoint } from "../../../packages/tidings/src/server/doctor/doctor-endpoint.ts";
import { devProxies } from "../../middleware/dev-proxies.ts";
import { through } from "./broken-paths.ts";
import { lighttpd, squid } from "./other-proxies.ts";
import { serveEndpoint, type Setup, type Started, TOKEN } from "./setup.ts";

/** An endpoint behind a program, whose configuration is made of its own port and the endpoint's. */
async function behind(
  program: Program,
  makeConfig: (port: number, upstream: URL, folder: string) => string,
): Promise<Started> {
  const origin = await serveEndpoint();
  const proxy = await startProgram(program, ({ port, folder }) =>
    makeConfig(port, new URL(origin.url), folder),
  );
  return {
    url: `${proxy.url}/doctor`,
    async stop() {
      await origin.stop();
      await proxy.stop();
    },
  };
}

const lighttpdConfig =
  (more: string) =>
  (port: number, { hostname, port: upstreamPort }: URL, folder: string): string =>
    `
server.modules = ("mod_proxy")
server.document-root = "${folder}"
server.port = ${port}
server.bind = "127.0.0.1"
${more}
proxy.server = ("" => (("host" => "${hostname}", "port" => ${upstreamPort})))
`;

const squidConfig = (port: number, { hostname, port: upstreamPort }: URL): string => `
http_port 127.0.0.1:${port} accel defaultsite=localhost no-vhost
cache_peer ${hostname} parent ${upstreamPort} 0 no-query originserver name=app
http_access allow all
cache_peer_access app allow all
`;

/** HAProxy in front of nginx, in front of the endpoint. */
async function haproxyBeforeNginx(edit: (config: string) => string = (config) => config): Promise<Started> {
  const inner = await through("nginx", edit);
  const outer = await startProxy("haproxy", { upstream: new URL(inner.url).origin });
  return {
    url: `${outer.url}/doctor`,
    async stop() {
      await inner.stop();
      await outer.stop();
    },
  };
}

async function viteProxy(mended: boolean): Promise<Started> {
  const origin = await serveEndpoint();
  const vite = await devProxies["Vite"]!(origin.url.replace(/\/$/, ""), mended);
  return {
    url: `${vite.url}/1`,
    async stop() {
      await origin.stop();
      await vite.stop();
    },
  };
}

async function honoWithCompress(): Promise<Started> {
  const endpoint = doctorEndpoint({ token: TOKEN });
  const app = new Hono().use(compress()).all("*", (context) => endpoint.respond(context.req.raw));
  return new Promise((resolve) => {
    const server = serveHono({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) =>
      resolve({
        url: `http://127.0.0.1:${port}/`,
        stop: () =>
          new Promise((stopped) => {
            if ("closeAllConnections" in server) server.closeAllConnections();
            server.close(() => stopped());
          }),
      }),
    );
  });
}

const cached = (config: string): string =>
  `proxy_cache_path ${join(tmpdir(), `tidings-doctor-cache-${process.pid}`)} keys_zone=events:1m;\n${config.replace(
    "proxy_buffering off;",
    "proxy_cache events; proxy_cache_key $uri$args; proxy_cache_valid 200 1m;",
  )}`;

export const heldOutPaths: readonly Setup[] = [
  {
    name: "HAProxy before nginx, both as tested",
    finds: [],
    start: () => haproxyBeforeNginx(),
    path: {},
  },
  {
    name: "Hono with its compress, for a server that sends no-transform",
    finds: [],
    start: honoWithCompress,
    path: {},
  },
  { name: "Squid as a reverse proxy", finds: [], start: () => behind(squid, squidConfig), path: {} },
  {
    name: "HAProxy before nginx with buffering, for a server that sends nothing to proxies",
    finds: ["B03", "C05", "K01", "Z03"],
    start: () => haproxyBeforeNginx((config) => config.replace("proxy_buffering off;", "")),
    path: { bare: true },
  },
  {
    name: "nginx with proxy_cache, for a server that sends nothing to proxies",
    finds: ["B03", "C05", "K01", "K02", "X01", "Z03"],
    start: () => through("nginx", cached),
    path: { bare: true },
  },
  {
    // Its rate is counted from the beginning of the response, so that the large event fits.
    name: "nginx with a limit_rate that suffices",
    finds: [],
    start: () =>
      through("nginx", (config) =>
        config.replace("proxy_buffering off;", "proxy_buffering off;\nlimit_rate 8k;"),
      ),
    path: {},
  },
  {
    name: "HAProxy with timeout server 3s",
    finds: ["T01"],
    start: () => through("haproxy", (config) => config.replace("timeout server 60s", "timeout server 3s")),
    path: { longMs: 6000 },
  },
  {
    name: "HAProxy with compression of everything, for a server that sends nothing to proxies",
    finds: ["H02", "K01", "Z01", "Z03"],
    start: () =>
      through("haproxy", (config) => config.replace("mode http", "mode http\n    compression algo gzip")),
    path: { bare: true },
  },
  {
    // It holds the head too, for who accepts compression; that is part of Z01.
    name: "Caddy with encode, for a server that sends nothing to proxies",
    finds: ["H02", "K01", "X02", "Z01", "Z03"],
    start: () =>
      through("caddy", (config) => config.replace("reverse_proxy", "encode gzip\n\treverse_proxy")),
    path: { bare: true },
  },
  {
    name: "Caddy with flush_interval -1",
    finds: ["X01", "X02"],
    start: () =>
      through("caddy", (config) =>
        config.replace(/reverse_proxy (.+)/, "reverse_proxy $1 {\nflush_interval -1\n}"),
      ),
    path: {},
  },
  {
    // X02 is Caddy's 2.6, whatever its configuration.
    name: "Caddy that ends every response after 5 seconds",
    finds: ["T02", "X02"],
    start: () => through("caddy", (config) => `{\nservers {\ntimeouts {\nwrite 5s\n}\n}\n}\n${config}`),
    path: {},
  },
  {
    name: "Apache httpd with mod_deflate, for a server that sends nothing to proxies",
    finds: ["H02", "K01", "X01", "Z02", "Z03"],
    start: () =>
      through("apache", (config) => config.replace("ProxyPass", "SetOutputFilter DEFLATE\n    ProxyPass")),
    path: { bare: true },
  },
  {
    // Of a stream that is held, nobody can say when the server noticed that its reader left.
    name: "Varnish that fetches responses whole, one for each reader",
    finds: ["B01", "C03", "C05"],
    start: () =>
      through(
        "varnish",
        (config) =>
          `${bare("varnish")(config)}\nsub vcl_backend_response { set beresp.do_stream = false; }\n`,
      ),
    path: {},
  },
  {
    // It knows the length of what it held.
    name: "lighttpd as installed",
    finds: ["B01", "C03", "C05", "X02"],
    start: () => behind(lighttpd, lighttpdConfig("")),
    path: {},
  },
  {
    name: "lighttpd that streams",
    finds: ["X01"],
    start: () => behind(lighttpd, lighttpdConfig("server.stream-response-body = 2")),
    path: {},
  },
  {
    name: "Vite's proxy",
    finds: ["C05", "X03"],
    start: () => viteProxy(false),
    path: {},
  },
  {
    name: "Vite's proxy that passes ends on",
    finds: ["C05"],
    start: () => viteProxy(true),
    path: {},
  },
];
