/** Hosts as nobody should write them: whatever they give, throw or call, the connection tells what became of it, and the host hears nothing. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connect, fromTaro, fromTt, fromUni, fromWx } from "./index.ts";
import type { Connection } from "../client/core/connection.ts";
import type { Transport } from "../client/transports/transport.ts";

const mistake = new Error("the host's mistake");
const fails = (): never => {
  throw mistake;
};
const bytes = (text: string) => new TextEncoder().encode(text);
const buffer = (text: string) => bytes(text).buffer;
const head = { statusCode: 200, header: { "Content-Type": "text/event-stream" } };

interface Given {
  readonly success: (result?: unknown) => void;
  readonly fail: (result?: unknown) => void;
}
type Listener = (result?: unknown) => void;

const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  process.on("unhandledRejection", note);
  vi.stubGlobal("reportError", note);
});
afterEach(() => {
  expect(uncaught.splice(0)).toEqual([]);
  process.off("unhandledRejection", note);
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What a call of the host threw into it. */
const thrown: unknown[] = [];
function call(listener: Listener | undefined, ...values: unknown[]): void {
  try {
    listener?.(...values);
  } catch (error) {
    thrown.push(error);
  }
}

/** @returns What came of a connection over this transport, within ten minutes. */
async function outcome(transport: Transport, method = "GET"): Promise<string[]> {
  const lines: string[] = [];
  const connection: Connection = connect("https://a/", {
    transport,
    method,
    ...(method === "POST" && { body: "x" }),
    onMessage: ({ event, data, id }) => void lines.push(`message ${JSON.stringify([event, data, id])}`),
    onError: ({ code }) => void lines.push(code),
  });
  for (let second = 0; second < 600 && lines.length === 0 && connection.state !== "closed"; second++) {
    await vi.advanceTimersByTimeAsync(1000);
  }
  if (lines.length === 0 && connection.state !== "closed") lines.push(`silent, ${connection.state}`);
  connection.close();
  await connection.ended;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(thrown.splice(0)).toEqual([]);
  return lines.slice(0, 2);
}

/** A host whose request is told of by `run`. */
function hostOf(run: (given: Given, listeners: Record<string, Listener>) => void, task: object = {}) {
  return {
    request(given: Given): unknown {
      const listeners: Record<string, Listener> = {};
      const whole = {
        abort: () => undefined,
        onHeadersReceived: (listener: Listener) => void (listeners["headers"] = listener),
        onChunkReceived: (listener: Listener) => void (listeners["chunk"] = listener),
        ...task,
      };
      setTimeout(() => run(given, listeners), 10);
      return whole;
    },
  };
}

const MESSAGE = 'message ["message","1",""]';
const chunkOf = (data: unknown) =>
  hostOf((_given, { headers, chunk }) => {
    call(headers, head);
    call(chunk, { data });
  });

