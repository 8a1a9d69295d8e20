import { describe, expect, test } from "vitest";

import { createWorld } from "../../../../../../test/support/client-world.ts";
import { connect } from "../../connect.ts";
import { createIdleDetector } from "./idle-detector.ts";

describe("createIdleDetector()", () => {
  test("finds a stream dead over which nothing came for the limit, and says when to ask again", () => {
    const { heard, check } = createIdleDetector(1000);
    heard(0);
    expect(check(0, false)).toBe(1000);
    expect(check(999, false)).toBe(1);
    heard(999);
    expect(check(1000, false)).toBe(999);
    expect(check(1999, false)).toBe("nothing came for 1000 ms");
  });

  test("asks the clock when a frozen program's timer comes late", () => {
    const { heard, check } = createIdleDetector(1000);
    heard(0);
    heard(60_000);
    expect(check(60_000, false)).toBe(1000);
    expect(check(61_000, false)).toBe("nothing came for 1000 ms");
  });

  test("lets no time pass while the reader is behind", () => {
    const { heard, check } = createIdleDetector(1000);
    heard(0);
    expect(check(5000, true)).toBe(1000);
    expect(check(5500, false)).toBe(500);
    expect(check(6000, false)).toBe("nothing came for 1000 ms");
  });

  test("is never asked again where there is no limit", () => {
    const { heard, check } = createIdleDetector(0);
    heard(0);
    expect(check(1e9, false)).toBe(Infinity);
  });
});

