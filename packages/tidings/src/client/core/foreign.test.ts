/**
 * Code and servers that are not ours: whatever a callback does, it is reported once and changes nothing else.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createWorld } from "../../../../../test/support/client-world.ts";
import { open, URL } from "../../../../../test/support/open-connection.ts";
import { connect, type ConnectOptions } from "../connect.ts";
import type { EventStreamError } from "./event-stream-error.ts";

const boom = new Error("boom");

let uncaught: unknown[] = [];
let listeners: NodeJS.UnhandledRejectionListener[] = [];
beforeEach(() => {
  uncaught = [];
  listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", (error) => uncaught.push(error));
});
afterEach(async () => {
  // Unhandled rejections are told of a turn later.
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.removeAllListeners("unhandledRejection");
  for (const listener of listeners) process.on("unhandledRejection", listener);
});

const throws = () => {
  throw boom;
};
const rejects = () => Promise.reject(boom);

/** Opens, takes a message and a gap, breaks and returns. */
async function live(opened: ReturnType<typeof open>): Promise<void> {
  const { world } = opened;
  await world.settle();
  world.last.respond();
  void world.last.send('id: 1\ndata: 1\n\nevent: gap\ndata: {"from":"a.1","to":"a.2","reason":"slow"}\n\n');
  await world.settle();
  world.last.fail();
  await world.advance(1000);
  world.last.respond();
  void world.last.send("id: 2\ndata: 2\n\n");
  await world.settle();
  // Unhandled rejections are told of a turn later.
  await new Promise((resolve) => setTimeout(resolve, 5));
}

describe.each([
  ["throws", throws],
  ["rejects", rejects],
] as const)("a callback that %s", (_how, bad) => {
  // How often each is called on the way.
  test.each<[name: keyof ConnectOptions, times: number]>([
    ["onError", 1],
    ["onOpen", 2],
    ["onState", 4],
    ["onGap", 1],
    ["trace", 5],
    ["until", 3],
  ])("as %s is reported, and everything goes on", async (name, times) => {
    const opened = open({ [name]: bad });
    await live(opened);
    expect(opened.connection.state).toBe("open");
    expect(opened.data.filter((data) => data.length === 1)).toEqual(["1", "2"]);
    expect(uncaught).toEqual(Array.from({ length: times }, () => boom));
    opened.connection.close();
    expect([await opened.connection.ended, opened.world.timers]).toEqual([{ reason: "closed" }, 0]);
  });

  test.each([
    ["lost", "connecting"],
    ["mustHandle", "connecting"],
    ["cursor", "connecting"],
    ["canRepeat", "closed"],
  ] as const)("as %s of a feature is reported, and is no answer", async (name, state) => {
    const opened = open({
      method: name === "canRepeat" ? "POST" : "GET",
      use: [() => ({ [name]: bad })] as never,
    });
    const { world } = opened;
    opened.connection.on("fails", throws);
    await world.settle();
    world.last.respond();
    void world.last.send("id: 1\ndata: 1\n\nevent: fails\ndata: 2\n\n");
    await world.settle();
    world.last.fail();
    await world.advance(1000);
    expect([opened.connection.state, opened.data]).toEqual([state, ["1", "2"]]);
    opened.connection.close();
    await opened.connection.ended;
    expect(world.timers).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(uncaught.length).toBeGreaterThan(0);
  });

  test("as a cursor's get or set is as good as no cursor", async () => {
    const opened = open({ cursor: { get: bad, set: bad } });
    await live(opened);
    expect([opened.connection.state, opened.data.filter((data) => data.length === 1)]).toEqual([
      "open",
      ["1", "2"],
    ]);
    expect(uncaught.length).toBeGreaterThan(0);
    opened.connection.close();
    expect(opened.world.timers).toBe(0);
  });

  test("as headers, body, URL, refresh, resume or cursorVia is a failed attempt or a refusal, and is told", async () => {
    for (const options of [
      { headers: bad },
      { body: bad, method: "POST", retry: { replay: true } },
    ] as ConnectOptions[]) {
      const { world, connection, errors } = open(options);
      await world.settle();
      expect([connection.state, errors[0]!.code, errors[0]!.cause]).toEqual(["waiting", "request", boom]);
      connection.close();
      expect(world.timers).toBe(0);
    }
    const refreshing = open({ refresh: bad });
    refreshing.world.last.respond(401);
    await refreshing.world.settle();
    expect(await refreshing.connection.ended).toMatchObject({ reason: "gave-up", cause: { status: 401 } });
    const resuming = open({ method: "POST", resume: bad });
    resuming.world.last.respond();
    resuming.world.last.fail();
    await resuming.world.advance(1000);
    expect(resuming.errors.at(-1)).toMatchObject({ code: "request", cause: boom, willRetry: true });
    resuming.connection.close();
  });

  test("as a transport's watch or abort changes nothing", async () => {
    const world = createWorld();
    const connection = connect(URL, {
      clock: world.clock,
      transport: {
        ...world.transport,
        open: (request, sink) => {
          world.transport.open(request, sink);
          return { abort: () => void bad() };
        },
        watch: bad as never,
      },
      onMessage() {},
    });
    world.last.respond();
    expect(connection.state).toBe("open");
    connection.close();
    expect([await connection.ended, world.timers]).toEqual([{ reason: "closed" }, 0]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(uncaught).toEqual([boom, boom]);
  });
});

test("a transport whose open throws has failed", async () => {
  const world = createWorld();
  const errors: EventStreamError[] = [];
  const connection = connect(URL, {
    clock: world.clock,
    transport: { name: "bad", open: throws },
    onError: (error) => void errors.push(error),
  });
  expect([connection.state, errors[0]!.code, errors[0]!.cause]).toEqual(["waiting", "network", boom]);
  connection.close();
  expect(world.timers).toBe(0);
});

test("a callback that never settles holds back its own stream alone, and close() ends it", async () => {
  const never = () => new Promise<never>(() => {});
  for (const options of [
    { onMessage: never },
    { headers: never },
    { until: never as never },
    { refresh: never },
  ]) {
    const { world, connection } = open(options);
    world.attempts[0]?.respond("refresh" in options ? 401 : 200);
    void world.attempts[0]?.send("data: 1\n\n");
    await world.settle();
    connection.close();
    expect([await connection.ended, connection.state, world.timers]).toEqual([
      { reason: "closed" },
      "closed",
      0,
    ]);
  }
});

test("until may be asynchronous: what it resolves with counts, and messages keep their order", async () => {
  const { world, connection, data } = open({
    until: (async (message: { data: string }) => message.data === "3") as never,
  });
  world.last.respond();
  void world.last.send("data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
  expect(await connection.ended).toEqual({ reason: "complete" });
  expect(data).toEqual(["1", "2", "3"]);
});

test("close(), reconnect() and on() may be called from every callback", async () => {
  for (const name of ["onOpen", "onError", "onState", "onMessage", "trace", "until", "onGap"] as const) {
    for (const call of ["close", "reconnect"] as const) {
      let calls = 0;
      let here: ReturnType<typeof connect> | undefined;
      const opened = open({
        [name]: () => {
          if (++calls === 1) here?.[call]();
        },
      });
      here = opened.connection;
      await live(opened);
      here.close();
      expect([name, call, (await opened.connection.ended).reason, opened.world.timers]).toEqual([
        name,
        call,
        "closed",
        0,
      ]);
    }
  }
  expect(uncaught).toEqual([]);
});
