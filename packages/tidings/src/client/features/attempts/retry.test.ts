import { expect, test } from "vitest";
import { createWorld } from "../../../../../../test/support/client-world.ts";
import {
  connect,
  type Feature,
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
