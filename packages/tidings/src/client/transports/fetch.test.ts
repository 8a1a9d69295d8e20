import { Readable } from "node:stream";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { serve } from "../../../../../test/support/serve.ts";
import { connect } from "../connect.ts";
import { fetchTransport, type FetchTransportOptions } from "./fetch.ts";
import type { TransportResponse, TransportSink } from "./transport.ts";

// A machine may be busy with much else.
vi.setConfig({ testTimeout: 60_000 });
const eventually = (check: () => unknown, options?: { timeout?: number; interval?: number }) =>
  vi.waitFor(check, { timeout: 20_000, interval: 5, ...options });

/** Opens, and writes down what the sink is told. */
function open(url: string, options: FetchTransportOptions = {}, more: Partial<TransportSink> = {}) {
  const told: string[] = [];
  let response: TransportResponse | undefined;
  const decoder = new TextDecoder();
  const opened = fetchTransport(options).open(
    { url, method: "GET", headers: {} },
    {
      onResponse(came) {
        response = came;
        told.push(`response ${came.status}`);
      },
      onBytes: (chunk) => void told.push(decoder.decode(chunk)),
      onEnd: () => void told.push("end"),
      onError: (error) =>
        void told.push(`error ${(error as { code?: string }).code ?? (error as Error).name}`),
      ...more,
    },
  );
  const abort = () => opened.abort();
  onTestFinished(abort);
  return { told, abort, response: () => response! };
}

