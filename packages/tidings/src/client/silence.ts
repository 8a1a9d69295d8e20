/**
 * How long a stream may be silent: a dead connection can look open for ever, and on iOS a mini program is never told that one broke.
 * It is told what comes and when, and asked now and then; it holds no timer.
 * This module is browser compatible.
 */

/** No server's heartbeat is faster than this limit allows for. */
const LEAST_LEARNED_MS = 10_000;
/** How often it wants to be asked while a heartbeat is not known. */
const CHECK_MS = 30_000;
/** A browser lets the timers of a hidden page wait for a minute; what comes later than this has slept. */
const SLEPT_MS = 90_000;

export interface Silence {
  /** Something came, or nothing was expected until now. */
  heard(this: void, nowMs: number, isComment?: boolean): void;
  /**
   * @param behind - The reader is behind: no time passes.
   * @returns Why the stream is dead, or after how many milliseconds to ask again: `Infinity` for never.
   */
  check(this: void, nowMs: number, behind: boolean): string | number;
}

/**
 * @param idleMs - The limit; 0 for none. `"auto"`: three times the longest silence that a comment ended, at least 10 s, once two
 *   comments have ended one; and what was open while the machine slept is dead.
 */
export function limitSilence(idleMs: number | "auto"): Silence {
  const auto = idleMs === "auto";
  let lastMs = 0;
  let dueMs = 0;
  // Of the server, so over all attempts.
  let heartbeats = 0;
  let longestMs = 0;

  return { heard, check };

  function heard(nowMs: number, isComment?: boolean): void {
    const silentMs = nowMs - lastMs;
    if (isComment && silentMs >= 1000 && silentMs < SLEPT_MS) {
      heartbeats++;
      longestMs = Math.max(longestMs, silentMs);
    }
    lastMs = nowMs;
  }

  function check(nowMs: number, behind: boolean): string | number {
    if (behind) lastMs = nowMs;
    const silentMs = nowMs - lastMs;
    const learnedMs = heartbeats < 2 ? Infinity : Math.max(LEAST_LEARNED_MS, 3 * longestMs);
    const limitMs = auto ? learnedMs : idleMs || Infinity;
    // The clock is asked, since a frozen program's timers come late.
    if (auto && silentMs > SLEPT_MS && nowMs - dueMs > SLEPT_MS) return "the machine slept";
    if (silentMs >= limitMs) return `nothing came for ${limitMs} ms`;
    const againMs = Math.min(limitMs - silentMs, auto ? CHECK_MS : Infinity);
    dueMs = nowMs + againMs;
    return againMs;
  }
}
