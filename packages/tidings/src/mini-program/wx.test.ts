import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { TransportError } from "../client/transports/transport-error.ts";
import type { TransportResponse } from "../client/transports/transport.ts";
import { fromWx, type WxOptions } from "./wx.ts";

type Listener = (result: object) => void;
interface Asked {
  url: string;
  data?: unknown;
  success: Listener;
  fail: Listener;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const bytes = (text: string): ArrayBuffer => new TextEncoder().encode(text).buffer;
const STREAM = { header: { "Content-Type": "text/event-stream" } };

/** A request over a `wx` that does nothing by itself: the test calls back as a host would. */
function open({ task = {}, options, body }: { task?: object; options?: WxOptions; body?: unknown } = {}) {
  const told: string[] = [];
  const asked: Asked[] = [];
  let aborts = 0;
  let headers: Listener = () => {};
  let chunk: Listener = () => {};
  let response: TransportResponse | undefined;
  const errors: TransportError[] = [];
  const wx = {
    request(given: object) {
      asked.push(given as Asked);
      return Object.assign(
        {
          abort: () => void aborts++,
          onHeadersReceived: (listener: Listener) => void (headers = listener),
          onChunkReceived: (listener: Listener) => void (chunk = listener),
        },
        task,
      );
    },
  };
  const opened = fromWx(wx, options).open(
    { url: "https://a.example/", method: "POST", headers: { accept: "text/event-stream" }, body },
    {
      onResponse(received) {
        response = received;
        told.push(`response ${received.status}`);
      },
      onBytes: (part) => void told.push(`bytes ${new TextDecoder().decode(part)}`),
      onText: (part) => void told.push(`text ${part}`),
      onEnd: () => void told.push("end"),
      onError(error) {
        errors.push(error as TransportError);
        told.push(`${(error as TransportError).code}: ${(error as Error).message}`);
      },
    },
  );
  return {
    told,
    errors,
    opened,
    request: asked[0]!,
    headers: (result: object) => headers(result),
    chunk: (data: unknown) => chunk({ data }),
    succeed: (result: object) => asked[0]!.success(result),
    fail: (errMsg: string | undefined) => asked[0]!.fail({ errMsg }),
    get response() {
      return response!;
    },
    get aborts() {
      return aborts;
    },
  };
}

describe("fromWx()", () => {
  test("asks for chunks as bytes that nobody parses, and for time", () => {
    expect(open({ body: { q: 1 } }).request).toMatchObject({
      url: "https://a.example/",
      method: "POST",
      header: { accept: "text/event-stream" },
      data: { q: 1 },
      enableChunked: true,
      responseType: "arraybuffer",
      dataType: "text",
      timeout: 600_000,
    });
  });

  test("passes other options on, and keeps those that a stream needs", () => {
    const { request } = open({
      options: { timeoutMs: 1000, request: { forceCellularNetwork: true, enableChunked: false } },
    });
    expect(request).toMatchObject({ timeout: 1000, forceCellularNetwork: true, enableChunked: true });
  });

  test("sends a view as the buffer that the host takes", () => {
    const { request } = open({ body: new Uint8Array([1, 2, 3, 4]).subarray(1, 3) });
    expect(request.data).toEqual(new Uint8Array([2, 3]).buffer);
  });

  test("tells the response, the chunks, the end", () => {
    const stream = open();
    stream.headers({ statusCode: 200, header: { "Content-Type": "text/event-stream", "X-A": 1 } });
    stream.chunk(bytes("a"));
    stream.chunk(new Uint8Array(bytes("-b-"), 1, 1));
    stream.chunk("c");
    stream.succeed({ statusCode: 200, data: bytes("") });
    expect(stream.told).toEqual(["response 200", "bytes a", "bytes b", "text c", "end"]);
    expect(stream.response.url).toBe("https://a.example/");
    expect([stream.response.header("x-a"), stream.response.header("x-b")]).toEqual(["1", null]);
    // Not a header, for all that every object has it.
    expect(stream.response.header("constructor")).toBeNull();
  });

  test("keeps chunks that come before the headers", () => {
    const stream = open();
    stream.chunk(bytes("a"));
    expect(stream.told).toEqual([]);
    stream.headers({ statusCode: 200, ...STREAM });
    expect(stream.told).toEqual(["response 200", "bytes a"]);
  });

  test("does not keep more than 64 KiB of them", () => {
    const stream = open();
    stream.chunk(bytes("a".repeat(65_536)));
    expect(stream.told).toEqual([]);
    stream.chunk("b");
    expect(stream.told).toEqual(["response undefined", `bytes ${"a".repeat(65_536)}`, "text b"]);
  });

  test("does not wait for headers that the host cannot tell", () => {
    const stream = open({ task: { onHeadersReceived: undefined } });
    stream.chunk(bytes("a"));
    expect(stream.told).toEqual(["response undefined", "bytes a"]);
  });

  test("does not wait for the status of an event stream", () => {
    const stream = open();
    stream.headers(STREAM);
    expect(stream.told).toEqual(["response undefined"]);
  });

  test("waits for the status of anything else, and keeps its body", async () => {
    const stream = open();
    stream.headers({ header: { "content-type": "application/json" } });
    stream.chunk(bytes('{"error":'));
    stream.chunk(bytes('"no"}'));
    expect(stream.told).toEqual([]);
    stream.succeed({ statusCode: 401, data: bytes("") });
    expect(stream.told).toEqual(["response 401", 'bytes {"error":', 'bytes "no"}', "end"]);
  });

  test("takes the body at the end where no chunk came", () => {
    for (const [data, told] of [
      [bytes("a"), "bytes a"],
      ["a", "text a"],
      [{ error: "no" }, 'text {"error":"no"}'],
    ] as const) {
      const stream = open();
      stream.succeed({ statusCode: 200, data, ...STREAM });
      expect(stream.told).toEqual(["response 200", told, "end"]);
    }
  });

  test("does not take it where chunks came", () => {
    const stream = open();
    stream.headers({ statusCode: 200, ...STREAM });
    stream.chunk(bytes("a"));
    stream.succeed({ statusCode: 200, data: bytes("a") });
    expect(stream.told).toEqual(["response 200", "bytes a", "end"]);
  });

  test("gives the body of a refusal to whoever asks, and to nobody else", async () => {
    const stream = open();
    stream.headers({ statusCode: 500, header: {} });
    const text = stream.response.text!();
    stream.chunk(new TextEncoder().encode("错误").subarray(0, 4));
    stream.chunk(new TextEncoder().encode("错误").subarray(4));
    stream.succeed({ statusCode: 500, data: undefined });
    expect(await text).toBe("错误");
    expect(stream.told).toEqual(["response 500", "end"]);
  });

  test.each([
    ["request:fail timeout", "timeout"],
    ["request:fail time out", "timeout"],
    ["request:fail:请求超时", "timeout"],
    ["request:fail interrupted", "interrupted"],
    ["request:fail abort", "interrupted"],
    ["request:fail url not in domain list", "unsupported"],
    ["request:fail 似乎已断开与互联网的连接", "network"],
    ["request:fail", "network"],
  ])("tells %s apart", (errMsg, code) => {
    const stream = open();
    stream.fail(errMsg);
    expect(stream.told).toEqual([`${code}: ${errMsg}`]);
    expect(stream.errors[0]!.cause).toEqual({ errMsg });
  });

  test("fails even where the host says nothing", () => {
    const stream = open();
    stream.fail(undefined);
    expect(stream.told).toEqual(["network: request:fail"]);
  });

  test("hears nothing after an abort", () => {
    const stream = open();
    stream.headers({ statusCode: 200, ...STREAM });
    stream.opened.abort();
    stream.opened.abort();
    stream.chunk(bytes("late"));
    stream.fail("request:fail abort");
    stream.succeed({ statusCode: 200 });
    expect(stream.told).toEqual(["response 200"]);
    expect(stream.aborts).toBe(1);
  });

  test("hears the end once, whatever the host calls", () => {
    const stream = open();
    stream.succeed({ statusCode: 200, data: "", ...STREAM });
    stream.fail("request:fail");
    stream.chunk("late");
    expect(stream.told).toEqual(["response 200", "end"]);
  });

  test("ends a request that cannot stream, and says how it could", () => {
    const stream = open({ task: { onChunkReceived: undefined } });
    expect(stream.told).toEqual([]);
    vi.runAllTimers();
    expect(stream.told).toEqual([expect.stringMatching(/^unsupported: .*2\.20\.2/)]);
    expect(stream.aborts).toBe(1);
  });

  test("tells what the host throws, later", () => {
    const error = new Error("request:fail parameter error");
    const told: unknown[] = [];
    fromWx({
      request() {
        throw error;
      },
    }).open(
      { url: "https://a.example/", method: "GET", headers: {} },
      { onResponse() {}, onBytes() {}, onEnd() {}, onError: (cause) => void told.push(cause) },
    );
    expect(told).toEqual([]);
    vi.runAllTimers();
    expect(told).toEqual([
      expect.objectContaining({ code: "network", message: error.message, cause: error }),
    ]);
  });

  test("leaves no rejection unhandled where the task is a promise", async () => {
    const rejected = Promise.reject(new Error("request:fail abort"));
    open({ task: { then: rejected.then.bind(rejected) } });
    // Vitest fails the run for one that is.
    await vi.runAllTimersAsync();
    await expect(rejected).rejects.toThrow("abort");
  });

  test("refuses what is not wx", () => {
    expect(() => fromWx(undefined as never)).toThrow(
      new TypeError(
        "Cannot make a transport from wx: wx.request is not a function, expected the mini program's global wx",
      ),
    );
  });
});

describe("fromWx().watch()", () => {
  function watch(host: object = {}, options?: WxOptions) {
    const told: string[] = [];
    const listeners = new Map<string, Listener>();
    const wx: Record<string, unknown> = { request: () => undefined };
    for (const name of ["AppShow", "AppHide", "NetworkStatusChange"]) {
      wx[`on${name}`] = (listener: Listener) => void listeners.set(name, listener);
      wx[`off${name}`] = (listener: Listener) => listeners.get(name) === listener && listeners.delete(name);
    }
    const stop = fromWx(Object.assign(wx, host) as never, options).watch!({
      onHide: () => void told.push("hide"),
      onShow: (interrupted) => void told.push(interrupted ? "show, interrupted" : "show"),
      onNetwork: (online) => void told.push(online ? "online" : "offline"),
    });
    return { told, listeners, stop, tell: (name: string, result = {}) => listeners.get(name)?.(result) };
  }

  test("tells by the clock whether the host has killed the requests meanwhile", () => {
    const { told, tell } = watch();
    tell("AppShow");
    tell("AppHide");
    vi.setSystemTime(Date.now() + 4999);
    tell("AppShow");
    tell("AppHide");
    vi.setSystemTime(Date.now() + 5000);
    tell("AppShow");
    expect(told).toEqual(["hide", "show", "hide", "show, interrupted"]);
  });

  test("knows that a PC goes on", () => {
    const { told, tell } = watch({ getDeviceInfo: () => ({ platform: "windows" }) });
    tell("AppHide");
    vi.setSystemTime(Date.now() + 60_000);
    tell("AppShow");
    expect(told).toEqual(["hide", "show"]);
  });

  test("tells of another network, and not of the same again", () => {
    const { told, tell } = watch();
    tell("NetworkStatusChange", { isConnected: true, networkType: "4g" });
    tell("NetworkStatusChange", { isConnected: true, networkType: "4g" });
    tell("NetworkStatusChange", { isConnected: false, networkType: "none" });
    tell("NetworkStatusChange", { isConnected: true, networkType: "wifi" });
    expect(told).toEqual(["online", "offline", "online"]);
  });

  test("takes its listeners back, and is silent where a host cannot", () => {
    const good = watch();
    good.stop();
    expect(good.listeners.size).toBe(0);
    const old = watch({ offAppShow: undefined, offAppHide: undefined, offNetworkStatusChange: undefined });
    old.stop();
    old.tell("AppHide");
    old.tell("AppShow");
    old.tell("NetworkStatusChange", { isConnected: true });
    expect(old.told).toEqual([]);
  });

  test("does without what a host lacks", () => {
    const { told, stop } = watch({
      onAppShow: undefined,
      onAppHide: undefined,
      onNetworkStatusChange: undefined,
    });
    stop();
    expect(told).toEqual([]);
  });
});
