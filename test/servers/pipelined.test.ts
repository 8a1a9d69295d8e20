/**
 * One connection that sends many requests and leaves. Servers with the Fetch API over node:http are told of its end by the response, and
 * Node tells nothing of one whose turn has not come.
 */
import { once } from "node:events";
import http from "node:http";
import { type AddressInfo, connect } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { H3, serve as serveH3 } from "h3";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { createHub, openStream } from "../../packages/tidings/src/server/index.ts";

type Respond = (request: Request) => Response | Promise<Response>;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

const servers: Record<string, (respond: Respond) => Promise<number>> = {
  async Hono(respond) {
    const hono = new Hono().all("*", ({ req }) => respond(req.raw));
    const listener = getRequestListener(hono.fetch);
    const server = http.createServer((request, response) => void listener(request, response));
    await once(server.listen(0, "127.0.0.1"), "listening");
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  },
  async h3(respond) {
    const app = new H3().all("/**", (event) => respond(event.req));
    const server = serveH3(app, { port: 0, hostname: "127.0.0.1", silent: true });
    await server.ready();
    closers.push(() => server.close(true));
    return Number(new URL(server.url!).port);
  },
};

/** Sends `count` requests at once, and leaves once the first one is answered and `seen` are there. */
async function leaveAfter(port: number, method: string, count: number, seen: () => number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined).write(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(count));
  await once(socket, "data");
  await expect.poll(seen).toBe(count);
  socket.destroy();
}

describe.each(Object.entries(servers))("on %s", (_name, start) => {
  test.each(["GET", "POST"])("a hub opens one stream of 20 pipelined: %s", async (method) => {
    const hub = createHub();
    closers.push(() => hub.drain({ overMs: 0 }));
    let seen = 0;
    const port = await start((request) => {
      seen += 1;
      return hub.respond(request, { topics: ["a"] });
    });
    await leaveAfter(port, method, 20, () => seen);
    await expect.poll(() => hub.stats()).toMatchObject({ opened: 1, streams: 0 });
  });

  test("streams of openStream end when their connection does, also those that are opened after it", async () => {
    let open = 0;
    let seen = 0;
    let late = (): void => undefined;
    const isLate = new Promise<void>((resolve) => (late = resolve));
    const port = await start(async (request) => {
      seen += 1;
      if (seen > 10) await isLate;
      const stream = openStream(request);
      open += 1;
      void stream.ended.then(() => (open -= 1));
      return stream.response;
    });
    await leaveAfter(port, "GET", 20, () => seen);
    await expect.poll(() => open).toBe(0);
    late();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect.poll(() => open).toBe(0);
  });
});