describe("wx", () => {
  const text = "data: 1\n\n";
  test.each<[name: string, host: object, due: string | RegExp]>([
    ["request throws", { request: fails }, "network"],
    ["request gives nothing", { request: () => undefined }, "unsupported"],
    ["request gives a number", { request: () => 7 }, "unsupported"],
    ["request gives a promise that rejects", { request: () => Promise.reject(mistake) }, "unsupported"],
    ["nothing is ever called", hostOf(() => undefined), /idle|timeout/],
    [
      "onHeadersReceived throws",
      hostOf(() => undefined, { onHeadersReceived: fails }),
      /unsupported|network/,
    ],
    ["onChunkReceived throws", hostOf(() => undefined, { onChunkReceived: fails }), /unsupported|network/],
    ["abort throws", hostOf(({ fail }) => call(fail, { errMsg: "x" }), { abort: fails }), "network"],
    ["success without a result", hostOf(({ success }) => call(success)), /content-type|network|status|ended/],
    ["success with null", hostOf(({ success }) => call(success, null)), /content-type|network|status|ended/],
    ["fail without a result", hostOf(({ fail }) => call(fail)), "network"],
    ["fail with a number for errMsg", hostOf(({ fail }) => call(fail, { errMsg: 5 })), "network"],
    ["fail with a text", hostOf(({ fail }) => call(fail, "no")), "network"],
    [
      "headers without a result, and then a stream",
      hostOf((_given, { headers, chunk }) => {
        call(headers);
        call(chunk);
        call(chunk, null);
        call(headers, head);
        call(chunk, { data: buffer(text) });
      }),
      MESSAGE,
    ],
    [
      "header values that cannot be shown",
      hostOf((_given, { headers, chunk }) => {
        call(headers, { statusCode: 200, header: { x: Object.create(null), ...head.header } });
        call(chunk, { data: buffer(text) });
      }),
      MESSAGE,
    ],
    [
      "a status that is text",
      hostOf((_given, { headers, chunk }) => {
        call(headers, { ...head, statusCode: "200" });
        call(chunk, { data: buffer(text) });
      }),
      MESSAGE,
    ],
    [
      "a refusal whose status is text",
      hostOf(({ success }) => call(success, { statusCode: "403" })),
      "status",
    ],
    [
      "everything twice, and late",
      hostOf(({ success, fail }, { headers, chunk }) => {
        for (let time = 0; time < 2; time++) {
          call(headers, head);
          if (time === 0) call(chunk, { data: buffer(text) });
          call(success, { ...head, data: "" });
          call(fail, { errMsg: "request:fail" });
        }
        setTimeout(() => {
          call(chunk, { data: buffer(text) });
          call(success, head);
        }, 5000);
      }),
      MESSAGE,
    ],
    [
      "success before request returns",
      {
        request({ success }: Given) {
          call(success, { ...head, data: buffer(text) });
          return { onChunkReceived: () => undefined };
        },
      },
      MESSAGE,
    ],
    [
      "a chunk before onChunkReceived returns, and the next soon after",
      hostOf(() => undefined, {
        onHeadersReceived: (listener: Listener) => call(listener, head),
        onChunkReceived(listener: Listener) {
          call(listener, { data: buffer("data: 1\n") });
          void Promise.resolve().then(() => call(listener, { data: buffer("data: 2\n\n") }));
        },
      }),
      'message ["message","1\\n2",""]',
    ],
    [
      "a chunk whose data throws",
      hostOf((_given, { headers, chunk }) => {
        call(headers, head);
        call(chunk, Object.defineProperty({}, "data", { get: fails }));
      }),
      "unsupported",
    ],
    [
      "a chunk that was given to somebody else",
      hostOf((_given, { headers, chunk }) => {
        const data = buffer(text);
        structuredClone(data, { transfer: [data] });
        call(headers, head);
        call(chunk, { data });
      }),
      "unsupported",
    ],
    [
      "fail with an errMsg that cannot be shown",
      hostOf(({ fail }) => call(fail, { errMsg: Symbol("no") })),
      "unsupported",
    ],
    ["chunks of text", chunkOf(text), MESSAGE],
    ["chunks of a Uint8Array", chunkOf(bytes(text)), MESSAGE],
    ["chunks of a Uint8ClampedArray", chunkOf(new Uint8ClampedArray(bytes(text))), MESSAGE],
    ["chunks of a DataView", chunkOf(new DataView(buffer(text))), MESSAGE],
    ["chunks of a number", chunkOf(7), "unsupported"],
    ["chunks of an array", chunkOf([...bytes(text)]), "unsupported"],
    [
      "chunks of an object that leads to itself",
      chunkOf(
        (() => {
          const own: Record<string, unknown> = {};
          return Object.assign(own, { own });
        })(),
      ),
      "unsupported",
    ],
  ])("%s", async (_name, host, due) => {
    for (const make of [fromWx, fromUni]) {
      const lines = await outcome(make(host as never));
      expect(lines[0]).toMatch(due instanceof RegExp ? due : new RegExp(`^${escaped(due)}$`));
    }
  });

  test("a request that is made and whose listeners throw is aborted", async () => {
    const abort = vi.fn();
    await outcome(fromWx(hostOf(() => undefined, { abort, onChunkReceived: fails })), "POST");
    expect(abort).toHaveBeenCalled();
  });
});

