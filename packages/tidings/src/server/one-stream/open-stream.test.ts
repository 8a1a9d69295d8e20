import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { openStream } from "./open-stream.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  while (closers.length > 0) await closers.pop()!();
});

const url = "http://127.0.0.1/";

test("a Request alone gives a stream with its response", async () => {
  const stream = openStream(new Request(url));
  expect(stream.send({ data: { a: 1 } })).toBe("queued");
  stream.end();
  expect(await stream.response.text()).toBe(':\n\ndata: {"a":1}\n\n');
  expect((await stream.ended).code).toBe("ended");
});

test("a source may be an array, an async iterable, a generator function, or a function that makes one later", async () => {
  async function* counting() {
    yield { data: 1 };
    yield { data: 2 };
  }
  const sources = [
    [{ data: 1 }, { data: 2 }],
    counting(),
    counting,
    () => Promise.resolve(counting()),
    new ReadableStream({
      start(controller) {
        controller.enqueue({ data: 1 });
        controller.enqueue({ data: 2 });
        controller.close();
      },
    }) as unknown as AsyncIterable<{ data: number }>,
  ];
  for (const source of sources) {
    const { response } = openStream(new Request(url), source);
    expect(await response.text()).toBe(":\n\ndata: 1\n\ndata: 2\n\n");
  }
});

test("a source is asked for the next only when the last was taken", async () => {
  let asked = 0;
  const { response } = openStream(new Request(url), function* () {
    for (;;) yield { data: ++asked };
  });
  const reader = response.body!.getReader();
  await new Promise(setImmediate);
  expect(asked).toBe(1);
  for (let i = 0; i < 3; i++) {
    await reader.read();
    await new Promise(setImmediate);
  }
  expect(asked).toBeGreaterThan(1);
  expect(asked).toBeLessThanOrEqual(4);
  await reader.cancel();
});

test("a generator is given the stream, whose signal stops what it waits for", async () => {
  const events: unknown[] = [];
  const { response, ended } = openStream(
    new Request(url),
    async function* (stream) {
      try {
        yield { data: 1 };
        await new Promise((_, reject) =>
          stream.signal.addEventListener("abort", () => reject(stream.signal.reason as Error)),
        );
      } finally {
        events.push("finally");
      }
    },
    { onError: (error) => events.push(error) },
  );
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  expect((await ended).code).toBe("peer-left");
  await expect.poll(() => events).toEqual(["finally"]);
});

test("what a source throws cuts the response and is told, whether thrown at once, later, or while it returns", async () => {
  const failure = new Error("no such model");
  const failing = [
    () => {
      throw failure;
    },
    () => Promise.reject(failure),
    // oxlint-disable-next-line require-yield -- it fails before it has anything to yield
    async function* () {
      throw failure;
    },
  ];
  for (const source of failing) {
    const errors: unknown[] = [];
    const stream = openStream(new Request(url), source, { onError: (error) => errors.push(error) });
    await expect(stream.response.text()).rejects.toMatchObject({ code: "source-failed", cause: failure });
    expect(errors).toEqual([failure]);
  }

  const errors: unknown[] = [];
  const { response } = openStream(
    new Request(url),
    async function* () {
      try {
        for (;;) yield { data: 1 };
      } finally {
        // oxlint-disable-next-line no-unsafe-finally -- what is tested
        throw failure;
      }
    },
    { onError: (error) => errors.push(error) },
  );
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await expect.poll(() => errors).toEqual([failure]);
});

