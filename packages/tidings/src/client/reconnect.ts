/**
 * Decides when to connect, wait, pause and stop: a pure function of a state and what happened.
 * It holds no timer and does no I/O, so every rule of returning is a row in a table of its tests. What it decides, keep-open.ts does.
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

/** When to return, in milliseconds throughout. */
export interface RetryPolicy {
  /** The least time from one attempt to the next. A server's `retry:` can lengthen it, never shorten it. Default 1000. */
  baseMs: number;
  /** What the doubling stops at. A server's `retry:` or `Retry-After` may ask for more, up to an hour. Default 30 000. */
  capMs: number;
  /** How long a stream must have been open for the failures before it to be forgotten. Default 10 000. */
  healthyMs: number;
  /** How many attempts in a row may fail before it is given up. Default: no end. */
  attempts: number;
  /** Time since the first of the failures in a row after which to give up. Default: no end. */
  budgetMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  baseMs: 1000,
  capMs: 30_000,
  healthyMs: 10_000,
  attempts: Infinity,
  budgetMs: Infinity,
};

/** What a server can ask for at most: far below the 2^31-1 ms at which a platform's timer overflows and fires at once. */
export const LONGEST_WAIT_MS = 3_600_000;

export interface ReconnectState {
  readonly phase: ConnectionState;
  /** Names the current attempt, from 1. What another attempt tells is late, and dropped. */
  readonly attempt: number;
  /** Attempts in a row that did not stay open for `healthyMs`. */
  readonly failures: number;
  /** When the first of them failed. */
  readonly failingSinceMs: number;
  /** When the response of the current attempt came. */
  readonly openedAtMs: number;
  /** No attempt starts before: the least distance to the last one, and what `Retry-After` asked for. */
  readonly notBeforeMs: number;
  /** The server's last `retry:`. */
  readonly reconnectionTimeMs: number;
}

/** What happened. `nowMs` is any clock that does not jump back; `random` is from 0 up to 1. */
export type ReconnectInput =
  | { readonly type: "start"; readonly nowMs: number }
  | { readonly type: "opened"; readonly attempt: number; readonly nowMs: number }
  /**
   * The current attempt is over, and another shall follow.
   * `byServer`: the server ended the response itself. `atOnce`: for once without waiting, as after fresh credentials.
   */
  | {
      readonly type: "lost";
      readonly attempt: number;
      readonly nowMs: number;
      readonly random: number;
      readonly retryAfterMs?: number | undefined;
      readonly byServer?: boolean | undefined;
      readonly atOnce?: boolean | undefined;
    }
  /** The server sent `retry:`. */
  | { readonly type: "retry"; readonly ms: number }
  /** The wait is over. */
  | { readonly type: "due"; readonly nowMs: number }
  | { readonly type: "pause" }
  /** The platform is there again; while waiting or paused, a reason to try now. */
  | { readonly type: "resume"; readonly nowMs: number }
  | { readonly type: "close" };

/** What to do about it, in this order. */
export type ReconnectEffect =
  /** Start the attempt of this number. */
  | { readonly type: "open"; readonly attempt: number }
  /** Cut the current attempt: it will not be heard again. */
  | { readonly type: "abort" }
  /** Say `due` after `ms`. There is one such timer at most. */
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "stop-waiting" }
  /** The policy's attempts or budget are used up: close. */
  | { readonly type: "give-up"; readonly limit: "attempts" | "budgetMs" };

export const INITIAL_STATE: ReconnectState = {
  phase: "connecting",
  attempt: 0,
  failures: 0,
  failingSinceMs: 0,
  openedAtMs: 0,
  notBeforeMs: 0,
  reconnectionTimeMs: 0,
};

