/** A request whose body nobody reads, on a server that allows requests a time. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { createHub, type EventStream, openStream } from "../../packages/tidings/src/server/index.ts";

const BODY = Buffer.alloc(1_000_000, "x");

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  return () => void vi.useRealTimers();
});

/** Until just before Node would cut it: it allows five minutes. */
const passTheTime = () => vi.advanceTimersByTime(299_000);

async function serve(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

/** Sends a body that no buffer holds whole. */
function post(server: Server) {
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  peer.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${BODY.length}\r\n\r\n`);
  peer.write(BODY);
  peer.resume();
  return peer;
}

test("a body that nobody reads is taken from the connection before Node cuts it", async () => {
  let stream: EventStream | undefined;
  let request: IncomingMessage | undefined;
  const server = await serve((incoming, response) => {
    request = incoming;
    stream = openStream(incoming, response);
  });
  const peer = post(server);
  await expect.poll(() => stream).toBeDefined();
  expect(request!.complete).toBe(false);
  passTheTime();
  await expect.poll(() => request!.complete).toBe(true);
  expect(stream!.closed).toBe(false);
  peer.destroy();
  expect((await stream!.ended).code).toBe("peer-left");
});

test("with a hub too, and behind a server that makes a Request of it", async () => {
  const hub = createHub();
  onTestFinished(() => hub.drain({ overMs: 0, graceMs: 0 }));
  const requests: IncomingMessage[] = [];
  const direct = await serve((incoming, response) => {
    requests.push(incoming);
    void hub.subscribe(incoming, response, { topics: ["a"] });
  });
  const listener = getRequestListener((request) => hub.respond(request, { topics: ["a"] }));
  const fetched = await serve((incoming, response) => {
    requests.push(incoming);
    void listener(incoming, response);
  });
  post(direct);
  post(fetched);
  await expect.poll(() => hub.stats().streams).toBe(2);
  passTheTime();
  await expect.poll(() => requests.map(({ complete }) => complete)).toEqual([true, true]);
  expect(hub.stats().streams).toBe(2);
});

test("a body that the application has begun to read stays whole", async () => {
  let read = 0;
  let goOn!: () => void;
  const paused = new Promise<void>((resolve) => (goOn = resolve));
  const server = await serve((incoming, response) => {
    openStream(incoming, response, async function* () {
      for await (const chunk of incoming) {
        read += (chunk as Buffer).length;
        await paused;
      }
      yield { data: read };
    });
  });
  post(server);
  await expect.poll(() => read).toBeGreaterThan(0);
  passTheTime();
  goOn();
  await expect.poll(() => read).toBe(BODY.length);
});

test("one that has arrived is not waited for", async () => {
  let stream: EventStream | undefined;
  const server = await serve((incoming, response) => {
    incoming
      .resume()
      .once("end", () => (stream = openStream(incoming, response, { heartbeatMs: false, stallMs: false })));
  });
  post(server);
  await expect.poll(() => stream).toBeDefined();
  expect(vi.getTimerCount()).toBe(0);
});

test("nor one whose stream is over", async () => {
  let stream: EventStream | undefined;
  const server = await serve((incoming, response) => {
    stream = openStream(incoming, response, { heartbeatMs: false, stallMs: false });
  });
  const peer = post(server);
  await expect.poll(() => stream).toBeDefined();
  expect(vi.getTimerCount()).toBe(1);
  stream!.end();
  await expect.poll(() => vi.getTimerCount()).toBe(0);
  peer.destroy();
});