test("what a source says before it fails arrives before the cut, also over HTTP/1.0 and through wrapped responses", async () => {
  const wraps: ((response: ServerResponse) => void)[] = [
    () => undefined,
    (response) => {
      const write = response.write.bind(response) as (bytes: Uint8Array) => boolean;
      response.write = (bytes: Uint8Array) => write(bytes);
    },
  ];
  for (const wrap of wraps) {
    for (const version of ["1.0", "1.1"]) {
      const server = createServer((request, response) => {
        wrap(response);
        const source = async function* (): AsyncGenerator<{ event: string; data: string }> {
          yield { event: "error", data: "the model failed" };
          throw new Error("failed");
        };
        openStream(request, response, source, { onError: () => undefined });
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
      let text = "";
      socket.on("data", (bytes: Buffer) => (text += bytes.toString())).on("error", () => undefined);
      socket.write(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
      await once(socket, "close");
      server.close();
      expect(text).toContain("event: error\ndata: the model failed\n\n");
      expect(text).not.toMatch(/0\r\n\r\n$/);
    }
  }
});

test("a message that an array cannot be told of is a failure of the source", async () => {
  const errors: unknown[] = [];
  const { response } = openStream(new Request(url), [{ data: 1 }, { event: "a\rb" }, { data: 2 }], {
    onError: (error) => errors.push(String(error)),
  });
  await expect(response.text()).rejects.toThrow("its source failed");
  expect(errors).toEqual([
    expect.stringContaining(String.raw`TypeError: Cannot encode message: event is "a\rb"`),
  ]);
});

test("a source is not started for HEAD, nor for a peer that has left", async () => {
  let started = 0;
  const source = () => (started++, []);
  const head = openStream(new Request(url, { method: "HEAD" }), source);
  const gone = openStream(new Request(url, { signal: AbortSignal.abort() }), source);
  expect([(await head.ended).code, (await gone.ended).code, started]).toEqual(["head", "peer-left", 0]);
});

test("a wrong option is found before anything is sent, so that the application can still answer", async () => {
  const reply = await talk((req, res) => {
    try {
      openStream(req, res, { heartbeatMs: -1 });
    } catch (error) {
      res.writeHead(500).end(String(error));
    }
  });
  expect([reply.status, await reply.text()]).toEqual([
    500,
    "RangeError: Cannot open event stream: heartbeatMs is -1, expected a number above 0, or false",
  ]);
});

test("a call with the wrong objects says which are right", () => {
  const open = openStream as (...args: unknown[]) => unknown;
  const request = { headers: {}, httpVersionMajor: 1 };
  const expected = "expected a Request, or a Node request and its response";
  expect(() => open()).toThrow(new TypeError(`Cannot open event stream: request is undefined, ${expected}`));
  expect(() => open(request)).toThrow(
    new TypeError(`Cannot open event stream: response is missing, ${expected}`),
  );
  expect(() => open({ req: request, res: {} })).toThrow(
    /request is of type object without headers.*: give the request that is inside this context, and for Koa its ctx\.res$/,
  );
});

test("a ReadableStream is cancelled when the peer leaves while nothing comes", async () => {
  const cancelled: unknown[] = [];
  const reply = await talk((req, res) => {
    openStream(
      req,
      res,
      new ReadableStream<{ data: number }>({
        start: (controller) => controller.enqueue({ data: 1 }),
        cancel: (reason) => void cancelled.push(reason),
      }),
    );
  });
  const reader = reply.body!.getReader();
  for (
    let text = "";
    !text.includes("data: 1");
    text += new TextDecoder().decode((await reader.read()).value)
  );
  await reader.cancel();
  await expect.poll(() => cancelled).toMatchObject([{ code: "peer-left" }]);
});

test("a source that fails is reported once", async () => {
  const errors: unknown[] = [];
  const boom = new Error("boom");
  const source = new ReadableStream<{ data: number }>({ start: (controller) => controller.error(boom) });
  const stream = openStream(new Request("http://localhost/"), source, {
    onError: (error) => errors.push(error),
  });
  await expect(stream.response.text()).rejects.toThrow(/./);
  expect(errors).toEqual([boom]);
});

test("what else ends the response ends the stream", async () => {
  const codes: string[] = [];
  const reply = await talk((req, res) => {
    const stream = openStream(req, res);
    void stream.ended.then(({ code }) => codes.push(code));
    stream.send({ data: 1 });
    res.end();
  });
  expect(await reply.text()).toBe(":\n\ndata: 1\n\n");
  await expect.poll(() => codes).toEqual(["peer-left"]);
});

async function talk(listener: RequestListener): Promise<Response> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
