import { expect, test } from "vitest";
import { createWorld } from "../../../../../../test/support/client-world.ts";
import {
  connect,
  type Feature,
  idle,
  page,
  refusals,
  retry,
  type RetryOptions,
  toReadable,
  until,
} from "../../core/index.ts";

function open(options?: RetryOptions, ...more: Feature[]) {
  const world = createWorld();
  const connection = connect("https://a.example/", {
    transport: world.transport,
    clock: world.clock,
    use: [...(options ? [retry(options)] : []), ...more],
  });
  return { world, connection };
}

test("gives up when the attempts are used up", async () => {
  const { world, connection } = open({ attempts: 2 });
  world.last.fail();
  await world.advance(1000);
  expect(world.attempts).toHaveLength(2);
  world.last.fail();
  expect(await connection.ended).toMatchObject({
    reason: "gave-up",
    cause: { code: "exhausted", message: expect.stringMatching(/^Gave up after 2 attempts: /) },
  });
  expect(world.timers).toBe(0);
});

test("gives up when the next attempt would come after the budget", async () => {
  const { world, connection } = open({ budgetMs: 2500 });
  for (let attempt = 1; attempt <= 2; attempt++) {
    world.last.fail();
    await world.advance(1000);
  }
  expect(world.attempts).toHaveLength(3);
  world.last.fail();
  expect(await connection.ended).toMatchObject({ cause: { code: "exhausted" } });
});

/** Fails at once, and lets the wait pass, until the connection is over. @returns The milliseconds that this took. */
async function failOn({ world, connection }: ReturnType<typeof open>, failures: number): Promise<number> {
  const beganMs = world.nowMs;
  for (let left = failures; left > 0 && connection.state !== "closed"; left--) {
    world.last.fail();
    await world.advance(1000);
  }
  return world.nowMs - beganMs;
}

test("what a machine sleeps is not trying: in a wait, in an attempt, over an open stream", async () => {
  const opened = open({ budgetMs: 60_000 });
  const { world, connection } = opened;
  await failOn(opened, 1);
  world.last.fail();
  world.sleep(8 * 3_600_000);
  await world.advance(0);
  expect(world.attempts).toHaveLength(3);
  world.sleep(8 * 3_600_000);
  world.last.fail();
  expect(connection.state).toBe("waiting");
  await world.advance(1000);
  world.last.respond();
  world.sleep(5000);
  world.last.fail();
  await world.settle();
  expect(connection.state).toBe("waiting");
  expect(await failOn(opened, 100)).toBeLessThanOrEqual(60_000);
  expect(await connection.ended).toMatchObject({ cause: { code: "exhausted" } });
  expect(world.timers).toBe(0);
});

test("nor is waiting for the screen or the network, however the features are ordered", async () => {
  for (const [first, second] of [
    [retry({ budgetMs: 10_000 }), page()],
    [page(), retry({ budgetMs: 10_000 })],
  ] as const) {
    const opened = open(undefined, first, second);
    const { world, connection } = opened;
    world.random = 0.9;
    world.last.fail();
    world.signals!.onHide();
    await world.advance(3_600_000);
    world.signals!.onShow(false);
    world.signals!.onNetwork(false);
    for (let minutes = 0; minutes < 60; minutes++) {
      world.last.fail();
      await world.advance(60_000);
    }
    expect(world.attempts.length).toBeGreaterThan(30);
    world.signals!.onNetwork(true);
    expect(connection.state).toBe("connecting");
    expect(world.timers).toBeLessThan(4);
    world.last.fail();
    expect(await connection.ended).toMatchObject({ cause: { code: "exhausted" } });
    expect(world.timers).toBe(0);
  }
});

test("attempts that hang are trying, and so are streams that break before they are healthy", async () => {
  const { world, connection } = open({ budgetMs: 130_000 }, idle());
  world.last.fail();
  await world.advance(1000);
  for (let attempt = 0; attempt < 2; attempt++) await world.advance(61_000);
  expect(world.attempts).toHaveLength(4);
  world.last.respond();
  await world.advance(9000);
  world.last.fail();
  expect(await connection.ended).toMatchObject({ cause: { code: "exhausted" } });
  expect(world.timers).toBe(0);
});

test("a healthy stream refills the budget, and keeps no timer for it", async () => {
  const opened = open({ budgetMs: 2500 });
  const { world, connection } = opened;
  for (let round = 0; round < 5; round++) {
    await failOn(opened, 2);
    world.last.respond();
    expect(world.timers).toBe(0);
    await world.advance(10_000);
  }
  expect(connection.state).toBe("open");
});

test("changes the times that are given, and no others", async () => {
  const { world } = open({ baseMs: 200 });
  world.last.fail();
  await world.advance(199);
  expect(world.attempts).toHaveLength(1);
  await world.advance(1);
  expect(world.attempts).toHaveLength(2);
});

test("is not needed: core alone reconnects, stops after 404, and quotes no body", async () => {
  const { world, connection } = open();
  world.last.fail();
  await world.advance(1000);
  world.last.respond(404, {}, "not here");
  const { cause } = await connection.ended;
  expect(cause).toMatchObject({ code: "status", status: 404, willRetry: false });
  expect(cause).not.toHaveProperty("body");
});

test("goes with other features, and toReadable with any connection of core", async () => {
  const { world, connection } = open({ statuses: { 404: "return" } }, refusals(), until("done"));
  const reader = toReadable(connection).getReader();
  world.last.respond(404, {}, "not yet");
  await world.settle();
  expect(connection.state).toBe("waiting");
  await world.advance(1000);
  world.last.respond();
  void world.last.send("id: 1\ndata: a\n\nevent: done\ndata:\n\n");
  expect((await reader.read()).value).toEqual({ event: "message", data: "a", id: "1" });
  expect((await reader.read()).value).toMatchObject({ event: "done" });
  expect((await reader.read()).done).toBe(true);
  expect(await connection.ended).toEqual({ reason: "complete" });
});
