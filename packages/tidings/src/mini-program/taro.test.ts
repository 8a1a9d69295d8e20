import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { fromTaro } from "./taro.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const request = { url: "https://a.example/", method: "GET", headers: {} };

function errorIn(env: string, miniGlobal?: object): unknown {
  return errorFrom({ getEnv: () => env, miniGlobal });
}

function errorFrom(Taro: object): unknown {
  const told: unknown[] = [];
  fromTaro(Taro).open(request, {
    onResponse() {},
    onBytes() {},
    onEnd() {},
    onError: (error) => void told.push(error),
  });
  vi.runAllTimers();
  return told[0];
}

describe("fromTaro()", () => {
  test("asks the host itself, past Taro's own request", () => {
    const asked = vi.fn(() => ({ onChunkReceived() {}, abort() {} }));
    const Taro = { getEnv: () => "WEAPP", miniGlobal: { request: asked }, request: vi.fn() };
    const transport = fromTaro(Taro, { timeoutMs: 5 });
    transport.open(request, { onResponse() {}, onBytes() {}, onEnd() {}, onError() {} });
    expect(transport.name).toBe("wx");
    expect(asked).toHaveBeenCalledWith(expect.objectContaining({ url: request.url, timeout: 5 }));
    expect(Taro.request).not.toHaveBeenCalled();
  });

  test.each(["ALIPAY", "JD", "QQ", "TT", "QUICKAPP", "RN", "HARMONY", "kwai", "xhs", "dd", "lark"])(
    "sends no GET from %s, which has no chunks, and says so by its name",
    (env) => {
      const host = { request: vi.fn() };
      const Taro = { getEnv: () => env, miniGlobal: host, request: vi.fn() };
      expect(errorFrom(Taro)).toMatchObject({
        code: "unsupported",
        message: expect.stringMatching(new RegExp(`^Taro's ${env} has no request that streams`)),
      });
      expect([host.request.mock.calls, Taro.request.mock.calls]).toEqual([[], []]);
    },
  );

  test("reads an answer whole with Taro's own request where there are no chunks", () => {
    const asked: { success(result: object): void }[] = [];
    const Taro = {
      getEnv: () => "ALIPAY",
      miniGlobal: {},
      request(options: { success(result: object): void }) {
        asked.push(options);
        return Promise.resolve();
      },
    };
    const told: unknown[] = [];
    fromTaro(Taro).open(
      { ...request, method: "POST" },
      {
        onResponse: ({ status }) => void told.push(status),
        onBytes() {},
        onText: (text) => void told.push(text),
        onEnd: () => void told.push("end"),
        onError: (error) => void told.push(error),
      },
    );
    vi.runAllTimers();
    asked[0]!.success({ statusCode: 200, data: "data: 1\n\n", header: {} });
    expect(told).toEqual([200, "data: 1\n\n", "end"]);
  });

  test("uses Douyin's own event source where there is one", () => {
    const createEventSource = vi.fn();
    const transport = fromTaro({ getEnv: () => "TT", miniGlobal: { request() {}, createEventSource } });
    expect(transport.name).toBe("tt");
    transport.open(request, { onResponse() {}, onBytes() {}, onEnd() {}, onError() {} });
    expect(createEventSource).toHaveBeenCalled();
  });

  test("says where connect is in a browser", () => {
    expect(errorIn("WEB")).toMatchObject({
      code: "unsupported",
      message: 'Taro\'s WEB build runs in a browser; import connect from "tidings/client" there',
    });
  });

  test("tries a host that it does not know", () => {
    const asked = vi.fn(() => ({ onChunkReceived() {} }));
    errorIn("NEW_HOST", { request: asked });
    expect(asked).toHaveBeenCalled();
  });

  test("reports nothing after an abort", () => {
    const onError = vi.fn();
    fromTaro({ getEnv: () => "RN" })
      .open(request, { onResponse() {}, onBytes() {}, onEnd() {}, onError })
      .abort();
    vi.runAllTimers();
    expect(onError).not.toHaveBeenCalled();
  });

  test("refuses what is not Taro", () => {
    expect(() => fromTaro({})).toThrow(/^Cannot make a transport from Taro: it has no getEnv/);
    expect(() => fromTaro(undefined as never)).toThrow(TypeError);
  });
});
