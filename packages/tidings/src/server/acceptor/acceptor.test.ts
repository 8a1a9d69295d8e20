import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { connect, type AddressInfo, type Server, type Socket } from "node:net";
import type { Writable } from "node:stream";
import tls from "node:tls";
import { createGunzip } from "node:zlib";
import { generate } from "selfsigned";
import { afterEach, describe, expect, it } from "vitest";
import { openStream } from "../one-stream/open-stream.ts";
import { sharedWheel } from "../time/timer-wheel.ts";
import { type Acceptor, type AcceptorOptions, createAcceptor, type StreamHandler } from "./acceptor.ts";
import { createHub } from "../hub/create-hub.ts";

const closers: (() => unknown)[] = [];

afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

/** Answers with what node:http made of the request. */
const byNode: http.RequestListener = (request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    response.setHeader("x-by", "node");
    response.end(JSON.stringify([request.method, request.url, request.rawHeaders, body]));
  });
};

const OPEN: AcceptorOptions = { authorize: "public" };

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    (server as http.Server).closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function serve(
  handler: StreamHandler,
  options: Partial<AcceptorOptions> = {},
  fallback = byNode,
): Promise<{ port: number; acceptor: Acceptor; server: http.Server }> {
  const server = http.createServer(fallback);
  const acceptor = createAcceptor(server, { "/prices": handler }, { ...OPEN, ...options });
  return { port: await listen(server), acceptor, server };
}

class Peer {
  text = "";
  readonly socket: Socket;
  readonly closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => (this.text += bytes.toString("latin1")));
    socket.on("error", () => undefined);
    this.closed = once(socket, "close");
    closers.push(() => socket.destroy());
  }

  async until(part: string | RegExp): Promise<void> {
    await expect.poll(() => this.text, { timeout: 5_000 }).toMatch(part);
  }
}

const talk = (port: number, ...texts: string[]): Peer => {
  const peer = new Peer(connect({ port, host: "127.0.0.1", noDelay: true }));
  for (const text of texts) peer.socket.write(text, "latin1");
  return peer;
};

const GET = "GET /prices HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_AND_CLOSE = "GET /prices HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

