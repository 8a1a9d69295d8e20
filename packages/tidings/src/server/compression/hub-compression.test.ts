/** Compressed streams of a hub over real connections: what the peer decodes is what it would have got uncompressed. */
import { createServer, get, type IncomingMessage, type RequestListener } from "node:http";
import http2 from "node:http2";
import { connect as connectSocket, type AddressInfo } from "node:net";
import { constants, createGunzip, gunzipSync } from "node:zlib";
import compression from "compression";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { createParser } from "../../wire/parser.ts";
import type { EventStream } from "../one-stream/event-stream.ts";
import { type Hub } from "../hub/hub.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import { openStream } from "../one-stream/open-stream.ts";
import { createHub } from "../hub/create-hub.ts";
import type { SubscribeOptions } from "../subscribe/subscribe-options.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

function hubOf(options: HubOptions = {}): Hub {
  const hub = createHub({ compression: true, ...options });
  cleanups.push(() => hub.drain({ overMs: 0, graceMs: 200 }));
  return hub;
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const serve = (hub: Hub, options: Partial<SubscribeOptions> = {}): Promise<string> =>
  listen((request, response) => void hub.subscribe(request, response, { topics: ["a"], ...options }));

/** A peer that asks for gzip, and keeps what it decodes and what came. */
class Peer {
  headers!: IncomingMessage["headers"];
  status = 0;
  text = "";
  lastEventId = "";
  readonly data: string[] = [];
  wireBytes = 0;
  /** Whether the stream was whole, as gzip says it and as HTTP says it. */
  ended!: Promise<{ decoded: boolean; complete: boolean }>;
  response!: IncomingMessage;

  static async open(url: string, headers: Record<string, string> = {}): Promise<Peer> {
    const peer = new Peer();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { headers: { "accept-encoding": "gzip", ...headers }, agent: false }, resolve).on(
        "error",
        reject,
      );
    });
    cleanups.push(() => response.destroy());
    peer.response = response;
    peer.headers = response.headers;
    peer.status = response.statusCode!;
    const parser = createParser({ onMessage: ({ data }) => void peer.data.push(data) });
    const decoder = createGunzip({ flush: constants.Z_SYNC_FLUSH });
    response.on("data", (part: Buffer) => {
      peer.wireBytes += part.length;
      decoder.write(part);
    });
    const closed = new Promise<boolean>((resolve) => {
      response.on("error", () => undefined);
      response.on("close", () => {
        decoder.end();
        resolve(response.complete);
      });
    });
    decoder.on("data", (part: Buffer) => {
      peer.text += part.toString();
      parser.push(part);
      peer.lastEventId = parser.lastEventId;
    });
    const decoded = new Promise<boolean>((resolve) => {
      decoder.on("end", () => resolve(true));
      decoder.on("error", () => resolve(false));
    });
    peer.ended = Promise.all([decoded, closed]).then(([whole, complete]) => ({ decoded: whole, complete }));
    return peer;
  }
}

