import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { TransportError } from "../client/transports/transport-error.ts";
import type { TransportResponse } from "../client/transports/transport.ts";
import type { WxOptions } from "./wx-options.ts";
import { fromWx } from "./wx.ts";

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
function open({
  task = {},
  options,
  body,
  method = "POST",
}: { task?: object; options?: WxOptions; body?: unknown; method?: string } = {}) {
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
    { url: "https://a.example/", method, headers: { accept: "text/event-stream" }, body },
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
    /** Ends as a host does, and waits for the last chunk as long as the transport does. */
    succeed(result: object) {
      asked[0]!.success(result);
      vi.advanceTimersByTime(100);
    },
    fail(errMsg: string | undefined, more: object = {}) {
      asked[0]!.fail({ errMsg, ...more });
      vi.advanceTimersByTime(100);
    },
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

  test("reports the response, the chunks, the end", () => {
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

  test("hands over the body of a refusal as any other", () => {
    const stream = open();
    stream.headers({ statusCode: 500, header: {} });
    stream.chunk(bytes("no"));
    stream.succeed({ statusCode: 500, data: undefined });
    expect(stream.told).toEqual(["response 500", "bytes no", "end"]);
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
    expect(stream.told).toEqual([expect.stringContaining(`${code}: ${errMsg}`)]);
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

  test("ends a GET that cannot stream, and says how it could", () => {
    const stream = open({ task: { onChunkReceived: undefined }, method: "GET" });
    expect(stream.told).toEqual([]);
    vi.runAllTimers();
    expect(stream.told).toEqual([expect.stringMatching(/^unsupported: .*2\.20\.2/)]);
    expect(stream.aborts).toBe(1);
  });

  test("reads an answer that cannot stream whole, rather than pay for it and throw it away", () => {
    for (const given of [{}, { method: "GET", options: { wholeBody: true } }]) {
      const stream = open({ task: { onChunkReceived: undefined }, ...given });
      vi.runAllTimers();
      stream.request.success({ statusCode: 200, data: bytes("data: a\n\n"), ...STREAM });
      expect(stream.told).toEqual(["response 200", "bytes data: a\n\n", "end"]);
      expect(stream.aborts).toBe(0);
    }
    const refused = open({ task: { onChunkReceived: undefined }, options: { wholeBody: false } });
    vi.runAllTimers();
    expect(refused.told).toEqual([expect.stringMatching(/^unsupported: /)]);
  });

  test("reads what Alipay's request gives", () => {
    const stream = open({ task: { onChunkReceived: undefined } });
    stream.request.success({ status: 200, headers: { "content-type": "text/event-stream" }, data: "a" });
    expect(stream.told).toEqual(["response 200", "text a", "end"]);
    expect(stream.response.header("content-type")).toBe("text/event-stream");
  });

  test("delivers chunks although the headers never come", () => {
    for (const headers of [undefined, {}, { header: {} }, { header: { "x-a": "1" } }]) {
      const stream = open();
      if (headers) stream.headers(headers);
      stream.chunk(bytes("data: a\n\n"));
      stream.chunk(bytes(": b\n\n"));
      expect(stream.told).toEqual([]);
      vi.advanceTimersByTime(1000);
      expect(stream.told).toEqual(["response undefined", "bytes data: a\n\n", "bytes : b\n\n"]);
      stream.chunk(bytes("c"));
      expect(stream.told).toHaveLength(4);
    }
  });

  test("waits for the status of what looks like a refusal, where the headers never come", () => {
    const stream = open();
    stream.chunk(bytes('{"error":"no"}'));
    vi.advanceTimersByTime(60_000);
    expect(stream.told).toEqual([]);
    stream.succeed({ statusCode: 401, header: {} });
    expect(stream.told).toEqual(["response 401", 'bytes {"error":"no"}', "end"]);
  });

  test("waits for chunks that come after the end, be it a good one or not", () => {
    for (const [how, told] of [
      ["success", "end"],
      ["fail", "network: request:fail"],
    ] as const) {
      const stream = open();
      stream.headers({ statusCode: 200, ...STREAM });
      stream.chunk(bytes("a"));
      stream.request[how]({ statusCode: how === "success" ? 200 : undefined, data: bytes("") });
      vi.advanceTimersByTime(99);
      stream.chunk(bytes("b"));
      vi.advanceTimersByTime(99);
      stream.chunk(bytes("c"));
      expect(stream.told).toEqual(["response 200", "bytes a", "bytes b", "bytes c"]);
      vi.advanceTimersByTime(100);
      expect(stream.told.slice(4)).toEqual([told]);
    }
  });

  test("delivers a body once, where it comes at the end and as chunks after it", () => {
    const stream = open();
    stream.request.success({ statusCode: 200, data: bytes("a"), ...STREAM });
    stream.chunk(bytes("a"));
    vi.runAllTimers();
    expect(stream.told).toEqual(["response 200", "bytes a", "end"]);
  });

  test.each<[string, string, object]>([
    ["statusCode", "request:fail", { statusCode: 401 }],
    ["status, as Alipay calls it", "", { error: 19, status: 401 }],
    ["words", "request:fail statusCode 401", {}],
  ])("takes a failure with a status for a refusal, by its %s", (_, errMsg, more) => {
    const stream = open();
    stream.fail(errMsg, { ...more, data: '{"error":"no"}', header: { "X-A": "1" } });
    expect(stream.told).toEqual(["response 401", 'text {"error":"no"}', "end"]);
    expect(stream.response.header("x-a")).toBe("1");
  });

  test("knows compressed bytes, and says where they come from", () => {
    for (const chunk of [
      new Uint8Array([0x1f]).buffer,
      new Uint8Array([0x1f, 0x8b, 8]).buffer,
      "\x1f\ufffd",
    ]) {
      const stream = open();
      stream.headers({
        statusCode: 200,
        header: { "content-type": "text/event-stream", "content-encoding": "gzip" },
      });
      stream.chunk(chunk);
      expect(stream.told).toEqual(["response 200", expect.stringMatching(/^unsupported: .*accept-encoding/)]);
      expect(stream.aborts).toBe(1);
    }
  });

  test("names app.json where the host ends a request by its own limit", () => {
    const stream = open();
    stream.fail("request:fail timeout");
    expect(stream.told).toEqual([expect.stringContaining("networkTimeout.request in app.json")]);
  });

  test("survives a task whose methods throw", () => {
    const boom = () => {
      throw new Error("boom");
    };
    const stream = open({ task: { abort: boom, then: boom } });
    stream.opened.abort();
    expect(stream.told).toEqual([]);
  });

  test("reports what the host throws, later", () => {
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
  function watch(host: object = {}, options?: WxOptions, method = "POST") {
    const told: string[] = [];
    const listeners = new Map<string, Listener>();
    const wx: Record<string, unknown> = {
      request: (given: Asked) => ({
        abort: () => given.fail({ errMsg: "request:fail abort" }),
        onChunkReceived: (listener: Listener) => void listeners.set("chunk", listener),
      }),
      getNetworkType: ({ success }: { success: Listener }) => success({ networkType: "wifi" }),
    };
    for (const name of ["AppShow", "AppHide", "Show", "Hide", "NetworkStatusChange"]) {
      wx[`on${name}`] = (listener: Listener) => void listeners.set(name, listener);
      wx[`off${name}`] = (listener: Listener) => listeners.get(name) === listener && listeners.delete(name);
    }
    const transport = fromWx(Object.assign(wx, host) as never, options);
    const stop = transport.watch!({
      onHide: () => void told.push("hide"),
      onShow: () => void told.push("show"),
      onNetwork: (online) => void told.push(online ? "online" : "offline"),
    });
    const opened = transport.open(
      { url: "https://a.example/", method, headers: {} },
      {
        onResponse() {},
        onBytes() {},
        onEnd: () => void told.push("end"),
        onError: (error) => void told.push(`${(error as TransportError).code}: ${(error as Error).message}`),
      },
    );
    const tell = (name: string, result = {}) => listeners.get(name)?.(result);
    return {
      told,
      listeners,
      stop,
      tell,
      opened,
      chunk: () => tell("chunk", { data: bytes(":\n") }),
      /** Hidden, with JavaScript frozen. */
      away(this: void, ms: number) {
        tell("AppHide");
        vi.setSystemTime(Date.now() + ms);
        tell("AppShow");
        told.splice(0);
      },
    };
  }
  const DEAD = expect.stringMatching(
    /^interrupted: the program was in the background, and nothing came/,
  ) as string;

  test("reports when the screen is shown and hidden", () => {
    const { told, tell } = watch();
    // The launch.
    tell("AppShow");
    tell("AppHide");
    tell("AppShow");
    expect(told).toEqual(["hide", "show"]);
  });

  test("leaves a request alone that was in the background for a moment", () => {
    const { told, away } = watch();
    away(4999);
    vi.advanceTimersByTime(600_000);
    expect(told).toEqual([]);
  });

  test.each([
    ["GET", 3000],
    ["POST", 20_000],
  ])("takes a %s for dead that shows no byte for %i ms after the background", (method, ms) => {
    const { told, away } = watch({}, {}, method);
    away(5000);
    vi.advanceTimersByTime(ms - 1);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([DEAD]);
  });

  test("keeps a request whose bytes go on after the background", () => {
    const { told, away, chunk } = watch();
    away(60_000);
    vi.advanceTimersByTime(5000);
    chunk();
    vi.advanceTimersByTime(600_000);
    expect(told).toEqual([]);
  });

  test("keeps a request whose bytes came in the background, since JavaScript ran there", () => {
    const { told, tell, chunk } = watch();
    tell("AppHide");
    vi.advanceTimersByTime(30_000);
    chunk();
    vi.advanceTimersByTime(1000);
    tell("AppShow");
    vi.advanceTimersByTime(600_000);
    expect(told).toEqual(["hide", "show"]);
  });

  test("does not take bytes for life that the host had kept from before", () => {
    const { told, away, chunk } = watch();
    away(60_000);
    chunk();
    vi.advanceTimersByTime(20_000);
    expect(told).toEqual([DEAD]);
  });

  test("asks anew each time, and for nothing while hidden", () => {
    const { told, tell, away } = watch();
    away(60_000);
    tell("AppHide");
    vi.advanceTimersByTime(60_000);
    tell("AppShow");
    expect(told).toEqual(["hide", "show"]);
    vi.advanceTimersByTime(20_000);
    expect(told.slice(2)).toEqual([DEAD]);
  });

  test("asks nothing of a request that is over", () => {
    const { told, away, opened } = watch();
    away(60_000);
    opened.abort();
    vi.advanceTimersByTime(600_000);
    expect(told).toEqual([]);
  });

  test.each(["windows", "mac", "ohos_pc"])("knows that %s goes on", (platform) => {
    for (const host of [
      { getDeviceInfo: () => ({ platform }) },
      { getDeviceInfo: undefined, getSystemInfoSync: () => ({ platform }) },
    ]) {
      const { told, away } = watch(host);
      away(60_000);
      vi.advanceTimersByTime(600_000);
      expect(told).toEqual([]);
    }
  });

  test("follows a mini game, which has other names for the screen", () => {
    const { told, tell, stop, listeners } = watch({ onAppShow: undefined, onAppHide: undefined });
    tell("Hide");
    tell("Show");
    expect(told).toEqual(["hide", "show"]);
    stop();
    expect([...listeners.keys()]).toEqual(["chunk"]);
  });

  test("does not listen to a page's own onShow where there is the app's", () => {
    expect([...watch().listeners.keys()].sort()).toEqual([
      "AppHide",
      "AppShow",
      "NetworkStatusChange",
      "chunk",
    ]);
  });

  test("reports another network, and not the same again", () => {
    const { told, tell } = watch();
    const status = (networkType: string, isConnected = true) =>
      tell("NetworkStatusChange", { isConnected, networkType });
    // Android repeats what it said at the launch.
    status("wifi");
    expect(told).toEqual([]);
    status("5g");
    status("4g");
    expect(told).toEqual(["online"]);
    status("none", false);
    status("offline", false);
    status("wifi");
    expect(told).toEqual(["online", "offline", "online"]);
  });

  test("does not take the first report for a change if the network was not known before", () => {
    for (const getNetworkType of [undefined, () => {}, () => ({ then() {} })]) {
      const { told, tell } = watch({ getNetworkType });
      tell("NetworkStatusChange", { isConnected: true, networkType: "4g" });
      expect(told).toEqual([]);
      tell("NetworkStatusChange", { isConnected: true, networkType: "wifi" });
      expect(told).toEqual(["online"]);
    }
  });

  test("takes a request for dead that shows no byte after the network went, where the host drops silently", () => {
    const { told, tell } = watch();
    tell("NetworkStatusChange", { isConnected: false, networkType: "none" });
    vi.advanceTimersByTime(20_000);
    expect(told).toEqual(["offline", "interrupted: the network went, and nothing came for 20000 ms"]);
  });

  test("keeps a request whose bytes go on although the host says that the network went", () => {
    const { told, tell, chunk } = watch();
    tell("NetworkStatusChange", { isConnected: false, networkType: "none" });
    vi.advanceTimersByTime(1000);
    chunk();
    vi.advanceTimersByTime(600_000);
    expect(told).toEqual(["offline"]);
  });

  test("takes its listeners back, and is silent where a host cannot", () => {
    const good = watch();
    good.stop();
    expect([...good.listeners.keys()]).toEqual(["chunk"]);
    const old = watch({ offAppShow: undefined, offAppHide: undefined, offNetworkStatusChange: undefined });
    old.stop();
    old.tell("AppHide");
    old.tell("AppShow");
    old.tell("NetworkStatusChange", { isConnected: true });
    expect(old.told).toEqual([]);
  });

  test("does without what a host lacks or throws", () => {
    const boom = () => {
      throw new Error("boom");
    };
    for (const missing of [undefined, boom]) {
      const { told, stop } = watch({
        onAppShow: missing,
        onAppHide: missing,
        onShow: missing,
        onHide: missing,
        onNetworkStatusChange: missing,
        getNetworkType: missing,
        getDeviceInfo: missing,
        offAppShow: boom,
      });
      stop();
      expect(told).toEqual([]);
    }
  });
});
