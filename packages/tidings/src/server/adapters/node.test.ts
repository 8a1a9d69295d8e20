import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestListener,
  type Server,
} from "node:http";
import http2 from "node:http2";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Outlet } from "../out/outlet.ts";
import { hear } from "../../../../../test/support/hear.ts";
import { responseHead } from "../out/response-head.ts";
import { Batch } from "../out/batch.ts";
import { createNodeOutlet } from "./node.ts";

const head = responseHead();
const bytes = (text: string) => Buffer.from(text);
const closers: (() => unknown)[] = [];

afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

test("an HTTP/1.1 response has one header of each name, none of one hop of ours, and its first byte", async () => {
  const peer = await talk((req, res) => void createNodeOutlet(req, res, head));
  await peer.until(":\n\n\r\n");
  expect(peer.text.replace(/Date: .*\r\n/, "")).toBe(
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache, no-transform\r\n" +
      "x-accel-buffering: no\r\nincremental: ?1\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n" +
      "Transfer-Encoding: chunked\r\n\r\n3\r\n:\n\n\r\n",
  );
});

test("batches reach an HTTP/1.1 peer as chunks, between others, and the body ends", async () => {
  const peer = await talk((req, res) => {
    const outlet = createNodeOutlet(req, res, head);
    outlet.write(Batch.of("one"));
    res.write("two");
    outlet.write(new Batch([bytes("three"), bytes("four")]));
    outlet.end();
  });
  await peer.until("0\r\n\r\n");
  expect(peer.body()).toBe("3\r\n:\n\n\r\n3\r\none\r\n3\r\ntwo\r\n9\r\nthreefour\r\n0\r\n\r\n");
});

