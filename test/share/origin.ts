/**
 * A page that shares a stream, the stream, and the hub behind it that numbers its messages; over HTTP/1.1, so that a browser has six
 * connections for all of it.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions } from "esbuild";
import { createHub } from "tidings/server";

export interface Origin {
  readonly url: string;
  /** The stream's connections: open now, and as many as ever at once, and in all. */
  readonly streams: { open: number; most: number; all: number };
  /** The number of the last message. */
  readonly last: number;
  /** Publishes messages with the next numbers. */
  publish(count: number): Promise<void>;
  close(): Promise<void>;
}

/** The page's script, with the package as built. @param more - How esbuild shall change it. */
export async function bundlePage(more: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("page.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    conditions: ["browser"],
    ...more,
  });
  return outputFiles![0]!.text;
}

/** @param others - Scripts of other versions, by name: the page at `/page?NAME` has them. */
export async function startOrigin(others: Readonly<Record<string, string>> = {}): Promise<Origin> {
  const scripts: Record<string, string> = { ...others, page: await bundlePage() };
  const hub = createHub();
  const streams = { open: 0, most: 0, all: 0 };
  let last = 0;

  const server = createServer((request, response) => {
    if (request.url!.startsWith("/numbers")) {
      streams.all++;
      streams.most = Math.max(streams.most, ++streams.open);
      response.on("close", () => streams.open--);
      void hub.subscribe(request, response, {
        topics: ["numbers"],
        headers: { "access-control-allow-origin": "*" },
      });
    } else if (request.url!.endsWith(".js")) {
      const script = scripts[request.url!.slice(1, -".js".length)];
      response.setHeader("content-type", "text/javascript").end(script);
    } else if (request.url!.startsWith("/page")) {
      const [, asked = ""] = request.url!.split("?");
      // As in a sandboxed frame: the page has an origin of its own, and no storage.
      if (asked === "sandboxed") response.setHeader("content-security-policy", "sandbox allow-scripts");
      response.setHeader("content-type", "text/html");
      response.end(`<!doctype html><script src="/${asked in scripts ? asked : "page"}.js"></script>`);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    streams,
    get last() {
      return last;
    },
    async publish(count) {
      for (let at = 0; at < count; at++) await hub.publish("numbers", { data: String(++last) });
    },
    async close() {
      await hub.drain({ overMs: 0, graceMs: 200 });
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
