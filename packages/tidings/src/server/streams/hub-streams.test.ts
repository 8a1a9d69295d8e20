import { afterEach, describe, expect, test, vi } from "vitest";
import { createStreamWorld } from "../../../../../test/support/stream-world.ts";
import { Batch } from "../out/batch.ts";
import { TimerWheel } from "../time/timer-wheel.ts";
import type { Deadlines, HubStream, StreamStart } from "./hub-stream.ts";
import { HubStreams } from "./hub-streams.ts";
import type { StreamEnd } from "./subscription.ts";

const HEARTBEAT_MS = 15_000;
const STALL_MS = 60_000;

afterEach(() => {
  vi.useRealTimers();
});

function createWorld(head = 0) {
  vi.useFakeTimers();
  let nowMs = 0;
  const world = createStreamWorld(head);
  const wheel = new TimerWheel();
  const streams = new HubStreams({
    recent: world.recent,
    hub: world.hub,
    groups: world.groups,
    wheel,
    now: () => nowMs,
    heartbeatMs: HEARTBEAT_MS,
    stallMs: STALL_MS,
  });
  return {
    ...world,
    wheel,
    streams,
    at(ms: number) {
      nowMs = ms;
    },
    enter(options: Partial<StreamStart> = {}) {
      const opened = world.open(options);
      streams.enter(opened.stream, Batch.of(""), nowMs);
      return opened;
    },
  };
}

const deadlines = (more: Partial<Deadlines>): Deadlines => ({
  endsAtMs: Infinity,
  endsAs: "lifetime",
  recheckAtMs: Infinity,
  recheck: undefined,
  ...more,
});

describe("a stream that enters", () => {
  test.each([
    ["with everything there is waits for what comes", 5, true, []],
    ["is sent what came meanwhile", 4, false, ["wake"]],
  ])("%s", (_, offset, caughtUp, asked) => {
    const world = createWorld(5);
    const { stream } = world.enter({ offset });
    expect([stream.caughtUp, world.asked]).toEqual([caughtUp, asked]);
    expect([world.streams.size, [...world.streams], world.wheel.size]).toEqual([1, [stream], 1]);
  });

  test("stands among those that are blocked if its head was not taken", () => {
    const world = createWorld();
    const { stream, outlet } = world.open();
    stream.blocked = true;
    outlet.bufferedBytes = 12;
    world.streams.enter(stream, Batch.of(""), 3.7);
    expect([[...stream.group.streams], [...stream.group.blocked]]).toEqual([[], [stream]]);
    expect(stream).toMatchObject({ blockedSinceMs: 3, blockedBytes: 12 });
  });
});

describe("what comes due for a stream", () => {
  interface Due {
    readonly next: number | undefined;
    readonly asked?: string[];
    readonly end?: StreamEnd;
    readonly seen?: string[];
  }
  const blockedSince =
    (ms: number, bufferedBytes = 10) =>
    (stream: HubStream) => {
      Object.assign(stream.outlet, { bufferedBytes: 10 });
      stream.block(ms, Batch.of(""));
      Object.assign(stream.outlet, { bufferedBytes });
    };
  test.each<[name: string, prepare: (stream: HubStream) => void, nowMs: number, due: Due]>([
    ["is nothing before its heartbeat", () => {}, 14_999, { next: 1 }],
    ["is its heartbeat, which the fan-out writes", () => {}, 15_000, { next: HEARTBEAT_MS, asked: ["wake"] }],
    [
      "is no heartbeat where something was written",
      (stream) => (stream.lastWriteMs = 10_000),
      15_000,
      { next: 10_000 },
    ],
    [
      "is the end of its lifetime",
      (stream) => (stream.deadlines = deadlines({ endsAtMs: 9_000 })),
      9_000,
      { next: undefined, end: "lifetime", seen: ["end"] },
    ],
    [
      "is the end of its lifetime, as what was said",
      (stream) => (stream.deadlines = deadlines({ endsAtMs: 9_000, endsAs: "expired" })),
      9_000,
      { next: undefined, end: "expired", seen: ["end"] },
    ],
    [
      "is soon its end",
      (stream) => (stream.deadlines = deadlines({ endsAtMs: 9_000 })),
      8_000,
      { next: 1_000 },
    ],
    ["is no stall before the time", blockedSince(5_000), 64_999, { next: 1 }],
    [
      "is a cut, of a peer that takes nothing",
      blockedSince(5_000),
      65_000,
      { next: undefined, end: "stalled", seen: ["destroy"] },
    ],
    ["is no stall where some bytes were taken", blockedSince(5_000, 9), 65_000, { next: HEARTBEAT_MS }],
    [
      "is a cut, of one that was ended and does not take the end",
      (stream) => (stream.end = "closed"),
      30_000,
      { next: undefined, end: "closed", seen: ["destroy"] },
    ],
    [
      "is no cut before the time, of one that was ended",
      (stream) => (stream.end = "closed"),
      29_999,
      { next: 1, end: "closed" },
    ],
  ])("%s", (_, prepare, nowMs, { next, asked = [], end, seen = [] }) => {
    const world = createWorld();
    const { stream, outlet } = world.enter();
    prepare(stream);
    world.at(nowMs);
    expect(world.streams.due(stream, nowMs)).toBe(next);
    expect([world.asked, stream.end, outlet.seen]).toEqual([asked, end, seen]);
    expect(stream.heartbeatDue).toBe(asked.length > 0);
  });

  test("is to be authorized again, once", () => {
    const world = createWorld();
    const { stream } = world.enter();
    const recheck = vi.fn();
    stream.deadlines = deadlines({ recheckAtMs: 4_000, recheck });
    expect(world.streams.due(stream, 3_999)).toBe(1);
    expect(recheck).toHaveBeenCalledTimes(0);
    world.streams.due(stream, 4_000);
    world.streams.due(stream, 5_000);
    expect(recheck).toHaveBeenCalledTimes(1);
  });
});

