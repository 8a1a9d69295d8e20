import { createServer } from "node:http";
import express from "express";
import { connect as connectSocket, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { connect } from "../client/index.ts";
import { record } from "./record.ts";
import { parseRecording } from "./recording.ts";
import { createTestHandler, createTestServer } from "./server.ts";

/** What comes over a socket after a plain request, byte for byte, and how it ended. */
function rawAnswer(url: string): Promise<{ bytes: Buffer; error?: string }> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connectSocket(Number(port), hostname, () =>
      socket.write(`GET / HTTP/1.0\r\nhost: ${host}\r\n\r\n`),
    );
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error) => resolve({ bytes: Buffer.concat(chunks), error: error.message }));
    socket.on("close", () => resolve({ bytes: Buffer.concat(chunks) }));
  });
}

test("a scripted server answers over HTTP, and remembers what it was asked", async () => {
  await using server = await createTestServer([
    { status: 503, headers: { "retry-after": "0" }, body: "deploying" },
    { body: [{ id: "好1", data: "one" }], then: "cut" },
    (request) => ({ body: [{ event: "done", data: { from: request.lastEventId } }] }),
  ]);
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const data: string[] = [];
  const connection = connect(`${server.origin}/prices?a=1`, {
    method: "POST",
    body: { q: "你好" },
    retry: { baseMs: 100, capMs: 100, replay: true },
    until: "done",
    onMessage: (message) => void data.push(message.data),
  });
  expect(await connection.ended).toEqual({ reason: "complete" });
  expect(data).toEqual(["one", '{"from":"好1"}']);
  expect(
    server.requests.map(({ method, url, body, lastEventId }) => [method, url, body, lastEventId]),
  ).toEqual([
    ["POST", "/prices?a=1", '{"q":"你好"}', undefined],
    ["POST", "/prices?a=1", '{"q":"你好"}', undefined],
    ["POST", "/prices?a=1", '{"q":"你好"}', "好1"],
  ]);
  expect(server.requests.map(({ state }) => state)).toEqual(["ended", "cut", "ended"]);
});

test("a cut is where it is said to be: these bytes reach the socket, and the response has no end", async () => {
  await using server = await createTestServer({ otherwise: { body: [{ data: "你好" }], cutAt: -4 } });
  for (let time = 0; time < 20; time++) {
    const { bytes, error } = await rawAnswer(server.url);
    expect(error).toBeUndefined();
    const body = bytes.subarray(bytes.indexOf("\r\n\r\n") + 4);
    expect(body).toEqual(Buffer.from("data: 你好\n\n").subarray(0, -4));
  }
  const { chunks, ending } = parseRecording(await record(await fetch(server.url)));
  expect(Buffer.concat(chunks.map(({ bytes }) => bytes)).length).toBe(10);
  expect(ending?.how).toBe("cut");
});

test("what is written by hand before a cut reaches the client", async () => {
  await using server = await createTestServer();
  const response = fetch(server.url);
  const request = await server.nextRequest();
  void request.write("data: half");
  request.cut();
  const { chunks, ending } = parseRecording(await record(await response));
  expect([Buffer.concat(chunks.map(({ bytes }) => bytes)).toString(), ending?.how]).toEqual([
    "data: half",
    "cut",
  ]);
});

test("a refusal is a connection that ends without a word, however many ask", async () => {
  await using server = await createTestServer({ otherwise: "refuse" });
  for (let time = 0; time < 5; time++) await expect(fetch(server.url)).rejects.toThrow("fetch failed");
  expect(server.requests).toHaveLength(5);
});

test("a stall is a stall: writes wait for a client that does not read, and it stays open", async () => {
  await using server = await createTestServer();
  const response = fetch(server.url);
  const request = await server.nextRequest();
  let written = 0;
  while (!request.isStalled && written < 64 * 2 ** 20) {
    written += 65_536;
    await Promise.race([
      request.write(new Uint8Array(65_536)),
      new Promise((resolve) => setTimeout(resolve, 200)),
    ]);
  }
  expect([request.isStalled, request.state, server.connections]).toEqual([true, "open", 1]);
  expect(written).toBeLessThan(64 * 2 ** 20);
  await (await response).body!.cancel();
  await request.closed;
  expect([request.isStalled, request.state, server.connections]).toEqual([false, "left", 0]);
});

test("close() cuts open streams, frees the port, and rejects pending waits for a request", async () => {
  const server = await createTestServer([{ body: [{ data: "1" }], then: "stay" }]);
  const response = await fetch(server.url);
  await server.nextRequest();
  const next = server.nextRequest().catch(String);
  await server.close();
  expect(await next).toContain("the server was closed; 1 came before");
  await expect(response.text()).rejects.toThrow("terminated");
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");
  const again = await createTestServer({ port: Number(new URL(server.url).port) });
  await again.close();
  await again.close();
});

test.each<[string, express.RequestHandler[], string]>([
  ["JSON", [express.json()], '{"q":1}'],
  ["text", [express.text()], "q"],
  ["bytes", [express.raw()], "q"],
  ["nothing at all", [], "q"],
])("a handler answers behind middleware that has read the body: %s", async (name, middleware, body) => {
  const prices = createTestHandler([{ body: "prices" }]);
  const app = express().use(...middleware, (_request, _response, next) => void setImmediate(next));
  const server = createServer(app.post("/", prices));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const types: Record<string, string> = { JSON: "application/json", bytes: "application/octet-stream" };
  const headers = { "content-type": types[name] ?? "text/plain" };
  const signal = AbortSignal.timeout(4_000);
  const response = await fetch(origin, { method: "POST", headers, body, signal });
  expect([await response.text(), prices.requests.map((request) => request.body)]).toEqual(["prices", [body]]);
  server.closeAllConnections();
  server.close();
});

test("a handler serves within a server of one's own", async () => {
  const prices = createTestHandler([{ body: "prices" }]);
  const server = createServer((request, response) => {
    if (request.url === "/prices") prices(request, response);
    else response.end("else");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await (await fetch(`${origin}/prices`)).text()).toBe("prices");
  expect(await (await fetch(`${origin}/x`)).text()).toBe("else");
  expect(prices.requests.map(({ url }) => url)).toEqual(["/prices"]);
  server.closeAllConnections();
  server.close();
});
