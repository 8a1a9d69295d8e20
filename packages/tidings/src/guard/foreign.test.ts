import { afterEach, describe, expect, it, vi } from "vitest";
import { ask, isThenable, reporter, tell } from "./foreign.ts";
import { isMistake, mistake } from "./mistake.ts";

afterEach(() => vi.restoreAllMocks());

const boom = new Error("boom");

describe("tell", () => {
  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw boom;
      },
    ],
    ["rejects", () => Promise.reject(boom)],
    [
      "gives a thenable whose then throws",
      () => ({
        then() {
          throw boom;
        },
      }),
    ],
    [
      "gives an object whose then cannot be read",
      () => ({
        get then() {
          throw boom;
        },
      }),
    ],
  ])("reports once when the callback %s", async (_name, callback) => {
    const report = vi.fn();
    tell(report, callback);
    await new Promise((resolve) => setTimeout(resolve));
    expect(report.mock.calls).toEqual([[boom]]);
  });

  it("passes the values on, and does nothing without a callback", () => {
    const callback = vi.fn();
    const report = vi.fn();
    tell(report, callback, 1, "two");
    tell(report, undefined);
    expect(callback.mock.calls).toEqual([[1, "two"]]);
    expect(report).not.toHaveBeenCalled();
  });
});

describe("ask", () => {
  it("takes at once what is there at once", () => {
    const take = vi.fn();
    ask(() => 7, take, vi.fn());
    expect(take.mock.calls).toEqual([[7]]);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw boom;
      },
    ],
    ["rejects", () => Promise.reject(boom)],
    [
      "calls both callbacks of a thenable",
      () => ({
        then(_take: unknown, fail: (error: unknown) => void) {
          fail(boom);
          fail(boom);
        },
      }),
    ],
  ])("fails once when the question %s", async (_name, question) => {
    const take = vi.fn();
    const fail = vi.fn();
    ask(question, take, fail);
    await new Promise((resolve) => setTimeout(resolve));
    expect([take.mock.calls, fail.mock.calls]).toEqual([[], [[boom]]]);
  });
});

describe("isThenable", () => {
  it.each([null, undefined, 1, "then", {}, { then: 1 }])("is false for %j", (value) => {
    expect(isThenable(value)).toBe(false);
  });
});

describe("reporter", () => {
  it("uses the console without onError, and for both errors when onError throws or rejects", async () => {
    const seen = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const second = new Error("second");
    reporter(undefined)(boom);
    reporter(() => {
      throw second;
    })(boom);
    reporter(() => Promise.reject(second))(boom);
    await new Promise((resolve) => setTimeout(resolve));
    expect(seen.mock.calls.map(([error]) => error)).toEqual([boom, boom, second, boom, second]);
  });

  it("survives a console that throws", () => {
    vi.spyOn(console, "error").mockImplementation(() => {
      throw boom;
    });
    expect(() => reporter(undefined)(boom)).not.toThrow();
  });
});

describe("mistake", () => {
  it("is known by its mark, not by its class", () => {
    expect(isMistake(mistake(new TypeError("Cannot")))).toBe(true);
    expect(isMistake(new TypeError("fetch failed"))).toBe(false);
    expect(isMistake("text")).toBe(false);
  });
});