describe("fetchTransport()", () => {
  test("reports the response, its bytes and its end, in this order and after open() has returned", async () => {
    let goOn = () => {};
    const url = await serve((_request, response) => {
      response.setHeader("x-a", "1").write("one");
      goOn = () => response.end("two");
    });
    const { told, response } = open(url);
    expect(told).toEqual([]);
    await eventually(() => expect(told).toEqual(["response 200", "one"]));
    goOn();
    await eventually(() => expect(told).toEqual(["response 200", "one", "two", "end"]));
    expect([response().url, response().header("x-a"), response().header("x-b")]).toEqual([url, "1", null]);
  });

  test("reports a response that breaks off as an error, and one that never came", async () => {
    let cut = () => {};
    const url = await serve((request, response) => {
      if (request.url !== "/") return request.socket.destroy();
      response.write("one");
      cut = () => response.destroy();
    });
    const broken = open(url);
    await eventually(() => expect(broken.told).toEqual(["response 200", "one"]));
    cut();
    await eventually(() => expect(broken.told).toEqual(["response 200", "one", "error TypeError"]));
    const refused = open(`${url}never`);
    await eventually(() => expect(refused.told).toEqual(["error TypeError"]));
  });

  test("reports nothing after abort(), and cuts the connection", async () => {
    let cut = false;
    const url = await serve((_request, response) => {
      response.on("close", () => (cut = true));
      response.write("one");
    });
    const { told, abort } = open(url);
    await eventually(() => expect(told).toHaveLength(2));
    abort();
    await eventually(() => expect(cut).toBe(true));
    expect(told).toEqual(["response 200", "one"]);
  });

  test("cancels the body of a response that came after abort(), and of one that nobody has begun to read", async () => {
    let cancelled = 0;
    let respond = () => {};
    const fetch = () =>
      new Promise<Response>((resolve) => {
        respond = () => resolve(new Response(new ReadableStream({ cancel: () => void cancelled++ })));
      });
    const late = open("https://a.example/", { fetch });
    late.abort();
    respond();
    await eventually(() => expect(cancelled).toBe(1));
    let answered = false;
    const unread = open(
      "https://a.example/",
      { fetch },
      {
        onResponse() {
          answered = true;
          return new Promise(() => {});
        },
      },
    );
    respond();
    await eventually(() => expect(answered).toBe(true));
    unread.abort();
    await eventually(() => expect(cancelled).toBe(2));
    expect([late.told, unread.told]).toEqual([[], []]);
  });

  test("reads no further while the sink is behind, so that the server feels it", async () => {
    let written = 0;
    const url = await serve((_request, response) => {
      const chunk = Buffer.alloc(65_536, 120);
      const write = () => {
        while (written < 64 * 2 ** 20) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", write);
        }
        response.end();
      };
      write();
    });
    let read = 0;
    const { abort } = open(
      url,
      {},
      {
        onBytes(chunk) {
          read += chunk.length;
          return new Promise(() => {});
        },
      },
    );
    await eventually(() => expect(read).toBeGreaterThan(0));
    // What is on its way fills the buffers between, and then no more is written.
    let before = -1;
    await eventually(
      () => {
        const stands = written === before;
        before = written;
        expect(stands).toBe(true);
      },
      { timeout: 10_000, interval: 200 },
    );
    expect(written).toBeLessThan(32 * 2 ** 20);
    abort();
  });

  test("says of a protocol that has no event streams, and of a fetch that cannot stream, that it is no use", async () => {
    const ftp = open("ftp://a.example/");
    await eventually(() => expect(ftp.told).toEqual(["error unsupported"]));
    const whole = { status: 200, headers: new Headers(), url: "", body: undefined } as unknown as Response;
    const old = open("https://a.example/", { fetch: () => Promise.resolve(whole) });
    await eventually(() => expect(old.told).toEqual(["error unsupported"]));
    // As of node-fetch.
    const node = new Response() as unknown as { body: unknown };
    Object.defineProperty(node, "body", { value: Readable.from(["data: 1\n\n"]) });
    const other = open("https://a.example/", { fetch: () => Promise.resolve(node as Response) });
    await eventually(() => expect(other.told).toEqual(["error unsupported"]));
  });

  test("reads on after an empty chunk, of whichever type", async () => {
    const chunks = ["one", "", "two", new Uint8Array(), "three"];
    const body = new ReadableStream({
      pull(controller) {
        if (chunks.length === 0) controller.close();
        else controller.enqueue(chunks.shift());
      },
    });
    const response = { status: 200, headers: new Headers(), url: "", body } as unknown as Response;
    let text = "";
    const onBytes = (chunk: unknown) => void (text += chunk as string);
    const { told } = open("https://a.example/", { fetch: () => Promise.resolve(response) }, { onBytes });
    await eventually(() => expect(told).toEqual(["response 200", "end"]));
    expect(text).toBe("onetwothree");
  });

  test.each<[string, () => unknown]>([
    ["gives nothing", () => undefined],
    [
      "throws",
      () => {
        throw new Error("cancelled already");
      },
    ],
    ["rejects", () => Promise.reject(new Error("cancelled already"))],
  ])("is quiet after abort() though cancel() of the body %s", async (_name, cancel) => {
    const uncaught = vi.fn();
    vi.stubGlobal("reportError", uncaught);
    onTestFinished(() => void vi.unstubAllGlobals());
    const getReader = () => ({ read: () => new Promise(() => undefined), cancel });
    const response = { status: 200, headers: new Headers(), url: "", body: { getReader } };
    const { told, abort } = open("https://a.example/", {
      fetch: () => Promise.resolve(response as unknown as Response),
    });
    await eventually(() => expect(told).toEqual(["response 200"]));
    abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([told, uncaught.mock.calls]).toEqual([["response 200"], []]);
  });

  test("passes over options that the platform does not have", async () => {
    const inits: RequestInit[] = [];
    const fetch = (_url: string, init: RequestInit) => {
      inits.push(init);
      return new Promise<Response>(() => {});
    };
    const Platform = globalThis.Request;
    globalThis.Request = function () {} as unknown as typeof Request;
    try {
      open("https://a.example/", { fetch, credentials: "include" });
    } finally {
      globalThis.Request = Platform;
    }
    await eventually(() => expect(Object.keys(inits[0]!).sort()).toEqual(["headers", "method", "signal"]));
  });

  test("passes init on", async () => {
    const inits: RequestInit[] = [];
    const fetch = (_url: string, init: RequestInit) => {
      inits.push(init);
      return new Promise<Response>(() => {});
    };
    open("https://a.example/", { fetch, init: { mode: "cors", cache: "reload" } });
    await eventually(() => expect(inits[0]).toMatchObject({ mode: "cors", cache: "reload", method: "GET" }));
  });
});

test("a last event ID may have any length", async () => {
  const inits: RequestInit[] = [];
  const fetch = (_url: string, init: RequestInit) => {
    inits.push(init);
    return new Promise<Response>(() => {});
  };
  const opened = fetchTransport({ fetch }).open(
    { url: "https://a.example/", method: "GET", headers: { "last-event-id": "é".repeat(500_000) } },
    { onResponse() {}, onBytes() {}, onEnd() {}, onError: (error) => expect.fail(String(error)) },
  );
  onTestFinished(() => opened.abort());
  await eventually(() => expect(inits).toHaveLength(1));
  const { "last-event-id": sent } = inits[0]!.headers as Record<string, string>;
  expect(Buffer.from(sent!, "latin1").toString()).toBe("é".repeat(500_000));
});

describe("for await over fetch", () => {
  test("slows the server down to the reader's pace", async () => {
    let written = 0;
    const url = await serve((_request, response) => {
      response.setHeader("content-type", "text/event-stream");
      const message = `data: ${"x".repeat(65_536)}\n\n`;
      const write = () => {
        while (written < 1000) {
          written++;
          if (!response.write(message)) return void response.once("drain", write);
        }
      };
      write();
    });
    const connection = connect(url);
    let taken = 0;
    for await (const message of connection) {
      expect(message.data).toHaveLength(65_536);
      if (++taken === 3) break;
    }
    expect(written).toBeLessThan(500);
  });
});
