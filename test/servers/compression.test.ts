/**
 * Compressed event streams as others decode them: browsers' own EventSource, and curl. Each must have a message as soon as
 * it was published, and the end of the stream must be no error to them.
 */
import { spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHub, type Hub, openStream } from "../../packages/tidings/src/server/index.ts";
import { type Browser, engines, until } from "../browsers/index.ts";

let hub: Hub;
let server: Server;
let origin: string;
/** What each peer of `/own` accepts. */
const accepted: string[] = [];

beforeAll(async () => {
  hub = createHub({ compression: true, heartbeatMs: 500 });
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    if (pathname === "/")
      return void response.setHeader("content-type", "text/html").end("<!doctype html><title>gzip</title>");
    if (pathname === "/own") {
      const stream = openStream(request, response, { compression: true });
      for (let i = 1; i <= 5; i += 1) stream.send({ data: `own ${i}` });
      accepted.push(String(request.headers["accept-encoding"]));
      return void setTimeout(() => {
        stream.send({ event: "last", data: "" });
        stream.end();
      }, 500);
    }
    void hub.subscribe(request, response, {
      topics: [pathname.slice(1)],
      retryMs: 100,
      ...(pathname === "/short" && { lifetimeMs: 700 }),
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await hub.drain({ overMs: 0, graceMs: 200 });
  server.closeAllConnections();
  server.close();
});

interface Page {
  data: string[];
  opened: number;
  closed: boolean;
}

describe.each(engines)("$engine", ({ start }) => {
  let browser: Browser;
  beforeAll(async () => (browser = await start()));
  afterAll(() => browser?.close());

  const listen = (path: string): Promise<void> =>
    browser.evaluate((path) => {
      const page: Page = { data: [], opened: 0, closed: false };
      Object.assign(globalThis, { page });
      const source = new EventSource(path);
      source.addEventListener("message", ({ data }) => void page.data.push(data as string));
      source.addEventListener("open", () => void (page.opened += 1));
      source.addEventListener("last", () => {
        page.closed = true;
        source.close();
      });
    }, path);
  const look = (): Promise<Page> => browser.evaluate(() => (globalThis as unknown as { page: Page }).page);

  test("has each message at once, and goes on after a heartbeat", async () => {
    await browser.open(origin);
    await listen("/live");
    await until("the stream", async () => (await look()).opened === 1);
    const before = hub.stats();
    for (let i = 1; i <= 30; i += 1) {
      await hub.publish("live", { data: { price: i, symbol: "AAPL", venue: "XNAS" } });
      // Some one by one, some close together.
      if (i % 5 === 0) await until(`message ${i}`, async () => (await look()).data.length === i);
    }
    await until("a heartbeat", () => hub.stats().heartbeats > before.heartbeats);
    await hub.publish("live", { data: "after" });
    await until("the message after it", async () => (await look()).data.at(-1) === "after");
    const { compressedFromBytes, compressedToBytes } = hub.stats();
    expect(compressedFromBytes).toBeGreaterThan(before.compressedFromBytes);
    expect(compressedToBytes).toBeLessThan(compressedFromBytes);
  });

  test("takes the end for an end, and comes back without losing a message", async () => {
    await browser.open(origin);
    await listen("/short");
    let published = 0;
    const timer = setInterval(() => void hub.publish("short", { data: String((published += 1)) }), 20);
    try {
      await until("the third stream", async () => (await look()).opened >= 3);
    } finally {
      clearInterval(timer);
    }
    await until("the last message", async () => (await look()).data.at(-1) === String(published));
    const { data } = await look();
    const [first] = data;
    expect(data).toEqual(Array.from({ length: data.length }, (_, i) => String(Number(first) + i)));
  });

  test("reads a stream with a compressor of its own", async () => {
    await browser.open(origin);
    await listen("/own");
    await until("five messages", async () => (await look()).data.length === 5);
    await until("the last", async () => (await look()).closed);
    expect(accepted.at(-1)).toContain("gzip");
  });
});

test("curl --compressed shows each message at once, and exits well at the end", async () => {
  const curl = spawn("curl", ["--compressed", "-sSN", "-D", "-", `${origin}/curl`]);
  let text = "";
  curl.stdout.on("data", (part: Buffer) => (text += part.toString()));
  curl.stderr.on("data", (part: Buffer) => (text += part.toString()));
  const exited = new Promise<number | null>((resolve) => void curl.on("exit", resolve));
  await expect.poll(() => text).toMatch(/content-encoding: gzip[^]*\r\n\r\nretry: 100\n\n/i);
  for (let i = 1; i <= 20; i += 1) {
    await hub.publish("curl", { data: `message ${i}` });
    await expect.poll(() => text).toContain(`data: message ${i}\n\n`);
  }
  await hub.drain({ overMs: 0 });
  expect(await exited).toBe(0);
  expect(text).toMatch(/data: message 20\n\nretry: \d+\n\n$/);
});