test("nothing follows the last chunk of a response that the application has ended itself", async () => {
  const peer = await talk((req, res) => {
    const outlet = createNodeOutlet(req, res, head);
    outlet.write(Batch.of("one"));
    res.end();
    expect(outlet.write(Batch.of("two"))).toBe(false);
    outlet.end();
  });
  await peer.until("0\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(peer.body()).toBe("3\r\n:\n\n\r\n3\r\none\r\n0\r\n\r\n");
});

test("an HTTP/1.0 peer gets the bytes without chunks, and the end of the connection as their end", async () => {
  const peer = await talk((req, res) => {
    const outlet = createNodeOutlet(req, res, head);
    outlet.write(Batch.of(bytes("data: 1\n\n")));
    outlet.end();
  }, "GET / HTTP/1.0\r\n\r\n");
  await peer.ended;
  expect(peer.body()).toBe(":\n\ndata: 1\n\n");
  expect(peer.text).not.toMatch(/transfer-encoding/i);
});

test("a pipelined request is answered in its turn, with right framing", async () => {
  const outlets: Outlet[] = [];
  const peer = await talk((req, res) => {
    const outlet = createNodeOutlet(req, res, head);
    outlets.push(outlet);
    outlet.write(Batch.of(bytes(`stream ${req.url}\n\n`)));
    if (outlets.length < 2) return;
    outlets[0]!.end();
    outlet.end();
  }, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  await peer.until("/2\n\n\r\n0\r\n\r\n");
  expect(peer.text.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2);
  expect(peer.text.indexOf("0\r\n\r\n")).toBeLessThan(peer.text.indexOf("/2"));
});

test("a peer that leaves while its pipelined request waits is noticed", async () => {
  let closed = 0;
  const peer = await talk((req, res) => {
    hear(createNodeOutlet(req, res, head), { onClose: () => closed++ });
  }, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  await peer.until(":\n\n");
  peer.socket.destroy();
  await expect.poll(() => closed).toBe(2);
});

test("many requests over one connection leave one listener on it, and none when their streams are over", async () => {
  const outlets: Outlet[] = [];
  let request: IncomingMessage | undefined;
  const peer = await talk((req, res) => {
    request = req;
    const outlet = createNodeOutlet(req, res, head);
    outlets.push(outlet);
    hear(outlet, {});
  }, "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
  await expect.poll(() => outlets.length).toBe(20);
  const { socket } = request!;
  const listeners = socket.listenerCount("close");
  expect(listeners).toBeLessThan(10);
  peer.socket.destroy();
  await expect.poll(() => outlets.every(({ closed }) => closed)).toBe(true);
  expect(socket.listenerCount("close")).toBeLessThan(listeners);
});

test("HEAD gets the same head and no body, and the outlet is closed from the start", async () => {
  let outlet: Outlet | undefined;
  const peer = await talk((req, res) => {
    outlet = createNodeOutlet(req, res, head);
    expect(outlet.closed).toBe(true);
    expect(outlet.write(Batch.of(bytes("x")))).toBe(false);
  }, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await peer.ended;
  expect(peer.text).toMatch(/^HTTP\/1.1 200 OK\r\ncontent-type: text\/event-stream\r\n/);
  expect(peer.body()).toBe("");
});

test("a Content-Length that someone set before is dropped", async () => {
  const peer = await talk((req, res) => {
    res.setHeader("Content-Length", "5");
    createNodeOutlet(req, res, head).end();
  });
  await peer.until("0\r\n\r\n");
  expect(peer.text).not.toMatch(/content-length/i);
});

test("a response whose write was wrapped is written through it", async () => {
  const seen: string[] = [];
  const peer = await talk((req, res) => {
    const write = res.write.bind(res) as (chunk: Uint8Array) => boolean;
    res.write = (chunk: unknown) => {
      seen.push(String(chunk));
      return write(Buffer.from(String(chunk).toUpperCase()));
    };
    const outlet = createNodeOutlet(req, res, head);
    outlet.write(Batch.of(bytes("data: a\n\n")));
    outlet.end();
  });
  await peer.until("0\r\n\r\n");
  expect(seen.join("")).toBe(":\n\ndata: a\n\n");
  expect(peer.body()).toContain("DATA: A");
});

test("a wrapped write that throws cuts this response and throws nothing", async () => {
  const seen: unknown[] = [];
  await talk((req, res) => {
    let calls = 0;
    res.write = () => {
      if (calls++ > 0) throw new Error("recorder is full");
      return true;
    };
    const outlet = createNodeOutlet(req, res, head);
    hear(outlet, { onClose: () => seen.push("closed") });
    seen.push(outlet.write(Batch.of(bytes("x"))));
  });
  await expect.poll(() => seen).toEqual([false, "closed"]);
});

test("what middleware throws once a stream is open is told to its owner, and cuts the response", async () => {
  const full = new Error("recorder is full");
  for (const part of ["write", "end"] as const) {
    const seen: unknown[] = [];
    await talk((req, res) => {
      let calls = 0;
      const write = res.write.bind(res) as (chunk: Uint8Array) => boolean;
      if (part === "write") res.write = (chunk: Uint8Array) => (calls++ > 0 ? fail() : write(chunk));
      else res.end = fail;
      const outlet = createNodeOutlet(req, res, head);
      outlet.owner = {
        onDrain: () => undefined,
        onClose: () => seen.push("closed"),
        onFailed: (error) => seen.push(error),
      };
      if (part === "write") seen.push(outlet.write(Batch.of(bytes("x"))));
      else outlet.end();
      outlet.end();
    });
    await expect.poll(() => seen.at(-1)).toBe("closed");
    expect(seen).toEqual(part === "write" ? [full, false, "closed"] : [full, "closed"]);
  }
  function fail(): never {
    throw full;
  }
});

test("a response that fails after its head was sent is cut, and the caller gets the error", async () => {
  const seen: string[] = [];
  const peer = await talk((req, res) => {
    res.on = (name: string) => {
      if (name === "close") throw new Error("no listeners");
      return res;
    };
    try {
      createNodeOutlet(req, res, head);
    } catch (error) {
      seen.push(String(error));
    }
  });
  await peer.ended;
  expect(seen).toEqual(["Error: no listeners"]);
});

test("an imitation without a connection is written to, ended and cut", () => {
  const said: string[] = [];
  const imitation = {
    statusCode: 0,
    headersSent: false,
    writableEnded: false,
    socket: null,
    setHeader: () => undefined,
    removeHeader: () => undefined,
    flushHeaders: () => undefined,
    on: () => undefined,
    write: (chunk: Uint8Array) => said.push(String(chunk)) > 0,
    end: () => said.push("end"),
  };
  const request = { method: "GET", headers: {}, socket: null };
  const outlet = createNodeOutlet(request, imitation, head);
  expect(outlet.write(Batch.of(bytes("x")))).toBe(true);
  expect(outlet.bufferedBytes).toBe(0);
  outlet.destroy();
  outlet.end();
  createNodeOutlet(request, imitation, head).end();
  expect(said).toEqual([":\n\n", "x", ":\n\n", "end"]);
});

test("a response already begun or ended is refused with what is wrong", async () => {
  const errors: string[] = [];
  const peer = await talk((req, res) => {
    const open = () => {
      try {
        createNodeOutlet(req, res, head);
      } catch (error) {
        errors.push(String(error));
      }
    };
    res.flushHeaders();
    open();
    res.end();
    open();
  });
  await peer.until("0\r\n\r\n");
  expect(errors).toEqual([
    "TypeError: Cannot open event stream: response has sent its head already, expected one that was not used yet",
    "TypeError: Cannot open event stream: response has ended already, expected one that was not used yet",
  ]);
});

test("a peer that left before is a closed outlet, not an error", async () => {
  let outlet: Outlet | undefined;
  const peer = await talk((req, res) => {
    res.once("close", () => (outlet = createNodeOutlet(req, res, head)));
    peer.socket.destroy();
  });
  await expect.poll(() => outlet?.closed).toBe(true);
});

test("a departed peer is noticed once and later writes are dropped", async () => {
  let closed = 0;
  let outlet: Outlet | undefined;
  const peer = await talk((req, res) => {
    outlet = createNodeOutlet(req, res, head);
    hear(outlet, { onClose: () => closed++ });
  });
  await peer.until(":\n\n");
  peer.socket.destroy();
  await expect.poll(() => closed).toBe(1);
  expect(outlet!.write(Batch.of(bytes("x")))).toBe(false);
  outlet!.end();
  outlet!.destroy();
  expect(closed).toBe(1);
});

test("a peer that half-closes is noticed, and what is written meanwhile does not throw", async () => {
  let outlet: Outlet | undefined;
  const closed = { times: 0 };
  const peer = await talk((req, res) => {
    outlet = createNodeOutlet(req, res, head);
    hear(outlet, { onClose: () => closed.times++ });
    req.socket.on("end", () => outlet!.write(Batch.of(bytes("late"))));
  });
  await peer.until(":\n\n");
  peer.socket.end();
  await expect.poll(() => closed.times).toBe(1);
});

for (const wrapped of [false, true]) {
  test(`a peer that does not read is told of by write, and its return by onDrain${wrapped ? ", wrapped" : ""}`, async () => {
    let drained = 0;
    let outlet!: Outlet;
    const peer = await talk((req, res) => {
      if (wrapped) {
        const write = res.write.bind(res) as (chunk: Uint8Array) => boolean;
        res.write = (chunk: Uint8Array) => write(chunk);
      }
      outlet = createNodeOutlet(req, res, head);
      hear(outlet, { onDrain: () => drained++ });
    });
    await peer.until(":\n\n");
    peer.socket.pause();
    const block = Batch.of(new Uint8Array(64 * 1024));
    while (outlet.write(block)) await new Promise(setImmediate);
    outlet.write(block);
    expect(outlet.bufferedBytes).toBeGreaterThanOrEqual(block.length);
    expect(drained).toBe(0);
    peer.socket.resume();
    await expect.poll(() => drained).toBe(1);
    expect(outlet.bufferedBytes).toBe(0);
    expect(outlet.write(Batch.of(bytes("x")))).toBe(true);
  });
}

test("destroy cuts a peer that does not read, at once", async () => {
  let closed = 0;
  let outlet!: Outlet;
  const peer = await talk((req, res) => {
    outlet = createNodeOutlet(req, res, head);
    hear(outlet, { onClose: () => closed++ });
  });
  await peer.until(":\n\n");
  peer.socket.pause();
  while (outlet.write(Batch.of(new Uint8Array(64 * 1024)))) await new Promise(setImmediate);
  outlet.destroy();
  expect(closed).toBe(0);
  await expect.poll(() => closed).toBe(1);
});

test("a kept-alive connection carries 50 streams and keeps no listener of any", async () => {
  let socket: Socket | undefined;
  const url = await listen(
    createServer((req, res) => {
      socket = req.socket;
      createNodeOutlet(req, res, head).end();
    }),
  );
  const { Agent } = await import("node:http");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  closers.push(() => agent.destroy());
  const counts = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const [res] = await once(httpRequest(url, { agent }).end(), "response");
    for await (const _ of res);
    counts.add(`${socket!.listenerCount("close")} ${socket!.listenerCount("drain")}`);
  }
  expect(counts.size).toBe(1);
});

test("HTTP/2: head, bytes, end; no header that it forbids", async () => {
  const { session } = await talk2((req, res) => {
    const outlet = createNodeOutlet(req, res, head);
    outlet.write(Batch.of(bytes("data: 1\n\n")));
    outlet.end();
  });
  const stream = session.request({ ":path": "/" });
  const [headers] = await once(stream, "response");
  expect(headers).toMatchObject({ ":status": 200, "content-type": "text/event-stream" });
  expect(headers).not.toHaveProperty("connection");
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  expect(text).toBe(":\n\ndata: 1\n\n");
});

test("HTTP/2: a slow reader, its return, its leaving, a cut", async () => {
  const outlets: Outlet[] = [];
  const events: string[] = [];
  const { session } = await talk2((req, res) => {
    const outlet = createNodeOutlet(req, res, head);
    outlets.push(outlet);
    hear(outlet, {
      onDrain: () => events.push(`drain ${req.url}`),
      onClose: () => events.push(`close ${req.url}`),
    });
  });
  const slow = session.request({ ":path": "/slow" });
  await once(slow, "response");
  slow.pause();
  while (outlets[0]!.write(Batch.of(new Uint8Array(64 * 1024)))) await new Promise(setImmediate);
  expect(outlets[0]!.bufferedBytes).toBeGreaterThan(0);
  slow.resume();
  await expect.poll(() => events).toEqual(["drain /slow"]);
  slow.close();
  await expect.poll(() => events).toEqual(["drain /slow", "close /slow"]);
  expect(outlets[0]!.write(Batch.of(bytes("x")))).toBe(false);

  const cut = session.request({ ":path": "/cut" });
  cut.on("error", () => {});
  await once(cut, "response");
  cut.resume();
  outlets[1]!.destroy();
  await once(cut, "close");
  expect(cut.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
  await expect.poll(() => events.at(-1)).toBe("close /cut");
});

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server with this listener and a bare socket that sent it a request. */
async function talk(listener: RequestListener, request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
  const url = await listen(createServer(listener));
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  closers.push(() => socket.destroy());
  const peer = {
    socket,
    text: "",
    body: () => peer.text.slice(peer.text.indexOf("\r\n\r\n") + 4),
    ended: new Promise<void>((resolve) => void socket.on("close", () => resolve())),
    until: async (part: string) => {
      await expect.poll(() => peer.text, { timeout: 5_000 }).toContain(part);
    },
  };
  socket.on("data", (chunk) => (peer.text += chunk.toString("latin1")));
  socket.on("error", () => {});
  socket.write(request);
  return peer;
}

async function talk2(listener: (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => void) {
  const server = http2.createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closers.push(async () => {
    session.destroy();
    server.close();
    await once(server, "close");
  });
  return { session };
}
