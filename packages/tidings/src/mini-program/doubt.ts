/**
 * Requests that may be dead without their host saying so: after the background, and when the network goes. Each gets a few
 * seconds to show a byte. One that is alive keeps its place, and with it an answer that is not requested twice.
 * This module is browser compatible.
 */
import { LONGEST_TIMER_MS } from "../guard/timer.ts";

/** One request that is under way. */
export interface Suspect {
  readonly method: string;
  /** When its last byte came. */
  heardMs: number;
  /** It is dead. */
  fail(this: void, why: string): void;
  timer?: unknown;
  doubtedMs?: number;
}

export interface Doubt {
  add(suspect: Suspect): void;
  remove(suspect: Suspect): void;
  heard(suspect: Suspect): void;
  /** Every request must show a byte now, except one that was heard at or after `sinceMs`. */
  raise(why: string, sinceMs?: number): void;
  /** Nothing can be expected to come any more, as in the background. */
  lower(): void;
}

/** @param withinMs - How long a request has; by default 3 s for a GET, which resumes, and 20 s for others, longer than a server's heartbeat. */
export function createDoubt(withinMs?: number): Doubt {
  // An array: a mini program has few requests, and a Set is one more built-in.
  const suspects: Suspect[] = [];
  const lower = (suspect: Suspect) => clearTimeout(suspect.timer as number);

  return {
    add: (suspect) => void suspects.push(suspect),
    remove(suspect) {
      lower(suspect);
      const at = suspects.indexOf(suspect);
      if (at >= 0) suspects.splice(at, 1);
    },
    heard(suspect) {
      suspect.heardMs = Date.now();
      // What comes at once was waiting in the host before the request may have died.
      if (suspect.heardMs - (suspect.doubtedMs || 0) > QUEUED_MS) lower(suspect);
    },
    raise(why, sinceMs = Infinity) {
      suspects.forEach((suspect) => {
        if (suspect.heardMs >= sinceMs) return;
        const ms = withinMs || (suspect.method === "GET" ? 3000 : 20_000);
        suspect.doubtedMs = Date.now();
        lower(suspect);
        suspect.timer = setTimeout(
          () => suspect.fail(`${why}, and nothing came for ${ms} ms`),
          Math.min(ms, LONGEST_TIMER_MS),
        );
      });
    },
    lower: () => suspects.forEach(lower),
  };
}

const QUEUED_MS = 250;
