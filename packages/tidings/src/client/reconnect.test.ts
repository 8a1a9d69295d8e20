import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  DEFAULT_RETRY,
  delayMs,
  INITIAL_STATE,
  LONGEST_WAIT_MS,
  type ReconnectEffect,
  type ReconnectInput,
  type ReconnectState,
  type RetryPolicy,
  step,
} from "./reconnect.ts";

const policy = DEFAULT_RETRY;

/** Runs inputs from the beginning; what the last one leads to is returned. */
function run(inputs: ReconnectInput[], using: RetryPolicy = policy): [ReconnectState, ReconnectEffect[]] {
  let state = INITIAL_STATE;
  let effects: ReconnectEffect[] = [];
  for (const input of inputs) [state, effects] = step(state, input, using);
  return [state, effects];
}

const start = (nowMs = 0): ReconnectInput => ({ type: "start", nowMs });
const opened = (attempt: number, nowMs = 0): ReconnectInput => ({ type: "opened", attempt, nowMs });
const lost = (attempt: number, nowMs = 0, more: object = {}): ReconnectInput => ({
  type: "lost",
  attempt,
  nowMs,
  random: 0,
  ...more,
});
const due = (nowMs: number): ReconnectInput => ({ type: "due", nowMs });
const resume = (nowMs: number): ReconnectInput => ({ type: "resume", nowMs });
const pause: ReconnectInput = { type: "pause" };
const close: ReconnectInput = { type: "close" };

describe("step()", () => {
  const table: [
    name: string,
    inputs: ReconnectInput[],
    phase: ReconnectState["phase"],
    effects: ReconnectEffect[],
  ][] = [
    ["starts with attempt 1", [start()], "connecting", [{ type: "open", attempt: 1 }]],
    ["starts once", [start(), start()], "connecting", []],
    ["is open when the current attempt's response came", [start(), opened(1)], "open", []],
    ["waits after a loss", [start(), lost(1)], "waiting", [{ type: "wait", ms: 1000 }]],
    [
      "opens the next attempt when the wait is over",
      [start(), lost(1), due(1000)],
      "connecting",
      [{ type: "open", attempt: 2 }],
    ],
    [
      "doubles with each failure",
      [start(), lost(1), due(1000), lost(2, 1000, { random: 1 })],
      "waiting",
      [{ type: "wait", ms: 4000 }],
    ],
    [
      "returns at once for fresh credentials",
      [start(), lost(1, 0, { atOnce: true })],
      "connecting",
      [{ type: "open", attempt: 2 }],
    ],
    ["drops a response of an old attempt", [start(), lost(1), due(1000), opened(1, 1000)], "connecting", []],
    ["drops the loss of an old attempt", [start(), lost(1), due(1000), lost(1, 1000)], "connecting", []],
    ["drops a second loss of the same attempt", [start(), lost(1), lost(1)], "waiting", []],
    ["drops a timer that comes late", [start(), lost(1), due(1000), due(1001)], "connecting", []],
    ["pauses an attempt by cutting it", [start(), pause], "paused", [{ type: "abort" }]],
    ["pauses a wait by ending it", [start(), lost(1), pause], "paused", [{ type: "stop-waiting" }]],
    ["pauses once", [start(), pause, pause], "paused", []],
    ["pauses before it starts without cutting anything", [pause], "paused", []],
    ["hears nothing of a paused attempt", [start(), pause, opened(1)], "paused", []],
    [
      "resumes at once when the last attempt is long ago",
      [start(), pause, resume(5000)],
      "connecting",
      [{ type: "open", attempt: 2 }],
    ],
    [
      "resumes no sooner than the base after the last attempt",
      [start(), pause, resume(400)],
      "waiting",
      [{ type: "wait", ms: 600 }],
    ],
    [
      "cuts a wait short when there is reason to try now",
      [start(), lost(1), due(1000), lost(2, 1000, { random: 1 }), resume(2500)],
      "connecting",
      [{ type: "stop-waiting" }, { type: "open", attempt: 3 }],
    ],
    [
      "does not cut short what Retry-After asked for",
      [start(), lost(1, 0, { retryAfterMs: 60_000 }), resume(20_000)],
      "waiting",
      [{ type: "stop-waiting" }, { type: "wait", ms: 40_000 }],
    ],
    ["has no use for a resume while open", [start(), opened(1), resume(9)], "open", []],
    ["closes an attempt by cutting it", [start(), opened(1), close], "closed", [{ type: "abort" }]],
    ["closes a wait by ending it", [start(), lost(1), close], "closed", [{ type: "stop-waiting" }]],
    ["closes before it starts", [close], "closed", []],
    ["never starts once closed", [close, start()], "closed", []],
    [
      "hears nothing once closed",
      [start(), close, opened(1), lost(1), due(1000), resume(2000), pause, close],
      "closed",
      [],
    ],
    [
      "honours Retry-After",
      [start(), lost(1, 0, { retryAfterMs: 7000 })],
      "waiting",
      [{ type: "wait", ms: 7000 }],
    ],
    [
      "clamps Retry-After to an hour",
      [start(), lost(1, 0, { retryAfterMs: 1e12 })],
      "waiting",
      [{ type: "wait", ms: LONGEST_WAIT_MS }],
    ],
    [
      "obeys retry:",
      [start(), opened(1), { type: "retry", ms: 5000 }, lost(1)],
      "waiting",
      [{ type: "wait", ms: 5000 }],
    ],
    [
      "clamps retry: to an hour",
      [start(), opened(1), { type: "retry", ms: 99_999_999_999 }, lost(1)],
      "waiting",
      [{ type: "wait", ms: LONGEST_WAIT_MS }],
    ],
    [
      "takes no retry: below its base",
      [start(), opened(1), { type: "retry", ms: 0 }, lost(1)],
      "waiting",
      [{ type: "wait", ms: 1000 }],
    ],
  ];
  test.each(table)("%s", (_name, inputs, phase, effects) => {
    const [state, last] = run(inputs);
    expect(state.phase).toBe(phase);
    expect(last).toEqual(effects);
  });

  test("keeps close to the reconnection time when the server, having said it, ends the stream itself", () => {
    const retry: ReconnectInput = { type: "retry", ms: 3000 };
    const [, effects] = run([start(), opened(1), retry, lost(1, 20_000, { byServer: true, random: 1 })]);
    expect(effects).toEqual([{ type: "wait", ms: 3600 }]);
  });

  test("forgets failures only after the stream was open for the healthy time", () => {
    const failing = [start(), lost(1), due(1000), lost(2, 1000)];
    const brief = run([...failing, due(3000), opened(3, 3000), lost(3, 3000 + policy.healthyMs - 1)]);
    expect(brief[0].failures).toBe(3);
    const healthy = run([...failing, due(3000), opened(3, 3000), lost(3, 3000 + policy.healthyMs)]);
    expect(healthy[0].failures).toBe(1);
  });

  test("gives up when the attempts are used up", () => {
    const [, effects] = run([start(), lost(1), due(1000), lost(2, 1000)], { ...policy, attempts: 2 });
    expect(effects).toEqual([{ type: "give-up", limit: "attempts" }]);
  });

  test("gives up when the next attempt would come after the budget", () => {
    const tight = { ...policy, budgetMs: 2500 };
    expect(run([start(), lost(1), due(1000), lost(2, 1000)], tight)[1]).toEqual([{ type: "wait", ms: 1000 }]);
    expect(run([start(), lost(1), due(1000), lost(2, 1000), due(2000), lost(3, 2000)], tight)[1]).toEqual([
      { type: "give-up", limit: "budgetMs" },
    ]);
  });
});