describe('createIdleDetector("auto")', () => {
  /** Time as it passes, a second at a time; what was found in the end. */
  function pass(
    { check }: ReturnType<typeof createIdleDetector>,
    fromMs: number,
    toMs: number,
  ): string | number {
    let found: string | number = 0;
    for (let nowMs = fromMs; nowMs <= toMs && typeof found === "number"; nowMs += 1000)
      found = check(nowMs, false);
    return found;
  }

  test("has no limit until two comments have ended a silence", () => {
    const silence = createIdleDetector("auto");
    silence.heard(0);
    silence.heard(15_000, true);
    expect(pass(silence, 15_000, 3_600_000)).toBe(30_000);
  });

  test("allows for three times the longest silence that a comment ended", () => {
    const silence = createIdleDetector("auto");
    silence.heard(0);
    silence.heard(15_000, true);
    silence.heard(35_000, true);
    expect(pass(silence, 35_000, 94_000)).toBe(1000);
    expect(silence.check(95_000, false)).toBe("nothing came for 60000 ms");
  });

  test("says when the limit is another one, so that nobody waits for a check that is far off", () => {
    const { heard } = createIdleDetector("auto");
    expect([heard(0), heard(15_000, true), heard(30_000, true), heard(45_000, true)]).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  test("is no less than 10 s", () => {
    const silence = createIdleDetector("auto");
    for (let nowMs = 0; nowMs <= 3000; nowMs += 1000) silence.heard(nowMs, true);
    expect(pass(silence, 3000, 12_000)).toBe(1000);
    expect(silence.check(13_000, false)).toBe("nothing came for 10000 ms");
  });

  test("takes what was open while the machine slept for dead, and a page's late timers for no sleep", () => {
    const throttled = createIdleDetector("auto");
    throttled.heard(0);
    for (let minutes = 0; minutes < 60; minutes++) {
      expect(throttled.check(minutes * 60_000, false)).toBe(30_000);
    }
    const slept = createIdleDetector("auto");
    slept.heard(0);
    expect(pass(slept, 0, 5000)).toBe(30_000);
    expect(slept.check(3_605_000, false)).toBe("the machine slept");
  });
});

describe("a connection with idleMs", () => {
  const URL = "https://a.example/";
  const DEAD = `Event stream ${URL} is dead: nothing came for 1000 ms`;

  function open(headers?: () => Promise<object>) {
    const world = createWorld();
    const told: string[] = [];
    const connection = connect(URL, {
      ...world,
      idleMs: 1000,
      retry: false,
      ...(headers && { headers: headers as () => Promise<Record<string, string>> }),
      onMessage: ({ data }) => (data === "slow" ? new Promise(() => {}) : told.push(data)),
      onError: ({ code, message }) => void told.push(`${code}: ${message}`),
    });
    return { world, connection, told };
  }

  test("ends a request that is never answered", async () => {
    const { world, told } = open();
    await world.advance(999);
    expect(told).toEqual([]);
    await world.advance(1);
    expect([told, world.last.aborted, world.timers]).toEqual([[`idle: ${DEAD}`], true, 0]);
  });

  test("counts from the request on, however long that took to make", async () => {
    let make = () => {};
    const { world, told } = open(() => new Promise((resolve) => (make = () => resolve({}))));
    await world.advance(59_999);
    expect(told).toEqual([]);
    make();
    await world.advance(999);
    expect(told).toEqual([]);
    await world.advance(1);
    expect(told).toEqual([`idle: ${DEAD}`]);
  });

  test("counts every byte, and the response", async () => {
    const { world, told } = open();
    await world.advance(900);
    world.last.respond();
    await world.advance(900);
    void world.last.send("data: a");
    await world.advance(900);
    void world.last.send("\n\n");
    await world.advance(900);
    void world.last.send(":");
    await world.advance(999);
    expect(told).toEqual(["a"]);
    await world.advance(1);
    expect(told[1]).toBe(`idle: ${DEAD}`);
  });

  test("counts text and messages, where the transport gives those", async () => {
    const { world, told } = open();
    world.last.respond();
    await world.advance(900);
    void world.last.sink.onText!("data: a\n\n");
    await world.advance(900);
    void world.last.sink.onMessage!({ event: "message", data: "b", id: "" });
    await world.advance(999);
    expect(told).toEqual(["a", "b"]);
    await world.advance(1);
    expect(told[2]).toBe(`idle: ${DEAD}`);
  });

  test("lets no time pass while its reader is behind", async () => {
    const { world, connection, told } = open();
    world.last.respond();
    void world.last.send("data: slow\n\n");
    await world.advance(60_000);
    expect([connection.state, told]).toEqual(["open", []]);
  });

  test("leaves no timer behind when the stream ends, fails or is closed", async () => {
    const ended = open();
    ended.world.last.respond();
    ended.world.last.end();
    const failed = open();
    failed.world.last.fail();
    const closed = open();
    closed.connection.close();
    for (const { world } of [ended, failed, closed]) {
      await world.settle();
      expect(world.timers).toBe(0);
    }
  });
});

describe("a request that is not made, since what it is made of never settles", () => {
  const url = "https://a.example/";
  const never = () => new Promise<never>(() => {});
  const TOOK = "timeout: Cannot make the request: url, headers, body or resume took";

  function open(address: string | (() => Promise<string>), options: object) {
    const world = createWorld();
    const told: string[] = [];
    const connection = connect(address, {
      ...world,
      onError: ({ code, message }) => void told.push(`${code}: ${message}`),
      ...options,
    });
    return { world, told, connection };
  }

  test.each([
    ["url", never, {}],
    ["headers", url, { headers: never }],
    ["body", url, { method: "POST", body: never }],
    ["a feature", url, { use: [() => ({ prepare: never })] }],
  ])("%s is a failed attempt after a minute, or connectTimeoutMs", async (_name, address, options) => {
    const minute = open(address, { retry: false, ...options });
    await minute.world.advance(59_999);
    expect(minute.told).toEqual([]);
    await minute.world.advance(1);
    expect(minute.told).toEqual([`${TOOK} 60000 ms (connectTimeoutMs)`]);
    expect((await minute.connection.ended).reason).toBe("gave-up");
    const second = open(address, { connectTimeoutMs: 1000, retry: false, ...options });
    await second.world.advance(1000);
    expect(second.told).toEqual([`${TOOK} 1000 ms (connectTimeoutMs)`]);
    const endless = open(address, { connectTimeoutMs: 0, ...options });
    await endless.world.advance(3_600_000);
    expect([endless.told, endless.connection.state]).toEqual([[], "connecting"]);
    endless.connection.close();
    for (const { world } of [minute, second, endless])
      expect([world.timers, world.attempts.length]).toEqual([0, 0]);
  });

  test("the next attempt asks again, and what the first one was given later is dropped", async () => {
    const answers: ((headers: object) => void)[] = [];
    const headers = () => new Promise<object>((resolve) => void answers.push(resolve));
    const { world, told, connection } = open(url, { connectTimeoutMs: 1000, headers });
    await world.advance(1000);
    expect(told).toHaveLength(1);
    while (answers.length < 2) await world.advance(100);
    answers[0]!({ a: "old" });
    answers[1]!({ a: "new" });
    await world.settle();
    expect(world.attempts.map(({ request }) => request.headers["a"])).toEqual(["new"]);
    connection.close();
  });

  test("resume has as long as headers", async () => {
    const { world, told, connection } = open(url, {
      connectTimeoutMs: 1000,
      method: "POST",
      resume: never,
    });
    world.last.respond();
    world.last.fail();
    await world.advance(120_000);
    expect(told[1]).toBe(`${TOOK} 1000 ms (connectTimeoutMs)`);
    connection.close();
  });

  test("refresh may take as long as somebody needs to sign in, and then the request is made", async () => {
    let signIn = (): void => {};
    const refresh = () => new Promise<void>((resolve) => (signIn = resolve));
    const { world, told, connection } = open(url, { connectTimeoutMs: 1000, refresh });
    world.last.respond(401);
    world.last.end();
    await world.advance(3_600_000);
    expect([told, connection.state, world.attempts.length]).toEqual([[], "connecting", 1]);
    signIn();
    await world.settle();
    expect(world.attempts).toHaveLength(2);
    connection.close();
  });
});

describe('a connection with idleMs: "auto"', () => {
  const URL = "https://a.example/";

  /** A stream that says this every 15 seconds, and then nothing more. @returns After how many seconds it was found dead. */
  async function silentAfter(heartbeat: string, times: number): Promise<number | undefined> {
    const world = createWorld();
    let deadAtMs: number | undefined;
    const connection = connect(URL, {
      ...world,
      onMessage() {},
      onError: ({ code }) => {
        if (code === "idle") deadAtMs ??= world.nowMs;
      },
    });
    world.last.respond();
    for (let time = 0; time < times; time++) {
      await world.advance(15_000);
      void world.last.send(heartbeat);
    }
    const lastMs = world.nowMs;
    await world.advance(600_000);
    connection.close();
    return deadAtMs && (deadAtMs - lastMs) / 1000;
  }

  test.each([
    ["a comment", ":\n\n", 2],
    ["a blank line", "\n", 2],
    ["an id by itself", "id: 7\n\n", 2],
    ["an event called ping", "event: ping\ndata: {}\n\n", 2],
    ["an event called heartbeat", "event:heartbeat\ndata: 1\n\n", 2],
    ["any message, when it comes regularly", "data: 1\n\n", 3],
  ])("learns from %s, and finds a dead stream within three of its intervals", async (_name, text, times) => {
    expect(await silentAfter(text, times)).toBe(45);
    expect(await silentAfter(text, times - 1)).toBe(undefined);
  });

  test("learns nothing from messages that come when they come", async () => {
    const world = createWorld();
    const connection = connect(URL, { ...world, onMessage() {} });
    world.last.respond();
    for (const ms of [4000, 30_000, 9000, 60_000, 2000, 20_000]) {
      await world.advance(ms);
      void world.last.send("data: 1\n\n");
    }
    await world.advance(600_000);
    expect([connection.state, world.attempts.length]).toEqual(["open", 1]);
    connection.close();
  });

  test("forgets regular messages when they were no heartbeat: there is one needless reconnect, not many", async () => {
    const world = createWorld();
    const connection = connect(URL, { ...world, onMessage() {} });
    world.last.respond();
    for (let time = 0; time < 5; time++) {
      await world.advance(15_000);
      void world.last.send("data: 1\n\n");
    }
    await world.advance(50_000);
    expect(world.attempts).toHaveLength(2);
    world.last.respond();
    await world.advance(3_600_000);
    expect([connection.state, world.attempts.length]).toEqual(["open", 2]);
    connection.close();
  });
});
