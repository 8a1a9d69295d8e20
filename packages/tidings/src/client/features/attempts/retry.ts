/**
 * When and whether to reconnect, where that is not as the core does it.
 * This module is browser compatible.
 */
import { EventStreamError } from "../../core/event-stream-error.ts";
import type { Feature } from "../../core/feature.ts";
import { atLeast } from "../../../guard/least.ts";
import type { Given } from "../../../guard/given.ts";
import type { RetryPolicy } from "../../core/reconnect.ts";

export interface RetryOptions extends Given<RetryPolicy> {
  /** How many attempts in a row may fail before the connection gives up. Default: no limit. */
  attempts?: number | undefined;
  /**
   * How long attempts may keep failing before the connection gives up: the time in which it connects or waits for its next attempt.
   * While the machine sleeps, or the page is frozen, hidden or offline, no time passes. Default: no limit.
   */
  budgetMs?: number | undefined;
  /**
   * Whether a request that may change something (any method but GET, HEAD, OPTIONS and QUERY) is sent again after a lost connection.
   * `"unanswered"`: only if no event stream was received. Default: false, or true with a `cursor`.
   */
  replay?: boolean | "unanswered" | undefined;
  /**
   * What to do after a status other than 200. Default: reconnect after 408, 425, 429 and 5xx, stop after all others. The entry of a
   * 2xx status applies to a response that is not an event stream.
   */
  statuses?: StatusTable | undefined;
}

/** What to do about a status: come back later, or stop. */
export type StatusTable = { readonly [status: number]: "return" | "stop" };

/** The smallest value of each. A smaller `baseMs` would be a storm of requests. */
const LEAST = { baseMs: 100, capMs: 0, healthyMs: 0, attempts: 1, budgetMs: 0 };

/** How often the time that is spent is looked at: a look that comes late has slept. */
const LOOK_MS = 5000;

/**
 * Other times, an end to trying, requests that are repeated, and rules for statuses.
 * @throws {RangeError} If a number is none, or too small.
 */
export function retry(options: RetryOptions): Feature {
  const { attempts = Infinity, budgetMs = Infinity, replay, statuses = {} } = options;
  for (const name of Object.keys(LEAST) as (keyof typeof LEAST)[]) {
    atLeast("connect", `retry.${name}`, options[name], LEAST[name]);
  }
  return (core) => {
    const { clock, policy } = core;
    const { baseMs = policy.baseMs, capMs = policy.capMs, healthyMs = policy.healthyMs } = options;
    let isAnswered = false;
    let lastError: EventStreamError | undefined;
    let spentMs = 0;
    let sinceMs = 0;
    let looking: unknown;
    Object.assign(policy, { baseMs, capMs, healthyMs });
    return {
      canRepeat: () => !!replay && !(replay === "unanswered" && isAnswered),
      response() {
        isAnswered = true;
      },
      lost(error) {
        const { code, status } = error;
        lastError = error;
        const rule = /^(status|content-type)$/.test(code) && statuses[status!];
        if (rule) Object.assign(error, { willRetry: rule === "return" });
        return undefined;
      },
      state({ state, before, nowMs }) {
        const { failures, dueMs, phase } = state;
        clock.clearTimeout(looking);
        if (before.phase === "paused") sinceMs = nowMs;
        spend(nowMs);
        const waits = phase === "waiting";
        if (failures < 2 && waits) spentMs = 0;
        if (failures >= attempts && (waits || phase === "paused")) giveUp();
        else if (waits && spentMs + dueMs - nowMs > budgetMs) {
          // Unless it does not wait after all, since the page is hidden or offline.
          void Promise.resolve().then(() => core.state === state && giveUp());
        } else if (failures && (waits || phase === "connecting") && budgetMs < Infinity) look();
      },
    };

    function spend(nowMs: number): void {
      spentMs += Math.min(nowMs - sinceMs, 2 * LOOK_MS);
      sinceMs = nowMs;
    }

    function look(): void {
      spend(clock.nowMs());
      looking = clock.setTimeout(look, LOOK_MS);
    }

    function giveUp(): void {
      const what = `Gave up after ${core.state.failures} attempts: ${lastError!.message}`;
      core.fail(new EventStreamError("exhausted", what, { cause: lastError }));
    }
  };
}