const anyInput: fc.Arbitrary<ReconnectInput> = fc.oneof(
  fc.record({ type: fc.constant("start" as const), nowMs: fc.nat(1e6) }),
  fc.record({ type: fc.constant("opened" as const), attempt: fc.nat(6), nowMs: fc.nat(1e6) }),
  fc.record({
    type: fc.constant("lost" as const),
    attempt: fc.nat(6),
    nowMs: fc.nat(1e6),
    random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    retryAfterMs: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }), { nil: undefined }),
    byServer: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("retry" as const),
    ms: fc.oneof(fc.nat(), fc.constant(1e300), fc.constant(Infinity)),
  }),
  fc.record({ type: fc.constant("due" as const), nowMs: fc.nat(1e6) }),
  fc.constant(pause),
  fc.record({ type: fc.constant("resume" as const), nowMs: fc.nat(1e6) }),
  fc.constant(close),
);

describe("any sequence of inputs", () => {
  test("has one thing under way at most, an attempt or a wait, and none once paused or closed", () => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 40 }), (inputs) => {
        let state = INITIAL_STATE;
        let underWay = false;
        let waiting = false;
        const wrong: unknown[] = [];
        for (const input of inputs) {
          if (input.type === "due") {
            // A driver's timer fires once, and only if there is one.
            if (!waiting) continue;
            waiting = false;
          }
          const before = state;
          const [next, effects] = step(state, input, policy);
          state = next;
          if (input.type === "lost" && next !== before) underWay = false;
          for (const effect of effects) {
            const starts = effect.type === "open" || effect.type === "wait";
            if (starts && (underWay || waiting)) wrong.push([effect, underWay, waiting]);
            if (effect.type === "open") underWay = true;
            else if (effect.type === "wait") waiting = true;
            else if (effect.type === "abort") underWay = false;
            else if (effect.type === "stop-waiting") waiting = false;
          }
          if (waiting !== (state.phase === "waiting")) wrong.push([input, "waiting"]);
          if (underWay && (state.phase === "paused" || state.phase === "closed"))
            wrong.push([input, "under way"]);
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  test("waits no less than the base after a loss, and never so long that a timer overflows", () => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 40 }), (inputs) => {
        let state = INITIAL_STATE;
        const wrong: unknown[] = [];
        for (const input of inputs) {
          const [next, effects] = step(state, input, policy);
          state = next;
          for (const effect of effects) {
            if (effect.type !== "wait") continue;
            if (!(effect.ms <= LONGEST_WAIT_MS)) wrong.push([input, effect]);
            if (input.type === "lost" && effect.ms < policy.baseMs) wrong.push([input, effect]);
          }
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("delayMs()", () => {
  test("spreads evenly from what was asked for to its double for each failure, up to the cap", () => {
    expect(delayMs(1000, 1, 0, 30_000)).toBe(1000);
    expect(delayMs(1000, 1, 0.5, 30_000)).toBe(1500);
    expect(delayMs(1000, 3, 1, 30_000)).toBe(8000);
    expect(delayMs(1000, 9, 1, 30_000)).toBe(30_000);
    expect(delayMs(1000, 5000, 1, 30_000)).toBe(30_000);
  });

  test("still spreads over a fifth when the server asks for more than the cap", () => {
    expect(delayMs(60_000, 2, 0, 30_000)).toBe(60_000);
    expect(delayMs(60_000, 2, 1, 30_000)).toBe(72_000);
  });
});
