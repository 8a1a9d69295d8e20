/**
 * One connection that sends many requests and leaves. Servers with the Fetch API over node:http are told of its end by the response, and
 * Node tells nothing of one whose turn has not come.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { getRequestListener } from "@hono/node-server";
import { H3, serve as serveH3 } from "h3";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { createAnswers, createHub, openStream } from "../../packages/tidings/src/server/index.ts";

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
  async "a framework that makes requests of its own"(respond) {
    const server = http.createServer((incoming, outgoing) => void answer(respond, incoming, outgoing));
    await once(server.listen(0, "127.0.0.1"), "listening");
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    // This process has had streams of others first, and knows such requests from the first stream on.
    await (await fetch(`http://127.0.0.1:${port}/warm-up`)).body?.cancel();
    return port;
  },
};

/** As Next does it. */
async function answer(respond: Respond, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = "GET", url = "/" } = incoming;
  const left = new AbortController();
  outgoing.on("close", () => left.abort());
  await Promise.resolve();
  const request = new Request(`http://a${url}`, { method, signal: left.signal });
  const response = url === "/warm-up" ? openStream(request, [{ data: 1 }]).response : await respond(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  for await (const bytes of response.body ?? []) {
    if (!outgoing.write(bytes)) await Promise.race([once(outgoing, "drain"), once(outgoing, "close")]);
  }
  outgoing.end();
}

/** Sends `count` requests at once, and leaves once the first one is answered and `seen` are there, or when it is cut. */
async function leaveAfter(port: number, method: string, count: number, seen: () => number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined).write(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(count));
  let isCut = false;
  const cut = once(socket, "close").then(() => (isCut = true));
  await Promise.race([once(socket, "data"), cut]);
  await expect.poll(() => isCut || seen() === count).toBe(true);
  socket.destroy();
}

describe.each(Object.entries(servers))("on %s", (_name, start) => {
  test.each([
    ["GET", 20],
    ["POST", 20],
    ["GET", 200],
  ])("a hub opens one stream of those that come at once: %s, %i", async (method, count) => {
    const hub = createHub();
    closers.push(() => hub.drain({ overMs: 0 }));
    let seen = 0;
    const port = await start((request) => {
      seen += 1;
      return hub.respond(request, { topics: ["a"] });
    });
    await leaveAfter(port, method, count, () => seen);
    await expect.poll(() => hub.stats().streams).toBe(0);
    // A connection that brings too many is cut, which may be before the first is answered.
    expect(hub.stats().opened).toBeGreaterThanOrEqual(count === 20 ? 1 : 0);
    expect(hub.stats().opened).toBeLessThanOrEqual(1);
  });

  test.each([20, 200])(
    "no stream of openStream stays when %i come at once and their peer leaves",
    async (count) => {
      let open = 0;
      let seen = 0;
      const port = await start((request) => {
        seen += 1;
        const stream = openStream(request);
        if (!stream.closed) {
          open += 1;
          void stream.ended.then(() => (open -= 1));
        }
        return stream.response;
      });
      await leaveAfter(port, "GET", count, () => seen);
      await expect.poll(() => open).toBe(0);
    },
  );

  test.each([20, 200])("answers that come at once leave room for others: %i", async (count) => {
    const answers = createAnswers({ streams: 3 });
    closers.push(() => answers.close());
    let seen = 0;
    const port = await start((request) => {
      seen += 1;
      return answers.resumable(request, `answer-${seen}`, async function* ({ signal }) {
        yield { data: "1" };
        await once(signal, "abort");
      });
    });
    await leaveAfter(port, "GET", count, () => seen);
    expect(answers.size).toBeLessThanOrEqual(1);
    for (let i = 0; i < 5; i += 1) {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      expect(response.status).toBe(200);
      const reader = response.body!.getReader();
      await reader.read();
      await reader.cancel();
    }
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

  test("a hub opens the stream whose turn has come, and the one after those that waited", async () => {
    const hub = createHub();
    closers.push(() => hub.drain({ overMs: 0 }));
    const port = await start((request) =>
      request.url.endsWith("/stream") ? hub.respond(request, { topics: ["a"] }) : new Response("short"),
    );
    const socket = connect(port, "127.0.0.1");
    closers.push(() => socket.destroy());
    let received = "";
    socket.on("error", () => undefined).on("data", (bytes) => void (received += String(bytes)));
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    await expect.poll(() => received.match(/short/g)).toHaveLength(3);
    socket.write("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => hub.stats()).toMatchObject({ opened: 1, streams: 1 });
    socket.destroy();
    await expect.poll(() => hub.stats()).toMatchObject({ streams: 0 });
  });
});

/** Runs a module in a process of its own. @returns What it printed. */
async function run(code: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    timeout: 20_000,
  });
  return stdout.trim();
}

const FRESH = `
  import { execFile } from "node:child_process";
import { once } from "node:events";
  import { hasSubscribers } from "node:diagnostics_channel";
  import { createServer } from "node:http";
  import { connect } from "node:net";
  import { setTimeout as wait } from "node:timers/promises";
  import { openStream } from "tidings/server";
  const isHeard = () => hasSubscribers("http.server.request.start");
  async function serve(listener) {
    const server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect(server.address().port, "127.0.0.1").resume();
    await once(socket, "connect");
    return socket;
  }
`;

describe("a process", () => {
  test("knows also the first requests that wait, of a framework that makes requests of its own", async () => {
    const printed = await run(`${FRESH}
      let opened = 0;
      let open = 0;
      let answered = 0;
      const socket = await serve(async (incoming, outgoing) => {
        await wait(5);
        const stream = openStream(new Request("http://a/"));
        answered += 1;
        if (!stream.closed) {
          opened += 1;
          open += 1;
          void stream.ended.then(() => (open -= 1));
        }
        const reader = stream.response.body.getReader();
        outgoing.on("close", () => reader.cancel());
        for (let read; !(read = await reader.read()).done; ) outgoing.write(read.value);
        outgoing.end();
      });
      socket.write("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n".repeat(20));
      while (answered < 20) await wait(5);
      socket.destroy();
      while (open > 0) await wait(5);
      console.log(opened, open, isHeard());
      process.exit();`);
    expect(printed).toBe("1 0 true");
  });

  test("whose requests show where they come from listens to none after its first stream", async () => {
    const printed = await run(`${FRESH}
      console.log(isHeard());
      const socket = await serve((incoming, outgoing) => openStream(incoming, outgoing, [{ data: 1 }]));
      socket.write("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
      await once(socket, "data");
      console.log(isHeard());
      process.exit();`);
    expect(printed).toBe("true\nfalse");
  });
});