describe("a hub that compresses", () => {
  it("answers those who accept gzip with it, and all with Vary", async () => {
    const url = await serve(hubOf(), { headers: { vary: "Origin" } });
    const { headers } = await Peer.open(url);
    expect(headers).toMatchObject({ "content-encoding": "gzip", vary: "Origin, Accept-Encoding" });
    for (const accept of ["identity", "br", "gzip;q=0"]) {
      const plain = await Peer.open(url, { "accept-encoding": accept });
      expect(plain.headers["content-encoding"]).toBeUndefined();
      expect(plain.headers.vary).toBe("Origin, Accept-Encoding");
    }
  });

  it("does so only if asked to", async () => {
    const { headers } = await Peer.open(await serve(hubOf({ compression: false })));
    expect([headers["content-encoding"], headers.vary]).toEqual([undefined, undefined]);
    const single = await Peer.open(await serve(hubOf(), { compression: false }));
    expect(single.headers["content-encoding"]).toBeUndefined();
    const told = await Peer.open(await serve(hubOf({ compression: false }), { compression: true }));
    expect(told.headers["content-encoding"]).toBe("gzip");
  });

  it("adds to what the response varies by already", async () => {
    const hub = hubOf();
    const url = await listen((request, response) => {
      response.setHeader("Vary", "Origin");
      void hub.subscribe(request, response, { topics: ["a"] });
    });
    expect((await Peer.open(url)).headers.vary).toBe("Origin, Accept-Encoding");
  });

  it("sends each message at once, the same bytes to many, and ends as gzip ends", async () => {
    const hub = hubOf();
    const url = await serve(hub);
    const peers = [await Peer.open(url), await Peer.open(url)];
    for (let i = 1; i <= 40; i += 1) {
      if (i === 11) peers.push(await Peer.open(url));
      await hub.publish("a", { data: { price: i, symbol: "AAPL", venue: "XNAS" } });
      for (const peer of peers) await expect.poll(() => peer.text).toContain(`"price":${i},`);
    }
    const { compressedFromBytes, compressedToBytes } = hub.stats();
    expect(compressedToBytes).toBeLessThan(compressedFromBytes * 0.7);
    expect(peers[0]!.wireBytes).toBeLessThan(peers[0]!.text.length * 0.7);
    await hub.drain({ overMs: 0 });
    for (const peer of peers) expect(await peer.ended).toEqual({ decoded: true, complete: true });
    expect(peers[0]!.data).toHaveLength(40);
    expect(peers[2]!.data).toHaveLength(30);
    expect(peers[0]!.text).toMatch(/retry: \d+\n\n$/);
  });

  it("compresses what was missed, the gap, and the heartbeat", async () => {
    const hub = hubOf({ retention: { messages: 50 }, recent: { messages: 45 }, heartbeatMs: 500 });
    const url = await serve(hub);
    const first = await Peer.open(url);
    await hub.publish("a", { data: "0" });
    await expect.poll(() => first.data).toEqual(["0"]);
    const cursor = first.lastEventId;
    for (let i = 1; i <= 40; i += 1) await hub.publish("a", { data: `${i}` });
    const back = await Peer.open(url, { "last-event-id": cursor });
    await expect.poll(() => back.data.length).toBe(40);
    for (let i = 41; i <= 140; i += 1) await hub.publish("a", { data: `${i}` });
    const late = await Peer.open(url, { "last-event-id": cursor });
    await expect.poll(() => late.text).toContain("event: gap");
    await expect.poll(() => late.text, { timeout: 5_000 }).toMatch(/:\n\n$/);
    await hub.publish("a", { data: "after" });
    await expect.poll(() => late.data.at(-1)).toBe("after");
  });

  it("leaves a refusal alone", async () => {
    const url = await serve(hubOf(), { onGap: "fail" });
    const { status, headers } = await Peer.open(url, { "last-event-id": "elsewhere.9" });
    expect([status, headers["content-encoding"]]).toEqual([412, undefined]);
  });

  it("answers HEAD with the same head", async () => {
    const url = await serve(hubOf());
    const response = await fetch(url, { method: "HEAD", headers: { "accept-encoding": "gzip" } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
  });

  it("is read by fetch, which decodes as it comes", async () => {
    const hub = hubOf();
    const response = await fetch(await serve(hub));
    expect(response.headers.get("content-encoding")).toBe("gzip");
    const reader = response.body!.getReader();
    let text = "";
    const readUntil = async (part: string): Promise<void> => {
      while (!text.includes(part)) text += new TextDecoder().decode((await reader.read()).value);
    };
    await readUntil("\n\n");
    await hub.publish("a", { data: "one" });
    await readUntil("data: one\n\n");
    await hub.drain({ overMs: 0 });
    await readUntil("retry: ");
    expect((await reader.read()).done).toBe(true);
  });

  it("shows a cut as a cut", async () => {
    const hub = hubOf({ onError() {} });
    const peer = await Peer.open(await serve(hub, { filter: fails, from: "earliest" }));
    await hub.publish("a", { data: "x" }).catch(() => undefined);
    const { decoded, complete } = await peer.ended;
    expect({ decoded, complete }).toEqual({ decoded: false, complete: false });
  });

  it.each([
    ["1.0", overHttp10],
    ["2", overHttp2],
  ])("is right over HTTP/%s", async (_, open) => {
    const hub = hubOf();
    const received = await open(hub);
    const shown = (): string =>
      gunzipSync(received.bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
    await expect.poll(() => received.bytes.length).toBeGreaterThan(20);
    expect(received.encoding).toBe("gzip");
    for (let i = 0; i < 5; i += 1) await hub.publish("a", { data: `message ${i}` });
    await expect.poll(shown).toContain("data: message 4\n\n");
    await hub.drain({ overMs: 0 });
    await expect.poll(() => received.isOver).toBe(true);
    expect(gunzipSync(received.bytes).toString()).toMatch(/data: message 4\n\nretry: \d+\n\n$/);
  });

  it("goes through a response whose write was wrapped, and is not compressed again", async () => {
    const hub = hubOf();
    const app = express().use(compression({ threshold: 0 }));
    const recorded: Buffer[] = [];
    app.get("/", (request, response) => {
      const write = response.write.bind(response) as (bytes: Buffer) => boolean;
      response.write = ((bytes: Buffer) => {
        recorded.push(bytes);
        return write(bytes);
      }) as typeof response.write;
      void hub.subscribe(request, response, { topics: ["a"], headers: { "cache-control": "no-cache" } });
    });
    const peer = await Peer.open(await listen(app));
    expect(peer.headers["content-encoding"]).toBe("gzip");
    await hub.publish("a", { data: "wrapped" });
    await expect.poll(() => peer.data).toEqual(["wrapped"]);
    await hub.drain({ overMs: 0 });
    expect(await peer.ended).toEqual({ decoded: true, complete: true });
    expect(gunzipSync(Buffer.concat(recorded)).toString()).toBe(peer.text);
  });

  it("serves those who want a Response", async () => {
    const hub = hubOf();
    const request = new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } });
    const response = await hub.respond(request, { topics: ["a"] });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    await hub.publish("a", { data: "one" });
    const reader = response.body!.getReader();
    const parts = [(await reader.read()).value!];
    await hub.publish("a", { data: "two" });
    parts.push((await reader.read()).value!);
    const drained = hub.drain({ overMs: 0 });
    for (let read = await reader.read(); !read.done; read = await reader.read()) parts.push(read.value);
    await drained;
    expect(gunzipSync(Buffer.concat(parts)).toString()).toMatch(
      /data: one\n\n[^]*data: two\n\nretry: \d+\n\n$/,
    );
  });

  it("gives a stream its own compressor if asked to", async () => {
    const hub = hubOf({ compression: false });
    const peer = await Peer.open(
      await serve(hub, { compression: { perStream: true, windowBits: 12, memLevel: 5 } }),
    );
    expect(peer.headers["content-encoding"]).toBe("gzip");
    for (let i = 1; i <= 50; i += 1) await hub.publish("a", { data: { price: i, symbol: "AAPL" } });
    await expect.poll(() => peer.data.length).toBe(50);
    await hub.drain({ overMs: 0 });
    expect(await peer.ended).toEqual({ decoded: true, complete: true });
    expect(hub.stats().compressedToBytes).toBeGreaterThan(0);
  });

  it("says what is wrong with its options", () => {
    expect(() => createHub({ compression: { level: 10 } })).toThrow(
      "Cannot create hub: compression.level is 10, expected a whole number from 1 to 9",
    );
    expect(() => createHub({ compression: { windowBits: 12 } })).toThrow(/expected perStream: true with it/);
    expect(() => createHub({ compression: { perStream: true, windowBits: 8 } })).toThrow(/from 9 to 15/);
  });
});