describe("Taro and uni-app", () => {
  const streams = chunkOf(buffer("data: 1\n\n"));
  test.each<[name: string, make: () => Transport]>([
    ["getEnv gives nothing", () => fromTaro({ getEnv: () => undefined, miniGlobal: streams })],
    ["getEnv gives a number", () => fromTaro({ getEnv: () => 5, miniGlobal: streams })],
    ["getEnv throws", () => fromTaro({ getEnv: fails, miniGlobal: streams })],
    ["getSystemInfoSync throws", () => fromUni({ ...streams, getSystemInfoSync: fails } as never)],
    ["getSystemInfoSync gives null", () => fromUni({ ...streams, getSystemInfoSync: () => null } as never)],
    [
      "everything of the screen and the network throws",
      () =>
        fromWx({
          ...streams,
          getDeviceInfo: fails,
          getNetworkType: fails,
          onAppShow: fails,
          offAppShow: fails,
          onAppHide: fails,
          onNetworkStatusChange: fails,
          offNetworkStatusChange: fails,
        } as never),
    ],
    [
      "the network says nothing",
      () =>
        fromWx({
          ...streams,
          getNetworkType: ({ success }: { success: Listener }) => call(success),
          onNetworkStatusChange: (listener: Listener) => call(listener),
        } as never),
    ],
  ])("%s", async (_name, make) => {
    expect((await outcome(make()))[0]).toBe(MESSAGE);
  });
});

describe("tt", () => {
  const eventSource = (run: (on: Record<string, Listener>) => void, more: object = {}) => ({
    request: fails,
    createEventSource() {
      const on: Record<string, Listener> = {};
      setTimeout(() => run(on), 10);
      return {
        onOpen: (listener: Listener) => void (on["open"] = listener),
        onMessage: (listener: Listener) => void (on["message"] = listener),
        onError: (listener: Listener) => void (on["error"] = listener),
        onClose: (listener: Listener) => void (on["close"] = listener),
        close: fails,
        ...more,
      };
    },
  });
  test.each<[name: string, host: object, due: string | RegExp]>([
    ["createEventSource throws", { request: fails, createEventSource: fails }, "network"],
    ["createEventSource gives nothing", { request: fails, createEventSource: () => undefined }, "network"],
    ["onMessage throws", eventSource(() => undefined, { onMessage: fails }), "network"],
    ["onClose throws", eventSource(() => undefined, { onClose: fails }), "network"],
    ["an error without a result", eventSource(({ error }) => call(error)), "network"],
    [
      "a message before onMessage returns, and the end soon after",
      eventSource(() => undefined, {
        onMessage: (listener: Listener) => call(listener, { data: "1" }),
        onClose: (listener: Listener) => void Promise.resolve().then(() => call(listener)),
      }),
      MESSAGE,
    ],
    [
      "a message whose data throws",
      eventSource(({ message }) => call(message, Object.defineProperty({}, "data", { get: fails }))),
      "unsupported",
    ],
    [
      "messages that are none",
      eventSource(({ message }) => [undefined, null, 5].forEach((m) => call(message, m))),
      /idle/,
    ],
    [
      "data that the host has parsed",
      eventSource(({ message }) => call(message, { data: { a: 1 } })),
      'message ["message","{\\"a\\":1}",""]',
    ],
    [
      "an id and a type that are numbers",
      eventSource(({ message }) => call(message, { data: "1", lastEventId: 7, event: 5 })),
      'message ["5","1","7"]',
    ],
  ])("%s", async (_name, host, due) => {
    const lines = await outcome(fromTt(host as never));
    expect(lines[0]).toMatch(due instanceof RegExp ? due : new RegExp(`^${escaped(due)}$`));
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
