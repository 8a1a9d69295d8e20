import { describe, expect, test, vi } from "vitest";

import { createWorld } from "../../../../../test/support/client-world.ts";
import { connect, type ConnectOptions } from "../connect.ts";
import { systemClock } from "../core/clock.ts";

const URL = "https://a.example/";

function open(options: ConnectOptions = {}) {
  const world = createWorld();
  const errors: string[] = [];
  const connection = connect(URL, {
    ...world,
    onMessage() {},
    onError: ({ code }) => void errors.push(code),
    ...options,
  });
  world.last.respond();
  return { world, connection, errors, signals: world.signals! };
}

describe("a page that is shown again after 30 seconds or more", () => {
  test("has a dead stream replaced when nothing comes within 20 seconds", async () => {
    const { world, connection, errors, signals } = open();
    signals.onHide();
    await world.advance(40_000);
    signals.onShow(false);
    await world.advance(19_999);
    expect([connection.state, errors]).toEqual(["open", []]);
    await world.advance(1);
    expect([connection.state, errors]).toEqual(["waiting", ["idle"]]);
  });

  test("keeps a stream that says anything, and a POST for a minute", async () => {
    const alive = open();
    alive.signals.onHide();
    await alive.world.advance(40_000);
    alive.signals.onShow(false);
    await alive.world.advance(10_000);
    void alive.world.last.send(":\n");
    await alive.world.advance(60_000);
    expect([alive.connection.state, alive.errors]).toEqual(["open", []]);
    const post = open({ method: "POST" });
    post.signals.onHide();
    await post.world.advance(40_000);
    post.signals.onShow(false);
    await post.world.advance(59_999);
    expect(post.connection.state).toBe("open");
    await post.world.advance(1);
    expect(await post.connection.ended).toMatchObject({ reason: "truncated", cause: { code: "idle" } });
  });

  test("is not doubted while its reader is behind", async () => {
    const { world, connection, signals } = open({ onMessage: () => new Promise(() => {}) });
    void world.last.send("data: x\n\n");
    signals.onHide();
    await world.advance(40_000);
    signals.onShow(false);
    await world.advance(60_000);
    expect(connection.state).toBe("open");
  });
});

describe("a page that was frozen, however shortly", () => {
  test("has a stream replaced over which nothing comes within 20 seconds of its return", async () => {
    for (const order of [["onThaw", "onShow"], ["onShow", "onThaw"], ["onThaw"]] as const) {
      const { world, connection, errors, signals } = open();
      if (order.length > 1) signals.onHide();
      await world.advance(5000);
      for (const signal of order) signals[signal]!(false);
      await world.advance(19_999);
      expect([connection.state, errors]).toEqual(["open", []]);
      await world.advance(1);
      expect([connection.state, errors]).toEqual(["waiting", ["idle"]]);
    }
  });

  test("is not doubted while it is hidden", async () => {
    const { world, connection, signals } = open();
    signals.onHide();
    signals.onThaw!();
    await world.advance(25_000);
    expect(connection.state).toBe("open");
  });
});

test("a page in the back/forward cache has no stream and tries nothing, but for a request that is not repeated", async () => {
  const { world, connection, errors, signals } = open();
  signals.onNetwork(false, true);
  expect([connection.state, world.last.aborted]).toEqual(["paused", true]);
  await world.settle();
  world.sleep(3_600_000);
  // It is on the screen before it is said to be back.
  signals.onHide();
  signals.onShow(false);
  signals.onNetwork(true, true);
  expect([connection.state, world.attempts.length, errors]).toEqual(["connecting", 2, []]);
  const post = open({ method: "POST" });
  post.signals.onNetwork(false, true);
  expect([post.connection.state, post.world.last.aborted]).toEqual(["open", false]);
});

describe("offline, as a hint", () => {
  test("cuts no stream over which something still comes, and a false alarm has no consequence", async () => {
    const { world, connection, signals } = open();
    signals.onNetwork(false);
    await world.advance(10_000);
    void world.last.send("data: x\n\n");
    await world.advance(60_000);
    signals.onNetwork(true);
    expect([connection.state, world.attempts.length]).toEqual(["open", 1]);
  });

  test("has a silent stream replaced", async () => {
    const { world, connection, errors, signals } = open();
    signals.onNetwork(false);
    await world.advance(20_000);
    expect([connection.state, errors]).toEqual(["paused", ["idle"]]);
  });

  test("lets attempts go on, though the clock is set back or its timer is early", async () => {
    for (const lateMs of [1, 3_600_000]) {
      const { world, signals } = open({ clock: systemClock });
      const nowMs = Date.now();
      vi.useFakeTimers({ now: nowMs });
      signals.onNetwork(false);
      world.last.fail();
      vi.setSystemTime(nowMs - lateMs);
      await vi.advanceTimersByTimeAsync(30_000);
      expect(world.attempts).toHaveLength(2);
      vi.useRealTimers();
    }
  });

  test("lets attempts go on, one every 30 seconds, and online makes one at once", async () => {
    const { world, connection, signals } = open();
    signals.onNetwork(false);
    world.last.fail();
    expect(connection.state).toBe("paused");
    await world.advance(29_999);
    expect(world.attempts).toHaveLength(1);
    await world.advance(1);
    expect(world.attempts).toHaveLength(2);
    world.last.fail();
    await world.advance(5000);
    expect(connection.state).toBe("paused");
    signals.onNetwork(true);
    expect([connection.state, world.attempts.length]).toEqual(["connecting", 3]);
  });

  test("is over when an attempt succeeds anyway", async () => {
    const { world, connection, signals } = open();
    signals.onNetwork(false);
    world.last.fail();
    await world.advance(30_000);
    world.last.respond();
    world.last.fail();
    expect(connection.state).toBe("waiting");
  });

  test("replaces at once what was silent since, when the network is back", async () => {
    const { world, connection, signals } = open();
    await world.advance(5000);
    signals.onNetwork(false);
    await world.advance(1000);
    signals.onNetwork(true);
    expect([world.attempts[0]!.aborted, world.attempts.length, connection.state]).toEqual([
      true,
      2,
      "connecting",
    ]);
  });

  test("has a silent POST looked after, and not repeated", async () => {
    const { world, connection, signals } = open({ method: "POST" });
    signals.onNetwork(false);
    await world.advance(59_999);
    expect(connection.state).toBe("open");
    await world.advance(1);
    expect(await connection.ended).toMatchObject({ reason: "truncated", cause: { code: "idle" } });
  });
});

describe("a page that is left", () => {
  test("says nothing of the requests that break with it", async () => {
    for (const method of ["GET", "POST"]) {
      const { world, errors, signals, connection } = open({ method });
      signals.onLeave!();
      world.last.fail();
      await world.advance(4000);
      expect([errors, connection.state]).toEqual([[], "open"]);
    }
  });

  test("says it after all, and goes on, when it was not left", async () => {
    const { world, errors, signals, connection } = open();
    signals.onLeave!();
    world.last.fail();
    await world.advance(5000);
    expect([errors, connection.state]).toEqual([["network"], "waiting"]);
    const post = open({ method: "POST" });
    post.signals.onLeave!();
    post.world.last.fail();
    await post.world.advance(5000);
    expect(await post.connection.ended).toMatchObject({ reason: "truncated", cause: { code: "network" } });
    expect(post.world.timers).toBe(0);
  });

  test("has no timer left when the connection is closed", () => {
    const { world, signals, connection } = open();
    signals.onLeave!();
    signals.onHide();
    connection.close();
    expect(world.timers).toBe(0);
  });
});
