/**
 * Development proxies, each before one server, as they come or with what docs/proxies/middleware.md adds.
 */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { createProxyMiddleware } from "http-proxy-middleware";
import { createServer as createViteServer } from "vite";
import webpack from "webpack";
import WebpackDevServer from "webpack-dev-server";
import { freePort } from "../support/free-port.mjs";
import { passOnEnds } from "./pass-on-ends.ts";

export interface DevProxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param mended - Whether it has what the page adds. */
type Start = (upstream: string, mended: boolean) => Promise<DevProxy>;

const startVite: Start = async (upstream, mended) => {
  const root = await mkdtemp(join(tmpdir(), "tidings-vite-"));
  const server = await createViteServer({
    configFile: false,
    root,
    logLevel: "silent",
    server: {
      host: "127.0.0.1",
      port: 0,
      proxy: {
        "^/\\d+": {
          target: upstream,
          configure: (proxy) => void (mended && proxy.on("proxyRes", passOnEnds)),
        },
      },
    },
  });
  await server.listen();
  return {
    url: urlOf(server.httpServer?.address()),
    async stop() {
      await server.close();
      await rm(root, { recursive: true, force: true });
    },
  };
};

const startWebpackDevServer: Start = async (upstream, mended) => {
  const root = await mkdtemp(join(tmpdir(), "tidings-webpack-"));
  await writeFile(join(root, "index.js"), "");
  const compiler = webpack({
    mode: "development",
    context: root,
    entry: "./index.js",
    output: { path: root },
    stats: "none",
    infrastructureLogging: { level: "none" },
  });
  if (compiler === null) throw new Error("Cannot start webpack-dev-server: webpack made no compiler");
  const server = new WebpackDevServer(
    {
      host: "127.0.0.1",
      // Its own search hands the same port to two that start at once.
      port: await freePort(),
      compress: !mended,
      proxy: [{ context: ["/"], target: upstream, ...(mended ? { onProxyRes: passOnEnds } : {}) }],
    },
    compiler,
  );
  await server.start();
  return {
    url: urlOf(server.server?.address()),
    async stop() {
      await server.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
};

const startHttpProxyMiddleware: Start = async (upstream, mended) => {
  const app = express().use(
    createProxyMiddleware({ target: upstream, ...(mended ? { on: { proxyRes: passOnEnds } } : {}) }),
  );
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: urlOf(server.address()),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};

export const devProxies: Readonly<Record<string, Start>> = {
  Vite: startVite,
  "webpack-dev-server": startWebpackDevServer,
  "http-proxy-middleware": startHttpProxyMiddleware,
};

function urlOf(address: AddressInfo | string | null | undefined): string {
  return `http://127.0.0.1:${(address as AddressInfo).port}`;
}
