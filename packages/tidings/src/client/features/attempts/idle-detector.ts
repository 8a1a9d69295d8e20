/**
 * Decides when a silent stream is dead. It gets what arrives and when, and is polled now and then. It holds no timer.
 * This module is browser compatible.
 */

/** No server's heartbeat is faster than this limit allows for. */
const LEAST_LEARNED_MS = 10_000;
/** How often to ask while no heartbeat is known. */
const CHECK_MS = 30_000;
/** A browser lets the timers of a hidden page wait for a minute. A timer that is later than this means that the machine was suspended. */
const SLEPT_MS = 90_000;
/** As many silences in a row of about the same length make traffic regular. */
const REGULAR = 3;

export interface IdleDetector {
  /**
   * Something came, or nothing was expected until now.
   * @param isHeartbeat - It says nothing but that the stream is alive.
   * @returns Whether the limit is another one, so that it is time to `check`.
   */
  heard(this: void, nowMs: number, isHeartbeat?: boolean): boolean;
  /**
   * @param behind - The reader is behind: no time passes.
   * @returns Why the stream is dead, or after how many milliseconds to ask again: `Infinity` for never.
   */
  check(this: void, nowMs: number, behind: boolean): string | number;
}

/**
 * @param idleMs - The limit; 0 for none. `"auto"`: three times the interval of the server's heartbeat, once two have ended a silence.
 *   Regular traffic of any other kind counts as a heartbeat too, until it has been wrong once. And a stream that was open while the
 *   machine slept is dead.
 */
export function createIdleDetector(idleMs: number | "auto"): IdleDetector {
  const auto = idleMs === "auto";
  let lastMs = 0;
  let dueMs = 0;
  // Of the server, so over all attempts.
  let heartbeats = 0;
  let longestMs = 0;
  let silences: number[] = [];
  // A function of the application may give anything.
  let limitMs = !auto && idleMs > 0 ? idleMs : Infinity;

  return { heard, check };

  function heard(nowMs: number, isHeartbeat?: boolean): boolean {
    const silentMs = nowMs - lastMs;
    lastMs = nowMs;
    if (!auto || isHeartbeat === undefined || silentMs < 1000 || silentMs >= SLEPT_MS) return false;
    if (isHeartbeat) {
      heartbeats++;
      longestMs = Math.max(longestMs, silentMs);
    }
    silences = [...silences, silentMs].slice(-REGULAR);
    const before = limitMs;
    limitMs = learnedMs();
    return limitMs !== before;
  }

  function learnedMs(): number {
    const regularMs = Math.max(...silences);
    const isRegular = silences.length === REGULAR && Math.min(...silences) > regularMs * 0.75;
    const intervalMs = heartbeats >= 2 ? longestMs : isRegular ? regularMs : Infinity;
    return Math.max(LEAST_LEARNED_MS, 3 * intervalMs);
  }

  function check(nowMs: number, behind: boolean): string | number {
    if (behind) lastMs = nowMs;
    const silentMs = nowMs - lastMs;
    // Reads the clock, since the timers of a frozen program come late.
    if (auto && silentMs > SLEPT_MS && nowMs - dueMs > SLEPT_MS) return "the machine slept";
    if (silentMs >= limitMs) {
      const why = `nothing came for ${limitMs} ms`;
      silences = [];
      if (auto) limitMs = learnedMs();
      return why;
    }
    const againMs = Math.min(limitMs - silentMs, auto ? CHECK_MS : Infinity);
    dueMs = nowMs + againMs;
    return againMs;
  }
}

/** Whether a chunk says nothing but that the stream is alive: a comment, a blank line, an id by itself, or an event that is called so. */
export function isHeartbeat(chunk: Uint8Array | string | undefined): boolean {
  if (!chunk) return false;
  const start =
    typeof chunk === "string" ? chunk.slice(0, 200) : String.fromCharCode(...chunk.subarray(0, 200));
  return /^([:\r\n]|event: ?(ping|heartbeat|keep-?alive)\b|id:[^\r\n]*[\r\n]*$)/i.test(start);
}
