/** What happens to a subscription while the application is asked: its peer leaves, it is revoked, no answer comes. */
import { once } from "node:events";
import { createServer, request as httpRequest, type ClientRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createHub } from "../hub/create-hub.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

const never = (): Promise<never> => new Promise(() => undefined);

async function serve(subscribe: Partial<SubscribeOptions>, options: HubOptions = {}) {
  const errors: unknown[] = [];
  const hub = createHub({ onError: (error) => errors.push(error), ...options });
  const results: unknown[] = [];
  const server = createServer((request, response) => {
    hub.subscribe(request, response, { topics: ["a"], subscriber: "ann", ...subscribe }).then(
      (given) => results.push(given),
      (error: unknown) => results.push(error),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  closers.push(async () => {
    await hub.drain({ overMs: 0, graceMs: 100 });
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const get = (method = "GET", headers: Record<string, string> = {}): ClientRequest => {
    const request = httpRequest({ port, method, agent: false, headers });
    request.on("error", () => undefined).end();
    return request;
  };
  const status = async (method?: string, headers?: Record<string, string>) => {
    const [response] = (await once(get(method, headers), "response")) as [
      import("node:http").IncomingMessage,
    ];
    response.resume();
    return response;
  };
  return { hub, errors, results, port, get, status };
}

describe.each(["authorize", "snapshot"] as const)("a peer that leaves while %s is under way", (name) => {
  it("gives its place back at once, and aborts the signal", async () => {
    const signals: AbortSignal[] = [];
    const asked = (...values: readonly unknown[]): Promise<never> => {
      const { signal } = values.at(-1) as { signal: AbortSignal };
      signals.push(signal);
      return never();
    };
    const { get, results, status } = await serve({ [name]: asked }, { limits: { streams: 1 } });
    const request = get();
    await expect.poll(() => signals.length).toBe(1);
    expect((await status()).statusCode).toBe(503);
    request.destroy();
    await expect.poll(() => signals[0]!.aborted).toBe(true);
    await expect.poll(() => results).toContain(undefined);
    get();
    await expect.poll(() => signals.length).toBe(2);
  });
});

describe("revoke", () => {
  it.each(["authorize", "snapshot"] as const)("refuses who waits for %s", async (name) => {
    let asked = 0;
    const { hub, status } = await serve({
      [name]: () => {
        asked += 1;
        return never();
      },
    });
    const refused = status();
    await expect.poll(() => asked).toBe(1);
    expect([await hub.revoke("bob"), await hub.revoke("ann")]).toEqual([0, 1]);
    expect((await refused).statusCode).toBe(403);
    expect(hub.stats()).toMatchObject({ streams: 0, refused: { forbidden: 1 } });
  });
});

describe("an answer that never comes", () => {
  it.each(["authorize", "snapshot"] as const)("of %s is no, after timeoutMs", async (name) => {
    const { status, errors } = await serve({ [name]: never }, { timeoutMs: 50 });
    expect((await status()).statusCode).toBe(503);
    expect(errors).toMatchObject([
      { message: `Cannot subscribe: ${name} did not finish within 50 ms (timeoutMs)` },
    ]);
  });

  it("to a recheck ends the stream", async () => {
    const authorize: SubscribeOptions["authorize"] = ({ first }) => (first ? { recheckMs: 20 } : never());
    const { hub, status, errors } = await serve({ authorize }, { timeoutMs: 50, heartbeatMs: 20 });
    expect((await status()).statusCode).toBe(200);
    await expect.poll(() => hub.stats().ended).toEqual({ revoked: 1 });
    expect(errors).toHaveLength(1);
  });
});

describe("an authorization", () => {
  it("counts from when it was given, however long the snapshot takes", async () => {
    let finish = (): void => undefined;
    const { status } = await serve({
      authorize: () => ({ expiresAtMs: Date.now() + 30 }),
      snapshot: () =>
        new Promise((resolve) => {
          finish = () => resolve(undefined);
          setTimeout(finish, 100);
        }),
    });
    expect((await status()).statusCode).toBe(401);
  });
});

describe("methods", () => {
  it("open a stream by GET, HEAD, POST and QUERY, and by no other", async () => {
    const { status } = await serve({});
    for (const method of ["GET", "HEAD", "POST", "QUERY"])
      expect((await status(method)).statusCode).toBe(200);
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const response = await status(method);
      expect([response.statusCode, response.headers["allow"]]).toEqual([405, "GET, HEAD, POST, QUERY"]);
    }
  });

  it("can be chosen", async () => {
    const { status } = await serve({ methods: ["PUT"] });
    expect([(await status("PUT")).statusCode, (await status("GET")).statusCode]).toEqual([200, 405]);
  });

  it("answers OPTIONS with what is allowed, and a preflight with what the headers imply", async () => {
    const { status, hub } = await serve({
      headers: { "Access-Control-Allow-Origin": "https://app.example" },
    });
    const plain = await status("OPTIONS");
    expect([plain.statusCode, plain.headers["allow"], plain.headers["access-control-allow-methods"]]).toEqual(
      [204, "GET, HEAD, POST, QUERY", undefined],
    );
    const preflight = await status("OPTIONS", {
      origin: "https://app.example",
      "access-control-request-method": "GET",
      "access-control-request-headers": "last-event-id",
    });
    expect(preflight.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET, HEAD, POST, QUERY",
      "access-control-allow-headers": "authorization, cache-control, content-type, last-event-id",
    });
    expect(hub.stats().refused).toEqual({});
  });
});

describe("a refusal", () => {
  it("has the response headers of the application, so that a page of another origin can read it", async () => {
    const headers = {
      "Access-Control-Allow-Origin": "*",
      "set-cookie": ["a=1", "b=2"],
      "content-language": "en",
    };
    for (const [options, expected] of [
      [{ authorize: () => false }, 403],
      [{ topics: [] }, 400],
      [{ authorize: () => Promise.reject(new Error("down")) }, 503],
    ] as [Partial<SubscribeOptions>, number][]) {
      const { status } = await serve({ ...options, headers });
      const response = await status();
      expect(response.statusCode).toBe(expected);
      expect(response.headers).toMatchObject({
        "access-control-allow-origin": "*",
        "set-cookie": ["a=1", "b=2"],
        "content-type": "application/problem+json",
      });
      expect(response.headers["content-language"]).toBeUndefined();
    }
  });
});

describe("pipelined requests", () => {
  it("behind a stream end the connection, since nobody can be waiting for their answers", async () => {
    const { hub, port } = await serve({});
    const socket = connect(port, "127.0.0.1");
    const closed = once(socket, "close");
    socket.resume().write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200));
    await closed;
    await expect.poll(() => hub.stats()).toMatchObject({ opened: 1, streams: 0 });
  });

  it("behind another response are refused when their turn comes", async () => {
    const hub = createHub();
    let finish = (): void => undefined;
    let requests = 0;
    const server = createServer((request, response) => {
      requests += 1;
      if (request.url === "/first") finish = () => void response.end("first");
      else void hub.subscribe(request, response, { topics: ["a"] });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    let text = "";
    socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
    socket.write("GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => requests).toBe(2);
    finish();
    await expect.poll(() => text).toMatch(/first[^]*HTTP\/1.1 429/);
    expect(hub.stats().streams).toBe(0);
    socket.destroy();
    await hub.drain({ overMs: 0 });
    server.close();
  });
});
