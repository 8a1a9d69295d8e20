import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { fromUni } from "./uni.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function uniOn(uniPlatform: string, more: object = {}) {
  return {
    request: vi.fn(() => ({ onChunkReceived() {} })),
    getSystemInfoSync: () => ({ uniPlatform }),
    ...more,
  };
}

function errorOf(uni: object): unknown {
  const told: unknown[] = [];
  fromUni(uni as never).open(
    { url: "https://a.example/", method: "GET", headers: {} },
    { onResponse() {}, onBytes() {}, onEnd() {}, onError: (error) => void told.push(error) },
  );
  vi.runAllTimers();
  return told[0];
}

describe("fromUni()", () => {
  test.each(["mp-weixin", "mp-baidu", "app", "app-plus", "mp-next"])("asks uni.request on %s", (platform) => {
    const uni = uniOn(platform);
    expect(errorOf(uni)).toBeUndefined();
    expect(uni.request).toHaveBeenCalledOnce();
  });

  test.each(["mp-toutiao", "mp-alipay", "mp-qq", "mp-jd", "mp-kuaishou", "mp-xhs", "mp-lark"])(
    "sends no GET from %s, which has no chunks",
    (platform) => {
      const uni = uniOn(platform);
      expect(errorOf(uni)).toMatchObject({
        code: "unsupported",
        message: expect.stringMatching(new RegExp(`^uni-app's ${platform} has no request that streams`)),
      });
      expect(uni.request).not.toHaveBeenCalled();
    },
  );

  test("uses Douyin's own event source", () => {
    expect(fromUni(uniOn("mp-toutiao", { createEventSource() {} })).name).toBe("tt");
  });

  test("says where connect is in a browser", () => {
    expect(errorOf(uniOn("web"))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining('import connect from "tidings/client"'),
    });
  });

  test("tries a uni that does not say where it is", () => {
    expect(fromUni({ request() {} }).name).toBe("wx");
    expect(() => fromUni({} as never)).toThrow(TypeError);
  });
});
