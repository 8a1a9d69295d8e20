import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  DEFAULT_RETRY,
  delayMs,
  INITIAL_STATE,
  isUnderWay,
  lossOf,
  LONGEST_WAIT_MS,
  type ReconnectInput,
  type ReconnectState,
  type RetryPolicy,
  step,
} from "./reconnect.ts";

const policy = DEFAULT_RETRY;

test.each([
  ["120", 120_000],
  ["120, 120", 120_000],
  ["30,120", 120_000],
  ["Thu, 01 Jan 1970 00:01:00 GMT", 60_000],
  ["soon", 0],
  ["", 0],
  [null, 0],
])("Retry-After: %s asks for %d ms", (retryAfter, retryAfterMs) => {
  expect(lossOf({ code: "status", retryAfter }, { nowMs: () => 0, random: () => 0 })).toMatchObject({
    retryAfterMs,
  });
});

/** What happened, and when. */
type Told = readonly [input: ReconnectInput, nowMs: number];

/** The state after all of this, and the one before the last. */
function run(told: readonly Told[], using: RetryPolicy = policy): [ReconnectState, ReconnectState] {
  let before = INITIAL_STATE;
  let state = INITIAL_STATE;
  for (const [input, nowMs] of told) {
    before = state;
    state = step(before, input, nowMs, using);
  }
  return [state, before];
}

const at =
  (input: ReconnectInput) =>
  (nowMs = 0): Told => [input, nowMs];
const start = at({ type: "start" });
const opened = at({ type: "opened" });
const due = at({ type: "due" });
const pause = at({ type: "pause" });
const resume = at({ type: "resume" });
const close = at({ type: "close" });
const retry = (ms: number): Told => [{ type: "retry", ms }, 0];
const lost = (nowMs = 0, more: object = {}): Told => [{ type: "lost", random: 0, ...more }, nowMs];

describe("step()", () => {
  const table: [name: string, told: Told[], becomes: Partial<ReconnectState> | "the same"][] = [
    ["starts with attempt 1", [start()], { phase: "connecting", attempt: 1 }],
    ["starts once", [start(), start()], "the same"],
    [
      "is open when the current attempt's response came",
      [start(), opened(7)],
      { phase: "open", openedAtMs: 7 },
    ],
    ["waits after a loss", [start(), lost()], { phase: "waiting", attempt: 1, dueMs: 1000 }],
    [
      "goes on to the next attempt when the wait is over",
      [start(), lost(), due(1000)],
      { phase: "connecting", attempt: 2 },
    ],
    [
      "doubles with each failure",
      [start(), lost(), due(1000), lost(1000, { random: 1 })],
      { phase: "waiting", dueMs: 5000 },
    ],
    [
      "returns at once for fresh credentials",
      [start(), lost(0, { atOnce: true })],
      { phase: "connecting", attempt: 2 },
    ],
    ["drops a response when nothing was asked", [start(), lost(), opened()], "the same"],
    ["drops a second response", [start(), opened(), opened(9)], "the same"],
    ["drops a second loss of the same attempt", [start(), lost(), lost()], "the same"],
    ["drops a timer that comes late", [start(), lost(), due(1000), due(1001)], "the same"],
    ["drops a timer that comes while paused", [start(), lost(), pause(), due(1000)], "the same"],
    [
      "ends a pause with its timer, though by a clock that was set back it is not due",
      [start(), [{ type: "pause", ms: 30_000 }, 0], due(29_999)],
      { phase: "connecting", attempt: 2 },
    ],
    ["pauses an attempt", [start(), pause()], { phase: "paused" }],
    ["pauses a wait", [start(), lost(), pause()], { phase: "paused" }],
    ["pauses once", [start(), pause(), pause()], "the same"],
    ["pauses before it starts", [pause()], { phase: "paused", attempt: 0 }],
    ["hears nothing of a paused attempt", [start(), pause(), opened()], "the same"],
    [
      "resumes at once when the last attempt is long ago",
      [start(), pause(), resume(5000)],
      { phase: "connecting", attempt: 2 },
    ],
    [
      "resumes no sooner than the base after the last attempt",
      [start(), pause(), resume(400)],
      { phase: "waiting", attempt: 1, dueMs: 1000 },
    ],
    [
      "cuts a wait short when there is reason to try now",
      [start(), lost(), due(1000), lost(1000, { random: 1 }), resume(2500)],
      { phase: "connecting", attempt: 3 },
    ],
    [
      "does not cut short what Retry-After asked for",
      [start(), lost(0, { retryAfterMs: 60_000 }), resume(20_000)],
      { phase: "waiting", attempt: 1, dueMs: 60_000 },
    ],
    ["has no use for a resume while open", [start(), opened(), resume(9)], "the same"],
    ["closes an attempt", [start(), opened(), close()], { phase: "closed" }],
    ["closes a wait", [start(), lost(), close()], { phase: "closed" }],
    ["closes before it starts", [close()], { phase: "closed" }],
    ["never starts once closed", [close(), start()], "the same"],
    ...[start(), opened(), lost(), due(1000), pause(), resume(2000), retry(1), close()].map(
      (told): [string, Told[], "the same"] => [
        `hears nothing once closed, not even ${told[0].type}`,
        [start(), close(), told],
        "the same",
      ],
    ),
    ["honours Retry-After", [start(), lost(0, { retryAfterMs: 7000 })], { phase: "waiting", dueMs: 7000 }],
    [
      "clamps Retry-After to an hour",
      [start(), lost(0, { retryAfterMs: 1e12 })],
      { phase: "waiting", dueMs: LONGEST_WAIT_MS },
    ],
    ["obeys retry:", [start(), opened(), retry(5000), lost()], { phase: "waiting", dueMs: 5000 }],
    [
      "clamps retry: to an hour",
      [start(), opened(), retry(99_999_999_999), lost()],
      { phase: "waiting", dueMs: LONGEST_WAIT_MS },
    ],
    [
      "takes no retry: below its base",
      [start(), opened(), retry(0), lost()],
      { phase: "waiting", dueMs: 1000 },
    ],
  ];
  test.each(table)("%s", (_name, told, becomes) => {
    const [state, before] = run(told);
    const same = becomes === "the same";
    expect(state).toEqual({ ...(same ? before : state), ...(!same && becomes) });
    expect(state === before).toBe(same);
  });

  test("keeps close to the reconnection time when the server, having said it, ends the stream itself", () => {
    const [state] = run([start(), opened(), retry(3000), lost(20_000, { byServer: true, random: 1 })]);
    expect(state.dueMs).toBe(23_600);
  });

  test("forgets failures only after the stream was open for the healthy time", () => {
    const failing = [start(), lost(), due(1000), lost(1000)];
    const brief = run([...failing, due(3000), opened(3000), lost(3000 + policy.healthyMs - 1)]);
    expect(brief[0].failures).toBe(3);
    const healthy = run([...failing, due(3000), opened(3000), lost(3000 + policy.healthyMs)]);
    expect(healthy[0].failures).toBe(1);
  });
});

