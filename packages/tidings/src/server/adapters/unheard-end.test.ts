import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createHub } from "../hub/create-hub.ts";

/** Opens a stream of a hub over a connection that is over when the promise fulfils. */
async function leftBehind(
  prepare: (request: IncomingMessage, response: ServerResponse) => void,
  meddle: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const hub = createHub({ heartbeatMs: 250, onError: () => undefined });
  let opened!: (exchange: [IncomingMessage, ServerResponse]) => void;
  const exchange = new Promise<[IncomingMessage, ServerResponse]>((resolve) => (opened = resolve));
  const server = createServer((request, response) => {
    prepare(request, response);
    const onOpen = (): void => opened([request, response]);
    void hub.subscribe(request, response, { topics: ["a"], onOpen });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await hub.drain({ overMs: 0, graceMs: 0 });
  });
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  peer.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const [request, response] = await exchange;
  expect(hub.stats().streams).toBe(1);
  const { socket } = request;
  meddle(request, response);
  peer.destroy();
  await expect.poll(() => socket.destroyed).toBe(true);
  return hub;
}

const wrapWrite = (_: IncomingMessage, response: ServerResponse): void => {
  const write = response.write.bind(response) as (bytes: unknown) => boolean;
  response.write = ((bytes: unknown) => write(bytes)) as typeof response.write;
};
const unhear = (_: IncomingMessage, response: ServerResponse): void => void response.removeAllListeners();

test.each<[string, typeof wrapWrite, typeof wrapWrite]>([
  ["the listeners of its response were removed", () => {}, unhear],
  ["the listeners of its response were removed, which is wrapped", wrapWrite, unhear],
  ["its socket was taken away", () => {}, ({ socket }, response) => response.detachSocket(socket)],
])("a stream is over with its connection, with the next write, where %s", async (_name, prepare, meddle) => {
  const hub = await leftBehind(prepare, meddle);
  await hub.publish("a", { data: 1 });
  await expect.poll(() => hub.stats().streams, { timeout: 5_000 }).toBe(0);
});

test("HEAD has its head where a trailer was set before", async () => {
  const hub = createHub();
  const server = createServer((request, response) => {
    response.setHeader("trailer", "x-sum");
    void hub.subscribe(request, response, { topics: ["a"] });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { status, headers } = await fetch(url, { method: "HEAD" });
  expect([status, headers.get("trailer")]).toEqual([200, null]);
});