/** The next state, and what to do. Late and senseless input changes nothing. */
export function step(
  state: ReconnectState,
  input: ReconnectInput,
  policy: RetryPolicy,
): [ReconnectState, ReconnectEffect[]] {
  const { phase, attempt } = state;
  const same: [ReconnectState, ReconnectEffect[]] = [state, []];
  const underWay = attempt > 0 && (phase === "connecting" || phase === "open");
  const leave: ReconnectEffect[] =
    phase === "waiting" ? [{ type: "stop-waiting" }] : underWay ? [{ type: "abort" }] : [];

  if (phase === "closed") return same;
  if (input.type === "close") return [{ ...state, phase: "closed" }, leave];
  if (input.type === "retry") {
    return [{ ...state, reconnectionTimeMs: Math.min(input.ms, LONGEST_WAIT_MS) }, []];
  }
  if (input.type === "pause") return phase === "paused" ? same : [{ ...state, phase: "paused" }, leave];
  if (input.type === "start") return attempt > 0 || phase === "paused" ? same : open(input.nowMs);
  if (input.type === "due") return phase === "waiting" ? open(input.nowMs) : same;
  if (input.type === "resume") {
    if (underWay) return same;
    const ms = state.notBeforeMs - input.nowMs;
    return ms > 0 ? wait(state, ms, leave) : open(input.nowMs, leave);
  }

  // The rest is told by attempts, and only the current one counts.
  if (input.attempt !== attempt || !underWay) return same;
  if (input.type === "opened") {
    return phase === "open" ? same : [{ ...state, phase: "open", openedAtMs: input.nowMs }, []];
  }
  if (input.atOnce) return open(input.nowMs);
  return lost(input.nowMs, input.random, input.retryAfterMs || 0, !!input.byServer);

  function open(nowMs: number, effects: ReconnectEffect[] = []): [ReconnectState, ReconnectEffect[]] {
    const next = attempt + 1;
    const notBeforeMs = nowMs + floorMs();
    return [
      { ...state, phase: "connecting", attempt: next, notBeforeMs },
      [...effects, { type: "open", attempt: next }],
    ];
  }

  function wait(
    from: ReconnectState,
    ms: number,
    effects: ReconnectEffect[] = [],
  ): [ReconnectState, ReconnectEffect[]] {
    const bounded = Math.min(Math.ceil(ms), LONGEST_WAIT_MS);
    return [{ ...from, phase: "waiting" }, [...effects, { type: "wait", ms: bounded }]];
  }

  function lost(
    nowMs: number,
    random: number,
    retryAfterMs: number,
    byServer: boolean,
  ): [ReconnectState, ReconnectEffect[]] {
    // A server that answers and dies at once looks healthy to whoever counts answers; only time open is health.
    const healthy = phase === "open" && nowMs - state.openedAtMs >= policy.healthyMs;
    const failures = healthy ? 1 : state.failures + 1;
    const failingSinceMs = failures === 1 ? nowMs : state.failingSinceMs;
    const failed = { ...state, failures, failingSinceMs };
    if (failures >= policy.attempts) return [failed, [{ type: "give-up", limit: "attempts" }]];
    const laterMs = Math.min(retryAfterMs, LONGEST_WAIT_MS);
    const askedMs = Math.max(floorMs(), laterMs);
    // A server that says when to return and then ends the stream has chosen the moment; one that breaks has not.
    const doublings = byServer && state.reconnectionTimeMs > 0 ? failures - 1 : failures;
    const ms = delayMs(askedMs, doublings, random, policy.capMs);
    if (nowMs + ms - failingSinceMs > policy.budgetMs)
      return [failed, [{ type: "give-up", limit: "budgetMs" }]];
    return wait({ ...failed, notBeforeMs: Math.max(state.notBeforeMs, nowMs + laterMs) }, ms);
  }

  function floorMs(): number {
    return Math.max(policy.baseMs, state.reconnectionTimeMs);
  }
}

/**
 * How long to wait before returning: anything from what was asked for to its double for each failure, evenly, so that the
 * subscribers of a server that restarted do not return together.
 */
export function delayMs(askedMs: number, doublings: number, random: number, capMs: number): number {
  const doubledMs = Math.min(capMs, askedMs * Math.pow(2, Math.min(doublings, 30)));
  // Where nothing is doubled, or the cap is passed, there is still a fifth to spread over.
  const ceilingMs = Math.max(doubledMs, askedMs * 1.2);
  return Math.min(askedMs + random * (ceilingMs - askedMs), LONGEST_WAIT_MS);
}
