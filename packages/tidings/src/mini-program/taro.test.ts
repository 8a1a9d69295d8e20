import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { fromTaro } from "./taro.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const request = { url: "https://a.example/", method: "GET", headers: {} };

function errorIn(env: string, miniGlobal?: object): unknown {
  const told: unknown[] = [];
  fromTaro({ getEnv: () => env, miniGlobal }).open(request, {
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

  test("sends nothing from a host that is known not to stream", () => {
    const my = { request: vi.fn() };
    expect(errorIn("ALIPAY", my)).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("ALIPAY"),
    });
    expect(my.request).not.toHaveBeenCalled();
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

  test("tells nothing after an abort", () => {
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