describe("createAcceptor", () => {
  it("serves a stream with the head that node:http would send, and its first bytes in the same packet", async () => {
    const { port, acceptor } = await serve((request, response) => openStream(request, response));
    const peer = talk(port, GET);
    await peer.until("3\r\n:\n\n\r\n");
    expect(peer.text.replace(/Date: .* GMT\r\n/, "Date: now\r\n")).toBe(
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache, no-transform\r\n" +
        "x-accel-buffering: no\r\nincremental: ?1\r\ntransfer-encoding: chunked\r\nDate: now\r\nConnection: keep-alive\r\n\r\n3\r\n:\n\n\r\n",
    );
    expect(acceptor.stats()).toEqual({ connections: 1, served: 1, handedOn: 0 });
  });

  it("hands its handler a request as node:http would, and puts what it sets into the head", async () => {
    const requests: unknown[] = [];
    const { port } = await serve((request, response) => {
      requests.push([request.method, request.url, request.headers]);
      response.setHeader("Access-Control-Allow-Origin", "https://shop.test");
      response.setHeader("Content-Type", "text/plain");
      response.setHeader("Content-Length", "3");
      openStream(request, response, [], { headers: { "set-cookie": ["a=1", "b=2"] } });
    });
    const peer = talk(port, "GET /prices?x=1 HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 7\r\n\r\n");
    await peer.until("0\r\n\r\n");
    expect(requests).toEqual([["GET", "/prices?x=1", { host: "a", "last-event-id": "7" }]]);
    expect(peer.text).toContain("\r\naccess-control-allow-origin: https://shop.test\r\n");
    expect(peer.text).toContain("\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n");
    expect(peer.text).toContain("\r\ncontent-type: text/event-stream\r\n");
    expect(peer.text).not.toMatch(/content-length|text\/plain/);
  });

  it("compresses for whoever asks for that, and says so to caches beside what the handler says", async () => {
    const hub = createHub({ compression: true });
    const { port } = await serve((request, response) => {
      response.setHeader("Vary", "Origin");
      return hub.subscribe(request, response, { topics: ["a"] });
    });
    const answered = once(
      http.get({ port, path: "/prices", headers: { "accept-encoding": "gzip" }, agent: false }),
      "response",
    );
    const [response] = (await answered) as [http.IncomingMessage];
    expect(response.headers).toMatchObject({ "content-encoding": "gzip", vary: "Origin, Accept-Encoding" });
    await hub.publish("a", { data: "small" });
    let text = "";
    const ended = once(
      response.pipe(createGunzip()).on("data", (bytes: Buffer) => (text += bytes.toString())),
      "end",
    );
    await expect.poll(() => text).toContain("data: small");
    await hub.drain({ overMs: 0 });
    await ended;
  });

  it("carries one stream after the other, then whatever the server has, over one connection", async () => {
    const { port, acceptor } = await serve((request, response) => openStream(request, response, []));
    const peer = talk(port, GET);
    await peer.until(/0\r\n\r\n$/);
    peer.text = "";
    peer.socket.write(GET);
    await peer.until(/0\r\n\r\n$/);
    peer.socket.write("POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    await peer.until('["POST","/order",["Host","a","Content-Length","2"],"hi"]');
    expect(acceptor.stats()).toEqual({ connections: 0, served: 2, handedOn: 1 });
  });

  it("writes nothing behind the last chunk, when the handler ends the response itself", async () => {
    const { port } = await serve((request, response) => {
      const stream = openStream(request, response);
      stream.send({ data: "1" });
      response.end();
      stream.send({ data: "2" });
      (response as unknown as Writable).write("3");
      (response as unknown as Writable).end("4");
      stream.end();
    });
    const peer = talk(port, GET);
    await peer.until(/0\r\n\r\n$/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(peer.text).toMatch(/\r\n\r\n3\r\n:\n\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n$/);
    peer.text = "";
    peer.socket.write(GET);
    await peer.until(/0\r\n\r\n$/);
    expect(peer.text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });

  it.each(["end", "write", "destroy"] as const)(
    "%s of a response that is over does nothing to the next one of its connection",
    async (late) => {
      const responses: Record<typeof late, (text: string) => unknown>[] = [];
      const { port } = await serve((request, response) => {
        responses.push(response as never);
        const stream = openStream(request, response);
        if (responses.length === 1) stream.end();
        else setTimeout(() => stream.send({ data: "still" }), 50);
      });
      const peer = talk(port, GET);
      await peer.until(/0\r\n\r\n$/);
      peer.text = "";
      peer.socket.write(GET);
      await expect.poll(() => responses.length).toBe(2);
      responses[0]![late]("late");
      await peer.until("data: still");
      expect(peer.text).toMatch(/\r\n\r\n3\r\n:\n\n\r\nd\r\ndata: still\n\n\r\n$/);
    },
  );

  it("closes the connection behind the stream when the peer asks for that", async () => {
    const { port } = await serve((request, response) => openStream(request, response, []));
    const peer = talk(port, GET_AND_CLOSE);
    await peer.closed;
    expect(peer.text).toMatch(/\r\nConnection: close\r\n[^]*0\r\n\r\n$/);
  });

  it("answers what was sent behind a request when that has been answered, and not before", async () => {
    const hub = createHub();
    const { port } = await serve((request, response) => hub.subscribe(request, response, { topics: ["a"] }));
    const peer = talk(port, GET);
    await peer.until("id: ");
    peer.socket.write("GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await hub.publish("a", { data: "still" });
    await peer.until("data: still");
    expect(peer.text).not.toContain("/other");
    await hub.drain({ overMs: 0 });
    await peer.until(/0\r\n\r\nHTTP\/1.1 200 OK\r\n[^]*"\/other"/);
  });

  it("notices a peer that leaves", async () => {
    const hub = createHub();
    const { port, acceptor } = await serve((request, response) =>
      hub.subscribe(request, response, { topics: ["a"] }),
    );
    const peers = [talk(port, GET), talk(port, GET), talk(port, GET)];
    for (const peer of peers) await peer.until("id: ");
    expect(hub.stats().streams).toBe(3);
    peers[0]!.socket.destroy();
    peers[1]!.socket.resetAndDestroy();
    peers[2]!.socket.end();
    await expect.poll(() => hub.stats().streams).toBe(0);
    await expect.poll(() => acceptor.stats().connections).toBe(0);
  });

  it("answers a refusal as node:http would, and keeps the connection", async () => {
    const hub = createHub();
    const { port } = await serve((request, response) =>
      hub.subscribe(request, response, { topics: ["a"], authorize: () => false }),
    );
    const peer = talk(port, GET);
    await peer.until(/"forbidden"/);
    expect(peer.text).toMatch(/^HTTP\/1.1 403 Forbidden\r\n[^]*\r\ncontent-length: \d+\r\n[^]*\}\n$/);
    peer.text = "";
    peer.socket.write(GET);
    await peer.until(/"forbidden"/);
  });

  it("answers 500 when a handler throws or rejects, and cuts what it has begun", async () => {
    const errors: unknown[] = [];
    let failure: StreamHandler = () => {
      throw new Error("thrown");
    };
    const { port } = await serve((request, response) => failure(request, response), {
      onError: (error) => errors.push((error as Error).message),
    });
    await talk(port, GET).until(/^HTTP\/1.1 500 Internal Server Error\r\n/);
    failure = () => Promise.reject(new Error("rejected"));
    await talk(port, GET).until(/^HTTP\/1.1 500 Internal Server Error\r\n/);
    failure = (request, response) => {
      openStream(request, response);
      throw new Error("too late");
    };
    const peer = talk(port, GET);
    await peer.closed;
    expect(peer.text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(peer.text).not.toContain("0\r\n\r\n");
    expect(errors).toEqual(["thrown", "rejected", "too late"]);
  });

  it("never lets a header split the response", async () => {
    const errors: string[] = [];
    const { port } = await serve(
      (request, response) => openStream(request, response, [], { headers: { "x-a": "1\r\nx-b: 2" } }),
      { onError: (error) => errors.push(String(error)) },
    );
    const peer = talk(port, GET);
    await peer.until(/ 500 /);
    expect(peer.text).not.toContain("x-b");
    expect(errors[0]).toContain(String.raw`Cannot write head: x-a is "1\r\nx-b: 2"`);
    const { port: other } = await serve((_request, response) => response.setHeader("x-a: 1\r\nx-b", "2"), {
      onError: (error) => errors.push(String(error)),
    });
    await talk(other, GET).until(/ 500 /);
    expect(errors[1]).toContain(String.raw`Cannot write head: "x-a: 1\r\nx-b" is not a header name`);
  });

  it("serves what reached the server by another way, when that asks it to", async () => {
    const handler: StreamHandler = (request, response) => openStream(request, response, [{ data: "here" }]);
    const { port, acceptor } = await serve(handler, {}, (request, response) => {
      if (!acceptor.serve(request, response)) response.end("not a stream");
    });
    await talk(port, "GET /prices HTTP/1.0\r\n\r\n").until("data: here");
    await talk(port, "GET /prices HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n").until("data: here");
    await talk(port, "HEAD /prices HTTP/1.1\r\nHost: a\r\n\r\n").until("text/event-stream");
    await talk(port, "POST /prices HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").until("not a stream");
    await talk(port, "GET /else HTTP/1.1\r\nHost: a\r\n\r\n").until("not a stream");
    expect(acceptor.stats()).toMatchObject({ served: 0, handedOn: 5 });
  });

  it("finds a handler by path, exact ones first, then patterns in their order", async () => {
    const server = http.createServer(byNode);
    const answers =
      (text: string): StreamHandler =>
      (request, response) =>
        void openStream(request, response, [{ data: text }]);
    const acceptor = createAcceptor(
      server,
      {
        "/a/*": answers("any"),
        "/a/:id": answers("one"),
        "/a/b": answers("exact"),
      },
      OPEN,
    );
    const port = await listen(server);
    await talk(port, "GET /a/b?x HTTP/1.1\r\nHost: a\r\n\r\n").until("data: exact");
    await talk(port, "GET /a/c HTTP/1.1\r\nHost: a\r\n\r\n").until("data: any");
    await talk(port, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").until("x-by: node");
    await talk(port, "GET /%61/b HTTP/1.1\r\nHost: a\r\n\r\n").until("x-by: node");
    expect(acceptor.stats()).toMatchObject({ served: 2, handedOn: 2 });
  });

  it("says what is wrong with its arguments", () => {
    const server = http.createServer();
    const handler: StreamHandler = () => undefined;
    expect(() => createAcceptor(server, { prices: handler }, OPEN)).toThrow(
      'Cannot create acceptor: "prices" is given function, expected a path that begins with / and a function',
    );
    expect(() => createAcceptor(server, {}, { ...OPEN, silenceMs: 0 })).toThrow(
      "Cannot create acceptor: silenceMs is 0, expected a number above 0",
    );
    createAcceptor(server, { "/": handler }, OPEN);
    expect(() => createAcceptor(server, { "/": handler }, OPEN)).toThrow(/has one already/);
    expect(() => createAcceptor(new tls.Server() as never, {}, OPEN)).toThrow(/does not accept HTTP/);
  });
});

describe("who may read", () => {
  it("cannot be left unsaid: the application's own checks do not see these requests", () => {
    const server = http.createServer();
    const handler: StreamHandler = () => undefined;
    for (const options of [undefined, {}, { authorize: true }, { authorize: "yes" }]) {
      expect(() => createAcceptor(server, { "/a": handler }, options as never)).toThrow(
        /authorize is .*, expected a function, or "public" when everyone may read these streams/,
      );
    }
  });

  it("is asked for each stream, however its request came", async () => {
    const asked: unknown[] = [];
    const handler: StreamHandler = (request, response) => openStream(request, response, [{ data: "in" }]);
    const { port, acceptor } = await serve(
      handler,
      {
        authorize: async ({ headers }) => {
          asked.push(headers["authorization"]);
          return headers["authorization"] === "Bearer ok" || { refuse: 401, headers: { "x-why": "token" } };
        },
      },
      (request, response) => {
        if (!acceptor.serve(request, response)) response.end("not a stream");
      },
    );
    await talk(port, GET).until(/^HTTP\/1.1 401 [^]*x-why: token/);
    await talk(port, `\r\n${GET}`).until(/^HTTP\/1.1 401 [^]*x-why: token/);
    await talk(port, GET.replace("\r\n\r\n", "\r\nAuthorization: Bearer ok\r\n\r\n")).until("data: in");
    expect(asked).toEqual([undefined, undefined, "Bearer ok"]);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new TypeError("no database");
      },
    ],
    ["rejects", () => Promise.reject(new TypeError("no database"))],
    ["gives nonsense", () => "yes"],
    ["gives a header that cannot be sent", () => ({ refuse: 401, headers: { "x\n": "1" } })],
    ["says when it expires, which nobody would look at", () => ({ expiresAtMs: Date.now() + 60_000 })],
  ])("is no when the application %s", async (_name, authorize) => {
    const errors: unknown[] = [];
    const { port } = await serve((request, response) => openStream(request, response), {
      authorize: authorize as never,
      onError: (error) => errors.push(error),
    });
    await talk(port, GET).until(/^HTTP\/1.1 503 /);
    expect(errors).toHaveLength(1);
  });
});

describe("an answer on who may read that does not come", () => {
  const worlds: Record<
    string,
    (options: AcceptorOptions) => Promise<{ port: number; opened: () => number }>
  > = {
    async "to the acceptor"(options) {
      let opened = 0;
      const { port } = await serve(() => void (opened += 1), options);
      return { port, opened: () => opened };
    },
    async "to serve, on node:http"(options) {
      let opened = 0;
      const { port, acceptor } = await serve(
        () => void (opened += 1),
        options,
        (request, response) => void acceptor.serve(request, response),
      );
      return { port, opened: () => opened };
    },
  };
  /** An empty line before a request sends it to the server. */
  const requests = { "to the acceptor": GET, "to serve, on node:http": `\r\n${GET}` };

  describe.each(Object.entries(worlds))("%s", (name, open) => {
    const request = requests[name as keyof typeof requests];

    it("is no after timeoutMs, and the signal says so", async () => {
      const errors: unknown[] = [];
      const signals: AbortSignal[] = [];
      const { port, opened } = await open({
        timeoutMs: 50,
        onError: (error) => errors.push(error),
        authorize: (_request, { signal }) => {
          signals.push(signal);
          return new Promise(() => undefined);
        },
      });
      await talk(port, request).until(/^HTTP\/1.1 503 [^]*retry-after: 5/i);
      expect(errors).toMatchObject([
        { message: "Cannot authorize: authorize did not finish within 50 ms (timeoutMs)" },
      ]);
      expect(signals[0]!.reason).toBe(errors[0]);
      expect(opened()).toBe(0);
    });

    it.each([true, false, "reject"])(
      "is not waited for when the peer leaves, and not heard later: %s",
      async (answer) => {
        const errors: unknown[] = [];
        const signals: AbortSignal[] = [];
        let settle = (): void => undefined;
        const { port, opened } = await open({
          onError: (error) => errors.push(error),
          authorize: (_request, { signal }) => {
            signals.push(signal);
            return new Promise((resolve, reject) => {
              settle = () => (typeof answer === "boolean" ? resolve(answer) : reject(new Error(answer)));
            });
          },
        });
        const peer = talk(port, request);
        await expect.poll(() => signals).toHaveLength(1);
        expect(signals[0]!.aborted).toBe(false);
        peer.socket.destroy();
        await expect.poll(() => signals[0]!.aborted).toBe(true);
        expect(signals[0]!.reason).toMatchObject({ message: "The peer left" });
        settle();
        await new Promise((resolve) => setTimeout(resolve, 10));
        expect([opened(), errors]).toEqual([0, []]);
      },
    );

    it("may take its time with timeoutMs: false, and its signal stays quiet when the stream is open", async () => {
      const signals: AbortSignal[] = [];
      const { port, opened } = await open({
        timeoutMs: false,
        authorize: async (_request, { signal }) => {
          signals.push(signal);
          await new Promise((resolve) => setTimeout(resolve, 20));
          return true;
        },
      });
      const peer = talk(port, request);
      await expect.poll(opened).toBe(1);
      peer.socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(signals[0]!.aborted).toBe(false);
    });
  });

  it("has a limit that is a number above 0", () => {
    for (const timeoutMs of [0, -1, Number.NaN, "1"]) {
      expect(() =>
        createAcceptor(http.createServer(), {}, { ...OPEN, timeoutMs: timeoutMs as number }),
      ).toThrow(/^Cannot create acceptor: timeoutMs is .*, expected a number above 0, or false$/);
    }
  });
});

describe("what the acceptor bounds", () => {
  it("hands a silent connection on to the server, and what it sends later is served there", async () => {
    const { port, acceptor } = await serve(() => undefined, { silenceMs: 200 });
    const peer = talk(port);
    await expect.poll(() => acceptor.stats().handedOn).toBe(1);
    peer.socket.write(GET);
    await peer.until("x-by: node");
  });

  it("keeps so many connections that wait for a request: beyond that, the one that has waited longest is closed", async () => {
    const { port, acceptor } = await serve((request, response) => openStream(request, response), {
      maxWaiting: 2,
    });
    const busy = talk(port, GET);
    await expect.poll(() => acceptor.stats().served).toBe(1);
    const silent: Peer[] = [];
    for (let n = 2; n <= 4; n += 1) {
      silent.push(talk(port));
      await expect.poll(() => acceptor.stats().connections + (n > 3 ? 1 : 0)).toBe(n);
    }
    await silent[0]!.closed;
    expect(silent[0]!.text).toBe("");
    silent[1]!.socket.write(GET);
    await silent[1]!.until("200 OK");
    // One that has its stream waits for nothing.
    talk(port);
    await expect.poll(() => acceptor.stats()).toEqual({ connections: 4, served: 2, handedOn: 0 });
    expect(busy.socket.destroyed).toBe(false);
  });

  it("leaves the limit of time for a head that comes slowly to the server", async () => {
    const server = http.createServer({ headersTimeout: 300, connectionsCheckingInterval: 100 }, byNode);
    createAcceptor(server, { "/prices": () => undefined }, OPEN);
    const peer = talk(await listen(server), GET.slice(0, 20));
    await peer.closed;
    expect(peer.text).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
  });

  it("hands a large head on, and the server's limit is the server's", async () => {
    const { port, acceptor } = await serve(() => undefined, { maxHeadBytes: 1_000 });
    const peer = talk(port, GET.replace("\r\n\r\n", `\r\nCookie: ${"x".repeat(1_000)}\r\n\r\n`));
    await peer.until("x-by: node");
    await talk(port, GET.replace("\r\n\r\n", `\r\nCookie: ${"x".repeat(20_000)}\r\n\r\n`)).until(
      /^HTTP\/1.1 431 /,
    );
    expect(acceptor.stats()).toMatchObject({ served: 0, handedOn: 2 });
  });

  it("closes a connection that was answered and asks for nothing more", async () => {
    const { port, server, acceptor } = await serve((request, response) => openStream(request, response, []));
    server.keepAliveTimeout = 250;
    const peer = talk(port, GET);
    await peer.closed;
    expect(peer.text).toMatch(/0\r\n\r\n$/);
    await expect.poll(() => acceptor.stats().connections).toBe(0);
  });

  it("lets the server close: idle connections at once, all of them if asked to", async () => {
    const hub = createHub();
    const { port, server, acceptor } = await serve((request, response) =>
      hub.subscribe(request, response, { topics: ["a"] }),
    );
    const idle = talk(port);
    const stream = talk(port, GET);
    await stream.until("id: ");
    await expect.poll(() => acceptor.stats().connections).toBe(2);
    const closed = new Promise((resolve) => server.close(resolve));
    await idle.closed;
    await expect.poll(() => acceptor.stats().connections).toBe(1);
    server.closeAllConnections();
    await Promise.all([stream.closed, closed]);
    await expect.poll(() => hub.stats().streams).toBe(0);
  });

  it("closes what it answered, though the peer does not close its side", async () => {
    const hub = createHub();
    const { port, acceptor } = await serve((request, response) =>
      hub.subscribe(request, response, { topics: ["a"], authorize: () => false }),
    );
    const peers = Array.from({ length: 100 }, () => {
      const peer = new Peer(connect({ port, host: "127.0.0.1", allowHalfOpen: true }));
      peer.socket.write(GET_AND_CLOSE);
      return peer;
    });
    for (const peer of peers) await peer.until(/"forbidden"/);
    await expect.poll(() => acceptor.stats().connections).toBe(0);
  });

  it("leaves nothing behind when streams have come and gone", async () => {
    const hub = createHub();
    const { port, acceptor } = await serve((request, response) =>
      hub.subscribe(request, response, { topics: ["a"] }),
    );
    for (let round = 0; round < 5; round += 1) {
      const peers = Array.from({ length: 100 }, () => talk(port, GET));
      for (const peer of peers) await peer.until("id: ");
      for (const peer of peers) peer.socket.destroy();
      await expect.poll(() => hub.stats().streams).toBe(0);
    }
    await expect.poll(() => acceptor.stats().connections).toBe(0);
    await expect.poll(() => sharedWheel().size).toBe(0);
    expect(hub.stats()).toMatchObject({ opened: 500, subscriberGroups: 0, ended: { "peer-left": 500 } });
  });
});

/** Heads of which one may ask where they end, whose they are, or what they want: each is node:http's to judge. */
const HOSTILE: readonly string[] = [
  "POST /prices HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "GET /prices HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "GET /prices HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
  "GET /prices HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "GET /prices HTTP/1.1\nHost: a\n\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\n\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost:\r\n\r\n",
  "GET /prices HTTP/1.1\r\n\r\n",
  "GET /prices HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost a\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\nConnection: X-Token\r\nX-Token: 1\r\n\r\n",
  "GET /prices HTTP/1.0\r\n\r\n",
  "GET /prices HTTP/2.0\r\nHost: a\r\n\r\n",
  "GET /prices HTTP/1.1 \r\nHost: a\r\n\r\n",
  "GET  /prices HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /prices\r\n\r\n",
  "GET http://b/prices HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /prices#top HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /prices?\xff HTTP/1.1\r\nHost: a\r\n\r\n",
  "get /prices HTTP/1.1\r\nHost: a\r\n\r\n",
  "\r\n\r\nGET /prices HTTP/1.1\r\nHost: a\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "GET /prices HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\n__proto__: 1\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\n\r\nGET /prices HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /prices HTTP/1.1\r\nHost: a\r\n\r\nSMUGGLED",
];

describe("heads that are not plain", () => {
  /** What node:http says to it when nothing stands before it. */
  const heard = async (port: number, pieces: readonly string[]): Promise<string> => {
    const peer = talk(port);
    for (const piece of pieces) {
      peer.socket.write(piece, "latin1");
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
    peer.socket.end();
    await peer.closed;
    return peer.text.replaceAll(/Date: .*\r\n/g, "");
  };
  const nothing: StreamHandler = () => {
    throw new Error("An ambiguous head was taken");
  };

  it.each(HOSTILE.map((text) => [text]))("%j is answered as if there were no acceptor", async (text) => {
    const plain = await listen(http.createServer(byNode));
    const { port, acceptor } = await serve(nothing);
    expect(await heard(port, [text])).toBe(await heard(plain, [text]));
    expect(acceptor.stats()).toEqual({ connections: 0, served: 0, handedOn: 1 });
  });

  it("a head that comes in two parts, cut anywhere, is answered as if there were no acceptor", async () => {
    const plain = await listen(http.createServer(byNode));
    const { port, acceptor } = await serve(nothing);
    const expected = await heard(plain, [GET]);
    expect(expected).toContain('["GET","/prices",["Host","a"],""]');
    const cuts = Array.from({ length: GET.length - 1 }, (_, i) => [GET.slice(0, i + 1), GET.slice(i + 1)]);
    for (const [index, pieces] of [...cuts, GET.split("")].entries()) {
      const peer = talk(port, pieces[0]!);
      // The rest is on its way when the beginning has been looked at, so that they are not read together.
      await expect.poll(() => acceptor.stats().handedOn, { interval: 2 }).toBe(index + 1);
      for (const piece of pieces.slice(1)) {
        peer.socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      peer.socket.end();
      await peer.closed;
      expect(peer.text.replaceAll(/Date: .*\r\n/g, "")).toBe(expected);
    }
    expect(acceptor.stats().served).toBe(0);
  });

  it("over TLS, what is plain is served and what is not reaches the server", async () => {
    const made = await generate([{ name: "commonName", value: "127.0.0.1" }]);
    const server = https.createServer({ key: made.private, cert: made.cert }, byNode);
    const acceptor = createAcceptor(
      server,
      {
        "/prices": (request, response) => openStream(request, response, []),
      },
      OPEN,
    );
    const port = await listen(server);
    const secure = (text: string): Peer => {
      const peer = new Peer(tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false }));
      peer.socket.write(text, "latin1");
      return peer;
    };
    await secure(GET).until(/^HTTP\/1.1 200 OK\r\ncontent-type: text\/event-stream\r\n[^]*0\r\n\r\n$/);
    await secure("GET /other HTTP/1.1\r\nHost: a\r\n\r\n").until("x-by: node");
    await secure("GET /prices HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").until(/^HTTP\/1.1 400 |x-by: node/);
    expect(acceptor.stats()).toMatchObject({ served: 1, handedOn: 2 });
  });
});
