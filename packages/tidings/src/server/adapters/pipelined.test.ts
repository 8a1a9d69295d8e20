/** One connection over which many requests come at once: it has one stream, and when its peer leaves nothing stays. On node:http. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createAnswers } from "../answers/create-answers.ts";
import { createHub } from "../hub/create-hub.ts";
import { openStream } from "../one-stream/open-stream.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What came over a connection on which requests for `paths` were sent at once. */
function send(
  port: number,
  paths: readonly string[],
): { readonly socket: Socket; readonly text: () => string } {
  const socket = connect(port, "127.0.0.1");
  closers.push(() => socket.destroy());
  let text = "";
  socket.on("error", () => undefined).on("data", (bytes) => void (text += String(bytes)));
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  return { socket, text: () => text };
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `/${i}`);

/** Answers are asked for answers that run until they are stopped. */
function openers(): Record<string, { serve: RequestListener; open: () => number; opened: () => number }> {
  const streams = { open: 0, opened: 0 };
  const answers = createAnswers({ streams: 3 });
  closers.push(() => answers.close());
  const hub = createHub({ limits: { streams: 3 } });
  closers.push(() => hub.drain({ overMs: 0 }));
  const forever = async function* ({ signal }: { signal: AbortSignal }): AsyncGenerator<{ data: string }> {
    yield { data: "1" };
    await once(signal, "abort");
  };
  return {
    openStream: {
      serve(request, response) {
        const stream = openStream(request, response);
        if (stream.closed) return;
        streams.opened += 1;
        streams.open += 1;
        void stream.ended.then(() => (streams.open -= 1));
      },
      open: () => streams.open,
      opened: () => streams.opened,
    },
    answers: {
      serve: (request, response) => void answers.resumable(request, response, request.url!, forever),
      // Answers go on when their readers leave: there are as many as were started.
      open: () => 0,
      opened: () => answers.size,
    },
    hub: {
      serve: (request, response) => void hub.subscribe(request, response, { topics: ["a"] }),
      open: () => hub.stats().streams,
      opened: () => hub.stats().opened,
    },
  };
}

describe.each(["openStream", "answers", "hub"])("%s", (name) => {
  it.each([5, 20, 200])(
    "opens one of %i requests that come at once, and none stays when the peer leaves",
    async (count) => {
      const { serve, open, opened } = openers()[name]!;
      const port = await listen(serve);
      const { socket } = send(port, many(count));
      await expect.poll(opened).toBe(1);
      socket.destroy();
      await expect.poll(open).toBe(0);
      // Other peers are served all the same.
      for (let i = 0; i < 20; i += 1) {
        const other = send(port, [`/other-${i}`]);
        await expect.poll(other.text, { interval: 5 }).toContain("\n\n");
        expect(other.text()).toMatch(/^HTTP\/1.1 200 /);
        other.socket.destroy();
      }
      expect(opened()).toBe(21);
    },
  );
});

it("a few that wait behind a stream that ends are refused in their turn", async () => {
  let end = (): void => undefined;
  const port = await listen((request, response) => {
    const stream = openStream(request, response);
    if (stream.closed) return;
    stream.send({ data: request.url });
    end = () => stream.end();
  });
  const { text, socket } = send(port, many(3));
  await expect.poll(text).toContain("data: /0\n\n");
  end();
  await expect
    .poll(() => text().match(/HTTP\/1\.1 \d+/g))
    .toEqual(["HTTP/1.1 200", "HTTP/1.1 429", "HTTP/1.1 429"]);
  // Its turn has come: the connection carries another.
  socket.write("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(text).toContain("data: /next\n\n");
});

it("one of a hub does not cut the stream before it", async () => {
  const hub = createHub();
  closers.push(() => hub.drain({ overMs: 0 }));
  let end = (): void => undefined;
  const subscribed: unknown[] = [];
  const port = await listen((request, response) => {
    if (request.url === "/hub") {
      void hub.subscribe(request, response, { topics: ["a"] }).then((stream) => subscribed.push(stream));
      return;
    }
    const stream = openStream(request, response);
    end = () => {
      stream.send({ data: "last" });
      stream.end();
    };
  });
  const { text, socket } = send(port, ["/first", "/hub"]);
  await expect.poll(() => subscribed).toEqual([undefined]);
  expect(hub.stats().refused).toEqual({ "too-many-streams": 1 });
  end();
  await expect.poll(text).toMatch(/^HTTP\/1\.1 200 [^]*data: last\n\n\r\n0\r\n\r\nHTTP\/1\.1 429 /);
  socket.write("GET /hub HTTP/1.1\r\nHost: a\r\n\r\nGET /hub HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(() => hub.stats()).toMatchObject({ streams: 1, opened: 1 });
  await hub.publish("a", { data: "to the hub" });
  await expect.poll(text).toContain("data: to the hub\n\n");
});

it("those that wait behind something else are refused in their turn, and start nothing", async () => {
  let finish = (): void => undefined;
  let starts = 0;
  const answers = createAnswers();
  closers.push(() => answers.close());
  const port = await listen((request, response) => {
    if (request.url === "/first") finish = () => void response.end("first");
    else if (request.url === "/answer")
      void answers.resumable(request, response, "x", () => {
        starts += 1;
        return [{ data: "1" }];
      });
    else openStream(request, response, [{ data: "1" }]);
  });
  const { text } = send(port, ["/first", "/answer", "/stream"]);
  await expect.poll(() => finish.length === 0 && text() === "").toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  finish();
  await expect
    .poll(() => text().match(/HTTP\/1\.1 \d+/g))
    .toEqual(["HTTP/1.1 200", "HTTP/1.1 429", "HTTP/1.1 429"]);
  expect(starts).toBe(0);
});

it.each(["openStream", "hub"])("HEAD is answered where it waits: %s", async (name) => {
  const hub = createHub();
  closers.push(() => hub.drain({ overMs: 0 }));
  const port = await listen((request, response) => {
    if (name === "hub") void hub.subscribe(request, response, { topics: ["a"] });
    else openStream(request, response, [{ data: "1" }]);
  });
  const socket = connect(port, "127.0.0.1");
  closers.push(() => socket.destroy());
  let text = "";
  socket.on("data", (bytes) => void (text += String(bytes)));
  socket.write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(() => text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200"]);
});
