import { afterEach, expect, test, vi } from "vitest";

import { createWorld } from "../../../../../test/support/client-world.ts";
import { connect } from "../core/connect.ts";
import { thaw } from "./thaw.ts";

afterEach(() => vi.unstubAllGlobals());

function open() {
  const document = new EventTarget();
  vi.stubGlobal("document", document);
  const { transport, clock, ...world } = createWorld();
  const errors: string[] = [];
  const connection = connect("https://a.example/", {
    transport,
    clock,
    use: [thaw],
    onMessage() {},
    onError: ({ message }) => void errors.push(message),
  });
  world.attempts[0]!.respond();
  return { world, connection, errors, resume: () => document.dispatchEvent(new Event("resume")) };
}

test("a stream over which nothing comes for 20 seconds after the page was frozen is replaced", async () => {
  const { world, connection, errors, resume } = open();
  await world.advance(600_000);
  resume();
  await world.advance(19_999);
  expect([connection.state, errors]).toEqual(["open", []]);
  await world.advance(1);
  expect([connection.state, errors]).toEqual(["waiting", ["Nothing came since the page was frozen"]]);
  // Nobody doubts what is not open.
  resume();
  await world.advance(1000);
  world.attempts[1]!.respond();
  await world.advance(600_000);
  expect([connection.state, errors.length]).toEqual(["open", 1]);
  connection.close();
});

test("a stream that says anything is kept, and nothing is left after the end", async () => {
  const { world, connection, errors, resume } = open();
  resume();
  await world.advance(19_000);
  void world.attempts[0]!.send(":\n");
  await world.advance(600_000);
  expect([connection.state, errors]).toEqual(["open", []]);
  resume();
  connection.close();
  resume();
  await world.advance(600_000);
  expect(errors).toEqual([]);
});
