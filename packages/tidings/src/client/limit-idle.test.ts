import { describe, expect, test } from "vitest";

import type { Clock } from "./keep-open.ts";
import { limitIdle } from "./limit-idle.ts";
import type { Transport, TransportSink } from "./transports/transport.ts";

/** A clock that stands until it is moved; a timer may come late, as it does in a frozen program. */
function createClock() {
  let nowMs = 0;
  const timers = new Set<{ run: () => void; dueMs: number }>();
  const clock: Clock = {
    nowMs: () => nowMs,
    random: () => 0,
    setTimeout(run, ms) {
      const timer = { run, dueMs: nowMs + ms };
      timers.add(timer);
      return timer;
    },
    clearTimeout: (timer) => void timers.delete(timer as never),
  };
  return {
    clock,
    timers,
    /** Moves the clock without letting a timer run. */
    skip: (ms: number) => {
      nowMs += ms;
    },
    run: () => {
      for (const timer of timers) {
        if (timer.dueMs <= nowMs && timers.delete(timer)) timer.run();
      }
    },
  };
}

function open(onBytes: TransportSink["onBytes"] = () => {}, idleMs: number | "auto" = 1000) {
  const { clock, timers, skip, run } = createClock();
  const told: string[] = [];
  let inner: TransportSink | undefined;
  let aborts = 0;
  const transport: Transport = {
    name: "inner",
    open(_request, sink) {
      inner = sink;
      return { abort: () => void aborts++ };
    },
  };
  const opened = limitIdle(transport, idleMs, clock).open(
    { url: "https://a.example/", method: "GET", headers: {} },
    {
      onResponse: () => void told.push("response"),
      onBytes,
      onText: (text) => void told.push(`text ${text}`),
      onMessage: (message) => void told.push(`message ${message.data}`),
      onEnd: () => void told.push("end"),
      onError: (error) => void told.push(`${(error as { code: string }).code}: ${(error as Error).message}`),
    },
  );
  return {
    told,
    timers,
    opened,
    inner: inner!,
    skip,
    after(ms: number) {
      skip(ms);
      run();
    },
    get aborts() {
      return aborts;
    },
  };
}

const IDLE = "idle: Event stream https://a.example/ is dead: nothing came for 1000 ms";
const response = { status: 200, url: "https://a.example/", header: () => null };

describe("limitIdle()", () => {
  test("ends a request that is never answered", () => {
    const stream = open();
    stream.after(999);
    expect(stream.told).toEqual([]);
    stream.after(1);
    expect(stream.told).toEqual([IDLE]);
    expect(stream.aborts).toBe(1);
    expect(stream.timers.size).toBe(0);
  });

  test("ends a stream over which nothing comes any more", () => {
    const stream = open();
    stream.after(900);
    stream.inner.onResponse(response);
    stream.after(900);
    void stream.inner.onBytes(new Uint8Array(1));
    stream.after(900);
    void stream.inner.onText!("a");
    stream.after(900);
    void stream.inner.onMessage!({ event: "message", data: "b", id: "" });
    stream.after(999);
    expect(stream.told).toEqual(["response", "text a", "message b"]);
    stream.after(1);
    expect(stream.told.at(-1)).toBe(IDLE);
  });

  test("asks the clock when a frozen program's timer comes late", () => {
    const stream = open();
    stream.skip(60_000);
    void stream.inner.onBytes(new Uint8Array(1));
    stream.after(0);
    expect(stream.told).toEqual([]);
    stream.after(1000);
    expect(stream.told).toEqual([IDLE]);
  });

  test("lets no time pass while the reader is behind", async () => {
    let take = (): void => {};
    const stream = open(() => new Promise<void>((resolve) => (take = resolve)));
    const taken = stream.inner.onBytes(new Uint8Array(1));
    stream.after(5000);
    stream.after(5000);
    expect(stream.told).toEqual([]);
    take();
    await taken;
    stream.after(999);
    expect(stream.told).toEqual([]);
    stream.after(1);
    expect(stream.told).toEqual([IDLE]);
  });

  test("leaves no timer behind when the stream ends, fails or is aborted", () => {
    const ended = open();
    ended.inner.onEnd();
    const failed = open();
    failed.inner.onError(Object.assign(new Error("gone"), { code: "network" }));
    const aborted = open();
    aborted.opened.abort();
    expect([ended.timers.size, failed.timers.size, aborted.timers.size]).toEqual([0, 0, 0]);
    expect([ended.told, failed.told, aborted.told]).toEqual([["end"], ["network: gone"], []]);
    expect(aborted.aborts).toBe(1);
  });

  test("tells of the platform what the transport within tells", () => {
    const { clock } = createClock();
    const told: string[] = [];
    const transport: Transport = {
      name: "inner",
      open: () => ({ abort() {} }),
      watch(signals) {
        signals.onHide();
        return () => told.push("stopped");
      },
    };
    const stop = limitIdle(transport, 1000, clock).watch!({
      onHide: () => told.push("hidden"),
      onShow() {},
      onNetwork() {},
    });
    stop();
    expect(told).toEqual(["hidden", "stopped"]);
    expect(limitIdle({ name: "inner", open: () => ({ abort() {} }) }, 1000, clock)).not.toHaveProperty(
      "watch",
    );
  });
});