describe("the end of a stream", () => {
  test.each<[end: StreamEnd, retryMs: number | undefined, blocked: boolean, seen: string[]]>([
    ["closed", undefined, false, ["end"]],
    ["drained", 2_000, false, ["retry: 2000\n\n", "end"]],
    ["drained", 2_000, true, ["end"]],
    ["lifetime", 0, false, ["retry: 0\n\n", "end"]],
    ["stalled", 2_000, false, ["destroy"]],
    ["failed", 2_000, false, ["destroy"]],
  ])("%s, with retry %s, blocked %s, is %j", (end, retryMs, blocked, seen) => {
    const world = createWorld();
    const { stream, outlet } = world.enter();
    if (blocked) stream.block(0, Batch.of(""));
    world.streams.end(stream, end, retryMs);
    world.streams.end(stream, "closed");
    expect([stream.end, outlet.seen]).toEqual([end, seen]);
    // It is there until its response is over, and no longer in the walk.
    expect([[...stream.group.streams], [...stream.group.blocked], [...world.streams]]).toEqual([
      [],
      [],
      [stream],
    ]);
    world.streams.closed(stream);
    expect([[...world.streams], world.streams.size, world.wheel.size]).toEqual([[], 0, 0]);
    expect(stream.end).toBe(end);
  });

  test("is that its peer left, where nobody ended it", async () => {
    const world = createWorld();
    const { stream } = world.enter();
    const ended = stream.ended;
    world.streams.closed(stream);
    expect(await ended).toBe("peer-left");
  });

  test("lets nothing come due any more", () => {
    const world = createWorld();
    const { stream } = world.enter();
    stream.end = "closed";
    world.wheel.remove(stream);
    world.streams.reschedule(stream);
    expect(world.wheel.size).toBe(0);
  });

  test("of all is awaited, for a time", async () => {
    const world = createWorld();
    await world.streams.empty(1_000);
    const { stream } = world.enter();
    const seen: string[] = [];
    const patient = world.streams.empty(10_000).then(() => seen.push("patient"));
    await vi.advanceTimersByTimeAsync(9_999);
    expect(seen).toEqual([]);
    world.streams.closed(stream);
    await patient;
    world.enter();
    const hasty = world.streams.empty(1_000).then(() => seen.push("hasty"));
    await vi.advanceTimersByTimeAsync(1_000);
    await hasty;
    expect(seen).toEqual(["patient", "hasty"]);
  });

  test("of all at once is a cut, of those that are leaving too", () => {
    const world = createWorld();
    const opened = [world.enter(), world.enter()];
    world.streams.end(opened[0]!.stream, "closed");
    world.streams.destroyAll();
    expect(opened.map(({ outlet }) => outlet.seen)).toEqual([["end", "destroy"], ["destroy"]]);
  });
});

test.each<[name: string, ends: boolean]>([
  ["whose peer was not looked at", false],
  ["that has ended, and whose peer was not looked at", true],
])("a process that was suspended cuts no stream for it %s", (_name, ends) => {
  const world = createWorld();
  const { stream, outlet } = world.enter();
  Object.assign(outlet, { bufferedBytes: 10 });
  if (ends) world.streams.end(stream, "lifetime");
  else stream.block(0, Batch.of(""));
  const suspendedMs = 3_600_000;
  const now = performance.now() + suspendedMs;
  const clock = vi.spyOn(performance, "now").mockReturnValue(now);
  vi.advanceTimersByTime(250);
  const seen = [...outlet.seen];
  expect(world.streams.due(stream, suspendedMs)).toBeGreaterThan(0);
  expect(outlet.seen).toEqual(seen);
  world.streams.due(stream, suspendedMs + STALL_MS);
  expect(outlet.seen).toEqual([...seen, "destroy"]);
  clock.mockRestore();
});
