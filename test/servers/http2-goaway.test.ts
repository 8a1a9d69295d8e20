/**
 * HTTP/2 servers that send GOAWAY: what clients see of it, here and in browsers, and what becomes of the streams of a server that leaves
 * as docs/frameworks.md says. Whatever the server does, each client gets each message once.
 */
import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import http2, {
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { build } from "esbuild";
import { open } from "lmdb";
import { generate } from "selfsigned";
import { connect } from "tidings/client";
import { lmdbLog } from "tidings/log/lmdb";
import { createHub, type Hub } from "tidings/server";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { nginx } from "../../deploy/nginx/program.ts";
import { startProgram } from "../../deploy/program.ts";
import { exchangeFetch } from "../../packages/tidings/src/cli/http/exchange-fetch.ts";
import { startTabs, type Tabs } from "../share/tabs.ts";
import { freePort } from "../support/free-port.mjs";

interface Client {
  /** What it got. */
  numbers(): Promise<number[]>;
  /** It asks for something else, over the same connection where it has one for all. */
  ask(): Promise<unknown>;
}

type StartClient = (origin: string) => Promise<Client>;

const PAGE = `
  import { connect } from "tidings/client";
  window.numbers = [];
  connect("/events", {
    retry: { baseMs: 100 },
    onMessage: ({ data }) => void numbers.push(Number(data)),
  });
`;

let script = "";
let certificate: { key: string; cert: string };
beforeAll(async () => {
  const made = await generate([{ name: "commonName", value: "127.0.0.1" }]);
  certificate = { key: made.private, cert: made.cert };
  const { outputFiles } = await build({
    stdin: { contents: PAGE, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "iife",
    conditions: ["browser"],
  });
  script = outputFiles[0]!.text;
});

/** A server of HTTP/2 as in docs/frameworks.md, and how it leaves. */
class Server {
  readonly hub: Hub;
  readonly sessions = new Set<ServerHttp2Session>();
  /** Event streams by how they were closed: 0 is an end, all else is a reset. */
  readonly codes: number[] = [];
  /** How often the page's event stream was asked for. */
  opened = 0;
  /** Those that are open. */
  readonly responses = new Set<Http2ServerResponse>();
  /** Of those that a proxy has taken the requests from, where one stands before it. */
  readonly connections = new Set<unknown>();
  /** Sessions that ever were. */
  all = 0;
  readonly #server: http2.Http2SecureServer;

  constructor(hub: Hub) {
    this.hub = hub;
    this.#server = http2.createSecureServer(certificate, (request, response) =>
      this.answer(request, response),
    );
    this.#server.on("session", (session) => {
      this.all += 1;
      this.sessions.add(session);
      session.once("close", () => this.sessions.delete(session));
    });
  }

  answer(
    request: Http2ServerRequest | IncomingMessage,
    response: Http2ServerResponse | ServerResponse,
  ): void {
    this.connections.add(request.headers["x-connection"]);
    if (request.url === "/events") this.#subscribe(request, response);
    else if (request.url === "/other") response.end("asked");
    else {
      response.setHeader("content-type", request.url === "/page" ? "text/html" : "text/javascript");
      response.end(request.url === "/page" ? '<!doctype html><script src="/page.js"></script>' : script);
    }
  }

  #subscribe(
    request: Http2ServerRequest | IncomingMessage,
    response: Http2ServerResponse | ServerResponse,
  ): void {
    this.opened += 1;
    if ("stream" in response) {
      const { stream } = response;
      this.responses.add(response);
      stream.once("close", () => {
        this.codes.push(stream.rstCode ?? -1);
        this.responses.delete(response);
      });
    }
    void this.hub.subscribe(request, response, { topics: ["numbers"] });
  }

  async listen(port = 0): Promise<number> {
    await once(this.#server.listen(port, "127.0.0.1"), "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on, another server may have its port: what is open goes on. */
  stopListening(): Promise<unknown> {
    const closed = once(this.#server, "close");
    this.#server.close();
    return closed;
  }

  /** As docs/frameworks.md says. */
  async leave(): Promise<void> {
    for (const session of this.sessions) session.close();
    await this.hub.drain({ overMs: 0, retryMs: [100, 100] });
  }

  async stop(): Promise<void> {
    await this.hub.drain({ overMs: 0, graceMs: 0 });
    for (const session of this.sessions) session.destroy();
    this.#server.close();
  }
}

/** Publishes numbers until told to stop. @returns The last. */
function publishTo(hub: () => Hub): () => Promise<number> {
  let running = true;
  let last = 0;
  const published = (async () => {
    while (running) {
      const data = String(last + 1);
      // A hub that has drained says so; the next takes the number.
      await hub()
        .publish("numbers", { data })
        .then(
          () => (last += 1),
          () => undefined,
        );
      await pause(3);
    }
  })();
  return async () => {
    running = false;
    await published;
    return last;
  };
}

async function expectAll(client: Client, last: number): Promise<void> {
  await expect.poll(async () => (await client.numbers()).at(-1), { timeout: 30_000 }).toBe(last);
  const numbers = await client.numbers();
  expect(numbers).toEqual(Array.from({ length: last - numbers[0]! + 1 }, (_, at) => numbers[0]! + at));
}

const inNode: StartClient = (origin) => {
  const fetch = exchangeFetch({ protocol: "h2", insecure: true });
  const numbers: number[] = [];
  const connection = connect(`${origin}/events`, {
    fetch,
    retry: { baseMs: 100 },
    onMessage: ({ data }) => void numbers.push(Number(data)),
  });
  onTestFinished(() => connection.close());
  return Promise.resolve({
    numbers: () => Promise.resolve(numbers),
    ask: async () => (await fetch(`${origin}/other`, {})).text(),
  });
};

const inBrowser =
  (tabs: () => Tabs): StartClient =>
  async (origin) => {
    const page = await tabs().open(`${origin}/page`);
    onTestFinished(() => page.close());
    return {
      numbers: () => page.evaluate(() => window.numbers),
      ask: () => page.evaluate(() => fetch("/other").then((response) => response.text())),
    };
  };

describe.each(["node", "chromium", "firefox"] as const)("over HTTP/2, a client in %s", (name) => {
  let tabs: Tabs | undefined;
  const start = name === "node" ? inNode : inBrowser(() => tabs!);
  beforeAll(async () => {
    if (name !== "node") tabs = await startTabs(name);
  });
  afterAll(() => tabs?.close());

  async function startBoth(): Promise<{ server: Server; client: Client }> {
    const server = new Server(createHub());
    onTestFinished(() => server.stop());
    const client = await start(`https://127.0.0.1:${await server.listen()}`);
    await expect.poll(() => server.hub.stats().streams).toBe(1);
    return { server, client };
  }

  test("goes on with its stream when the server sends GOAWAY, and asks over another session", async () => {
    const { server, client } = await startBoth();
    for (let n = 1; n <= 10; n += 1) await server.hub.publish("numbers", { data: String(n) });
    await expect.poll(() => client.numbers()).toHaveLength(10);
    const before = server.all;
    for (const session of server.sessions) session.close();
    for (let n = 11; n <= 20; n += 1) await server.hub.publish("numbers", { data: String(n) });
    await expectAll(client, 20);
    expect(await client.ask()).toBe("asked");
    expect(server.all).toBe(before + 1);
    expect([server.opened, server.hub.stats().streams, server.codes]).toEqual([1, 1, []]);
  });

  /** Servers that follow each other at one port, over one log. */
  async function successors(): Promise<{ port: number; next: () => Promise<Server> }> {
    const path = await mkdtemp(join(tmpdir(), "tidings-goaway-"));
    const port = await freePort();
    const envs: { close(): Promise<void> }[] = [];
    onTestFinished(async () => {
      for (const env of envs) await env.close();
      await rm(path, { recursive: true, force: true });
    });
    const next = async (): Promise<Server> => {
      const env = open({ path, overlappingSync: false, eventTurnBatching: false });
      envs.push(env);
      const server = new Server(createHub({ log: lmdbLog(env, { pollMs: 5 }) }));
      onTestFinished(() => server.stop());
      await server.listen(port);
      return server;
    };
    return { port, next };
  }

  test("loses nothing when servers leave one after the other: their streams end, and none is reset", async () => {
    const { port, next } = await successors();
    let server = await next();
    const client = await start(`https://127.0.0.1:${port}`);
    await expect.poll(() => server.hub.stats().streams).toBe(1);
    const stop = publishTo(() => server.hub);
    for (let round = 0; round < 3; round += 1) {
      await pause(100);
      const leaving = server;
      const closed = leaving.stopListening();
      server = await next();
      await leaving.leave();
      // Its sessions close by themselves, when what was open has ended.
      await closed;
      expect([leaving.codes, leaving.opened]).toEqual([[0], 1]);
      await expect.poll(() => server.hub.stats().streams, { timeout: 30_000 }).toBe(1);
    }
    await expectAll(client, await stop());
  });

  const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL } =
    http2.constants;
  interface Fault {
    readonly after: string;
    readonly harm: (response: Http2ServerResponse) => void;
    /** Its stream is over, at this client. Else it goes on, which is as good. */
    readonly cuts: boolean;
    readonly rounds: number;
  }
  const faults: Fault[] = [
    {
      after: "GOAWAY with an error",
      harm: ({ stream }) => stream.session!.goaway(NGHTTP2_INTERNAL_ERROR),
      // Browsers read on what is open.
      cuts: name === "node",
      rounds: 3,
    },
    {
      after: "the end of the session",
      harm: ({ stream }) => stream.session!.destroy(),
      cuts: true,
      rounds: 3,
    },
    {
      after: "REFUSED_STREAM",
      harm: ({ stream }) => stream.close(NGHTTP2_REFUSED_STREAM),
      cuts: true,
      rounds: 3,
    },
    { after: "CANCEL", harm: ({ stream }) => stream.close(NGHTTP2_CANCEL), cuts: true, rounds: 3 },
  ];
  // A server of Node can say so only of a stream that is not the first of its session, as that of the page is.
  if (name !== "node") {
    faults.push({
      after: "GOAWAY as if its stream was never taken",
      harm: ({ stream }) => stream.session!.goaway(NGHTTP2_NO_ERROR, 1),
      cuts: true,
      rounds: 1,
    });
  }

  test.each(faults)("loses nothing after $after", async ({ harm, cuts, rounds }) => {
    const { server, client } = await startBoth();
    const stop = publishTo(() => server.hub);
    let before = 0;
    const more = async (): Promise<void> => {
      const length = async () => (await client.numbers()).length;
      await expect.poll(length, { timeout: 30_000 }).toBeGreaterThan(before + 20);
    };
    await more();
    for (let round = 1; round <= rounds; round += 1) {
      const [response] = server.responses;
      before = (await client.numbers()).length;
      harm(response!);
      // What was under way before comes after it, so more messages alone say nothing.
      const opened = cuts ? round + 1 : 1;
      await expect.poll(() => server.opened, { timeout: 30_000 }).toBe(opened);
      await more();
      expect(server.opened).toBe(opened);
    }
    await expectAll(client, await stop());
  });

  test("keeps its stream behind an nginx that sends GOAWAY after each third request", async () => {
    const server = new Server(createHub());
    onTestFinished(() => server.stop());
    const inner = http.createServer((request, response) => server.answer(request, response));
    await once(inner.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void inner.close());
    const { port: upstream } = inner.address() as AddressInfo;
    const proxy = await startProgram(
      nginx,
      ({ port }) => `server {
        listen 127.0.0.1:${port} ssl http2;
        ssl_certificate tls.pem;
        ssl_certificate_key tls.pem;
        keepalive_requests 3;
        location / {
          proxy_pass http://127.0.0.1:${upstream};
          proxy_http_version 1.1;
          proxy_buffering off;
          proxy_set_header X-Connection $connection;
        }
      }`,
    );
    onTestFinished(() => proxy.stop());
    const client = await start(proxy.url.replace("http:", "https:"));
    await expect.poll(() => server.hub.stats().streams).toBe(1);
    const stop = publishTo(() => server.hub);
    for (let n = 0; n < 12; n += 1) expect(await client.ask()).toBe("asked");
    await expectAll(client, await stop());
    expect([server.opened, server.hub.stats().streams]).toEqual([1, 1]);
    expect(server.connections.size).toBeGreaterThan(4);
  });

  // In Node, each request has a connection of its own.
  if (name === "node") return;

  test("comes back to a hub that drains alone over the session it has, and is refused until that is closed", async () => {
    const { port, next } = await successors();
    const leaving = await next();
    const client = await start(`https://127.0.0.1:${port}`);
    await expect.poll(() => leaving.hub.stats().streams).toBe(1);
    await leaving.hub.publish("numbers", { data: "1" });
    const closed = leaving.stopListening();
    const server = await next();
    await leaving.hub.drain({ overMs: 0, retryMs: [100, 100] });
    await expect.poll(() => leaving.opened, { timeout: 30_000 }).toBeGreaterThan(2);
    expect(server.opened).toBe(0);
    await server.hub.publish("numbers", { data: "2" });
    for (const session of leaving.sessions) session.close();
    await closed;
    await expectAll(client, 2);
  });
});

declare global {
  interface Window {
    numbers: number[];
  }
}