describe("openStream that compresses", () => {
  it("has a compressor of its own, and is whole at its end", async () => {
    let stream: EventStream | undefined;
    const url = await listen((request, response) => {
      stream = openStream(request, response, { compression: true, heartbeatMs: 500 });
      for (let i = 0; i < 20; i += 1) stream.send({ data: { token: i, of: "an answer" } });
    });
    const peer = await Peer.open(url);
    expect(peer.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
    await expect.poll(() => peer.data.length).toBe(20);
    // A heartbeat, behind the messages.
    await expect.poll(() => peer.text).toContain(`\n\n:\n\n`);
    stream!.send({ data: "last" });
    stream!.end();
    expect(await peer.ended).toEqual({ decoded: true, complete: true });
    expect(peer.data.at(-1)).toBe("last");
    const plain = await Peer.open(url, { "accept-encoding": "identity" });
    expect(plain.headers["content-encoding"]).toBeUndefined();
  });

  it("serves those who want a Response, and reports bad options", async () => {
    const request = new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } });
    const stream = openStream(request, [{ data: 1 }, { data: 2 }], { compression: { level: 1 } });
    const bytes = Buffer.from(await stream.response.arrayBuffer());
    expect(gunzipSync(bytes).toString()).toBe(":\n\ndata: 1\n\ndata: 2\n\n");
    expect(() => openStream(request, { compression: { memLevel: 10 } })).toThrow(
      "Cannot open event stream: compression.memLevel is 10, expected a whole number from 1 to 9",
    );
  });
});

interface Received {
  bytes: Buffer;
  encoding: string | undefined;
  isOver: boolean;
}

async function overHttp2(hub: Hub): Promise<Received> {
  const received: Received = { bytes: Buffer.alloc(0), encoding: undefined, isOver: false };
  const server = http2.createServer(
    (request, response) => void hub.subscribe(request, response, { topics: ["a"] }),
  );
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  cleanups.push(() => {
    session.destroy();
    server.close();
  });
  const stream = session.request({ ":path": "/", "accept-encoding": "gzip" });
  stream.on("response", (headers) => (received.encoding = headers["content-encoding"]));
  stream.on("data", (part: Buffer) => (received.bytes = Buffer.concat([received.bytes, part])));
  stream.on("end", () => (received.isOver = true));
  return received;
}

async function overHttp10(hub: Hub): Promise<Received> {
  const received: Received = { bytes: Buffer.alloc(0), encoding: undefined, isOver: false };
  const url = new URL(await serve(hub));
  const socket = connectSocket(Number(url.port), "127.0.0.1");
  cleanups.push(() => socket.destroy());
  socket.write("GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
  let all = Buffer.alloc(0);
  socket.on("data", (part: Buffer) => {
    all = Buffer.concat([all, part]);
    const at = all.indexOf("\r\n\r\n");
    if (at < 0) return;
    received.encoding = /content-encoding: (\w+)/i.exec(all.subarray(0, at).toString())?.[1];
    received.bytes = all.subarray(at + 4);
  });
  socket.on("end", () => (received.isOver = true));
  return received;
}

function fails(): boolean {
  throw new Error("the filter is broken");
}
