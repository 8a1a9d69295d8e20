/**
 * Decides when to connect, wait, pause and stop: a pure function of a state and what happened.
 * It holds no timer and does no I/O, so every rule is a row in the table of its tests. The state alone says what to do, and
 * attempts.ts does it: `connecting` is an attempt to make, `waiting` a timer until `dueMs`, and a change from `open` or
 * `connecting` cuts the request.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#reestablish-the-connection
 * This module is browser compatible.
 */

/**
 * - `"connecting"`: a request is under way.
 * - `"open"`: the response came and its messages are read.
 * - `"waiting"`: until the next attempt is due.
 * - `"paused"`: until the platform is there again: the network, the screen.
 * - `"closed"`: for good.
 */
export type ConnectionState = "connecting" | "open" | "waiting" | "paused" | "closed";

/** When to reconnect. Times are in milliseconds. */
export interface RetryPolicy {
  /** The least time from one attempt to the next, at least 100. A server's `retry:` can lengthen it, never shorten it. Default: 1000. */
  baseMs: number;
  /** Where the doubling stops. A server's `retry:` or `Retry-After` may ask for more, up to an hour. Default: 30,000. */
  capMs: number;
  /** How long a stream must have been open before earlier failures are forgotten. Default: 10,000. */
  healthyMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { baseMs: 1000, capMs: 30_000, healthyMs: 10_000 };

/** What a server can ask for at most: far below the 2^31-1 ms at which a platform's timer overflows and fires at once. */
export const LONGEST_WAIT_MS = 3_600_000;

export interface ReconnectState {
  readonly phase: ConnectionState;
  /** The number of the current attempt, from 1. */
  readonly attempt: number;
  /** Attempts in a row that did not stay open for `healthyMs`. */
  readonly failures: number;
  /** When the response of the current attempt came. */
  readonly openedAtMs: number;
  /** No attempt starts before: the least distance to the last one, and what `Retry-After` asked for. */
  readonly notBeforeMs: number;
  /** While `waiting` or `paused`: when the next attempt is due; `Infinity` for never. */
  readonly dueMs: number;
  /** The server's last `retry:`. */
  readonly reconnectionTimeMs: number;
}

/** What happened. */
export type ReconnectInput =
  | { readonly type: "start" }
  /** A response came, and is read. */
  | { readonly type: "opened" }
  /** The current attempt is over, and another follows. */
  | {
      readonly type: "lost";
      /** From 0 up to 1. */
      readonly random: number;
      readonly retryAfterMs?: number | undefined;
      /** The server ended the response itself. */
      readonly byServer?: boolean | undefined;
      /** For once without waiting, as after fresh credentials. */
      readonly atOnce?: boolean | undefined;
    }
  /** The server sent `retry:`. */
  | { readonly type: "retry"; readonly ms: number }
  /** The wait is over. */
  | { readonly type: "due" }
  /** No attempt makes sense now. With `ms`, one is made after that time all the same. */
  | { readonly type: "pause"; readonly ms?: number | undefined }
  /** The platform is there again; while waiting or paused, a reason to try now. */
  | { readonly type: "resume" }
  /** The application wants another attempt at once. */
  | { readonly type: "reconnect" }
  | { readonly type: "close" };

export const INITIAL_STATE: ReconnectState = {
  phase: "connecting",
  attempt: 0,
  failures: 0,
  openedAtMs: 0,
  notBeforeMs: 0,
  dueMs: 0,
  reconnectionTimeMs: 0,
};

/** Whether there is an attempt that has come to no end. */
export function isUnderWay({ attempt, phase }: ReconnectState): boolean {
  return attempt > 0 && (phase === "connecting" || phase === "open");
}

/**
 * The next state; the same one after late and senseless input.
 * @param nowMs - Of any clock.
 */
export function step(
  state: ReconnectState,
  input: ReconnectInput,
  nowMs: number,
  policy: RetryPolicy,
): ReconnectState {
  const { phase, attempt, notBeforeMs, reconnectionTimeMs } = state;
  const { type } = input;
  const underWay = isUnderWay(state);
  const floorMs = Math.max(policy.baseMs, reconnectionTimeMs);
  const open = (): ReconnectState => ({
    ...state,
    phase: "connecting",
    attempt: attempt + 1,
    notBeforeMs: nowMs + floorMs,
  });

  if (phase === "closed") return state;
  if (type === "close") return { ...state, phase: "closed" };
  if (type === "pause") {
    const dueMs = nowMs + (input.ms ?? Infinity);
    return phase === "paused" && dueMs >= state.dueMs ? state : { ...state, phase: "paused", dueMs };
  }
  if (type === "reconnect") return { ...open(), failures: 0 };
  if (type === "retry") return { ...state, reconnectionTimeMs: Math.min(input.ms, LONGEST_WAIT_MS) };
  if (type === "opened") {
    return underWay && phase !== "open" ? { ...state, phase: "open", openedAtMs: nowMs } : state;
  }
  if (type !== "lost") {
    // To start, to go on when the wait is over, to resume: what is under way needs none of them.
    if (
      underWay ||
      (type === "due" && phase !== "waiting" && !(phase === "paused" && state.dueMs < Infinity))
    )
      return state;
    return type === "resume" && notBeforeMs > nowMs
      ? { ...state, phase: "waiting", dueMs: Math.min(notBeforeMs, nowMs + LONGEST_WAIT_MS) }
      : open();
  }
  if (!underWay) return state;
  if (input.atOnce) return open();

  // A server that answers and dies at once would look healthy if answers were counted; only the time that it was open counts.
  const healthy = phase === "open" && nowMs - state.openedAtMs >= policy.healthyMs;
  const failures = healthy ? 1 : state.failures + 1;
  const laterMs = Math.min(input.retryAfterMs || 0, LONGEST_WAIT_MS);
  // A server that says when to return and then ends the stream has chosen the moment; one that breaks has not.
  const doublings = input.byServer && reconnectionTimeMs > 0 ? failures - 1 : failures;
  const dueMs = nowMs + delayMs(Math.max(floorMs, laterMs), doublings, input.random, policy.capMs);
  return {
    ...state,
    phase: "waiting",
    failures,
    notBeforeMs: Math.max(notBeforeMs, nowMs + laterMs),
    dueMs,
  };
}

/** What the loss of an attempt means for the next one. */
export function lossOf(
  { code, retryAfter }: { readonly code: string; readonly retryAfter?: string | null | undefined },
  clock: { nowMs(): number; random(): number },
): ReconnectInput {
  return {
    type: "lost",
    random: clock.random(),
    retryAfterMs: retryAfterMsOf(retryAfter, clock.nowMs()),
    byServer: code === "ended",
  };
}

/** What `Retry-After` asks for, as seconds or as a date; the longest of several, to which a proxy may have added its own. */
function retryAfterMsOf(retryAfter: string | null | undefined, nowMs: number): number {
  const seconds = Math.max(...(retryAfter || "").split(",").map(Number));
  return seconds >= 0 ? seconds * 1000 : Date.parse(retryAfter!) - nowMs || 0;
}

/**
 * How long to wait before returning: anything from what was asked for to its double for each failure, evenly, so that the
 * subscribers of a server that restarted do not return together.
 */
export function delayMs(askedMs: number, doublings: number, random: number, capMs: number): number {
  const doubledMs = Math.min(capMs, askedMs * Math.pow(2, Math.min(doublings, 30)));
  // Where nothing is doubled, or the cap is passed, there is still a fifth to spread over.
  const ceilingMs = Math.max(doubledMs, askedMs * 1.2);
  return Math.min(Math.ceil(askedMs + random * (ceilingMs - askedMs)), LONGEST_WAIT_MS);
}
