import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { createWorld } from "../../../../test/support/client-world.ts";
import { connect, type ConnectOptions } from "./connect.ts";

let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
  vi.spyOn(console, "warn").mockImplementation((text) => void warnings.push(String(text)));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

function open(options: object = {}, url = "https://a.example/") {
  const world = createWorld();
  const connection = connect(url, {
    transport: world.transport,
    clock: world.clock,
    onMessage() {},
    ...(options as ConnectOptions),
  });
  return { world, connection };
}

describe("in development", () => {
  test("a misspelt option is answered with the nearest name, once", () => {
    for (let time = 0; time < 3; time++) open({ untill: "done", onmessage: () => {} }).connection.close();
    open({ retri: {}, onError() {} }).connection.close();
    expect(warnings).toEqual([
      "Tidings: Cannot connect: there is no option untill, expected until",
      "Tidings: Cannot connect: there is no option retri, expected retry",
    ]);
  });

  test("options that resemble none are let pass, since the object may come with those of others", () => {
    open({ lingerMs: 5, somethingElse: 1 }).connection.close();
    expect(warnings).toEqual([]);
  });

  test("a connection that ends with an error is reported if there is no onError", async () => {
    const { world, connection } = open();
    world.last.fail();
    await world.advance(1000);
    expect(warnings).toEqual([]);
    world.last.respond(404);
    await connection.ended;
    expect(warnings).toEqual([
      "Tidings: Cannot open event stream https://a.example/: status is 404, expected 200. The connection has ended; expected onError to handle this",
    ]);
    const handled = open({ onError() {} }, "https://b.example/");
    handled.world.last.respond(404);
    await handled.connection.ended;
    expect(warnings).toHaveLength(1);
  });

  test("data that is not JSON and is skipped is reported", async () => {
    const { world, connection } = open({ json: true });
    world.last.respond();
    void world.last.send("data: nonsense\n\n");
    await world.settle();
    expect(warnings).toEqual([expect.stringContaining('data is "nonsense"') as string]);
    connection.close();
  });

  test("what would do nothing on a connection throws", () => {
    const { connection } = open();
    expect(() => Object.assign(connection, { onmessage: () => {} })).toThrow(
      "Cannot set onmessage: a connection has no such property, expected the option onMessage",
    );
    connection.close();
  });
});

test("in production there are no warnings", async () => {
  vi.stubEnv("NODE_ENV", "production");
  const { world, connection } = open({ untl: "done", json: true }, "https://c.example/");
  Object.assign(connection, { onmessage: () => {} });
  world.last.respond(410);
  await connection.ended;
  expect(warnings).toEqual([]);
});
