import { describe, expect, test } from "vitest";

import type { Transport } from "../client/transports/transport.ts";
import { connect } from "./connect.ts";

/** Never answers; the clock tells how long it was waited for. */
function silent() {
  const waits: number[] = [];
  const transport: Transport = { name: "silent", open: () => ({ abort() {} }) };
  const clock = {
    nowMs: () => 0,
    random: () => 0,
    setTimeout: (_run: () => void, ms: number) => waits.push(ms),
    clearTimeout() {},
  };
  return { transport, clock, waits };
}

describe("connect() of mini programs", () => {
  test("wants a transport", () => {
    expect(() => connect("https://a.example/", {} as never)).toThrow(
      new TypeError("Cannot connect: there is no transport, expected fromWx(wx) or fromTaro(Taro)"),
    );
  });

  test("wants an absolute URL, since there is no page", () => {
    expect(() => connect("/api/chat", silent())).toThrow(
      new TypeError('Cannot connect: url is "/api/chat", expected one that starts with https://'),
    );
  });

  test("takes a stream for dead after 45 s of silence, and one that is asked for once after 120 s", () => {
    for (const [options, ms] of [
      [{}, 45_000],
      [{ method: "POST" }, 120_000],
      [{ method: "post", retry: { replay: true } }, 45_000],
      [{ retry: false }, 120_000],
      [{ idleMs: 7 }, 7],
    ] as const) {
      const host = silent();
      connect("https://a.example/", { ...options, ...host }).close();
      // The first is for what the request is made of.
      expect(host.waits).toEqual([60_000, ms]);
    }
  });
});