const anyTold: fc.Arbitrary<Told> = fc.tuple(
  fc.oneof<fc.Arbitrary<ReconnectInput>[]>(
    fc.constantFrom("start", "opened", "due", "pause", "resume", "close").map((type) => ({ type })),
    fc.record({
      type: fc.constant("lost" as const),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
      retryAfterMs: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }), { nil: undefined }),
      byServer: fc.boolean(),
      atOnce: fc.boolean(),
    }),
    fc.record({
      type: fc.constant("retry" as const),
      ms: fc.oneof(fc.nat(), fc.constant(1e300), fc.constant(Infinity)),
    }),
  ),
  fc.nat(1e6),
);

/** What is wrong with the steps of any sequence of inputs: the first that is found, made short. */
function wrongIn(judge: (before: ReconnectState, told: Told, after: ReconnectState) => unknown): unknown {
  const result = fc.check(
    fc.property(fc.array(anyTold, { maxLength: 40 }), (all) => {
      let state = INITIAL_STATE;
      return all.every((told) => {
        const before = state;
        state = step(before, ...told, policy);
        return judge(before, told, state) === undefined;
      });
    }),
    { numRuns: 2000 },
  );
  return result.counterexample ?? undefined;
}

describe("any sequence of inputs", () => {
  test("begins an attempt only where none is under way, or the last one was lost", () => {
    const wrong = wrongIn((before, [{ type }], after) => {
      const begins = after.attempt !== before.attempt;
      if (begins && !(after.attempt === before.attempt + 1 && after.phase === "connecting")) return after;
      if (begins && isUnderWay(before) && type !== "lost") return after;
      if (!begins && after.phase === "connecting" && before.phase !== "connecting") return after;
    });
    expect(wrong).toBeUndefined();
  });

  test("leaves a closed state for no other", () => {
    const left = (before: ReconnectState, after: ReconnectState) =>
      before.phase === "closed" && after !== before;
    expect(wrongIn((before, _told, after) => left(before, after) || undefined)).toBeUndefined();
  });

  test("waits no less than the base after a loss, and never so long that a timer overflows", () => {
    const wrong = wrongIn((before, [{ type }, nowMs], after) => {
      if (after.phase !== "waiting" || (type !== "lost" && type !== "resume") || after === before) return;
      const ms = after.dueMs - nowMs;
      if (!(ms > 0 && ms <= LONGEST_WAIT_MS)) return ms;
      if (type === "lost" && ms < policy.baseMs) return ms;
    });
    expect(wrong).toBeUndefined();
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