describe('limitIdle(…, "auto")', () => {
  const COMMENT = new TextEncoder().encode(":\n\n");
  const MESSAGE = new TextEncoder().encode("data: x\n\n");

  /** Time as it passes: no timer is late. */
  function pass(stream: ReturnType<typeof open>, ms: number): void {
    for (let at = 0; at < ms; at += 1000) stream.after(Math.min(1000, ms - at));
  }

  test("has no limit until two comments have ended a silence", () => {
    const stream = open(undefined, "auto");
    stream.inner.onResponse(response);
    pass(stream, 15_000);
    void stream.inner.onBytes(COMMENT);
    pass(stream, 3_600_000);
    expect(stream.told).toEqual(["response"]);
  });

  test("allows for three times the longest silence that a comment ended", () => {
    const stream = open(undefined, "auto");
    stream.inner.onResponse(response);
    for (const silenceMs of [15_000, 20_000]) {
      pass(stream, silenceMs);
      void stream.inner.onBytes(COMMENT);
    }
    pass(stream, 59_000);
    expect(stream.told).toEqual(["response"]);
    pass(stream, 31_000);
    expect(stream.told[1]).toBe("idle: Event stream https://a.example/ is dead: nothing came for 60000 ms");
    expect([stream.aborts, stream.timers.size]).toEqual([1, 0]);
  });

  test("learns nothing from messages, which come when they come", () => {
    const stream = open(undefined, "auto");
    stream.inner.onResponse(response);
    for (let times = 0; times < 5; times++) {
      pass(stream, 2000);
      void stream.inner.onBytes(MESSAGE);
    }
    pass(stream, 600_000);
    expect(stream.told).toEqual(["response"]);
  });

  test("is no less than 10 s", () => {
    const stream = open(undefined, "auto");
    stream.inner.onResponse(response);
    for (let times = 0; times < 3; times++) {
      pass(stream, 1000);
      void stream.inner.onBytes(COMMENT);
    }
    pass(stream, 9000);
    expect(stream.told).toEqual(["response"]);
    pass(stream, 32_000);
    expect(stream.told).toHaveLength(2);
  });

  test("takes what was open while the machine slept for dead, and a page's late timers for no sleep", () => {
    const throttled = open(undefined, "auto");
    throttled.inner.onResponse(response);
    for (let minutes = 0; minutes < 60; minutes++) throttled.after(60_000);
    expect(throttled.told).toEqual(["response"]);
    const slept = open(undefined, "auto");
    slept.inner.onResponse(response);
    pass(slept, 5000);
    slept.after(3_600_000);
    expect(slept.told[1]).toBe("idle: Event stream https://a.example/ is dead: the machine slept");
  });
});
