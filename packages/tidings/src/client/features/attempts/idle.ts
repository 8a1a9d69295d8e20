/**
 * How long a stream may be silent. A dead connection can look open forever, since nothing tells the client that it broke.
 * This module is browser compatible.
 */
import { atLeast } from "../../../guard/least.ts";
import { type EventStreamErrorCode, streamError } from "../../core/event-stream-error.ts";
import type { Feature } from "../../core/feature.ts";
import { createIdleDetector, isHeartbeat } from "./idle-detector.ts";

/** How long to wait for a response, in milliseconds; 0 for no limit. */
export interface AnswerTimeouts {
  /**
   * From the request to the response. Default: 60,000 for a request that may be repeated, no limit for others. The functions `url`,
   * `headers`, `body` and `resume` have as long to settle, by default 60,000 for any request.
   */
  connectTimeoutMs?: number | undefined;
  /** From the response to its first byte. Default: only the idle limit. */
  firstByteTimeoutMs?: number | undefined;
}

/**
 * Ends an attempt that received nothing for `idleMs`, not even a comment. Another follows if the request may be repeated.
 * @param idleMs - 0 for no limit. `"auto"`: three times the interval of the server's heartbeat or of other regular traffic, and at
 *   least 10 seconds, once it is known. A function is called with whether the request may be repeated.
 * @throws {RangeError} If a number is none, or is below 0.
 */
export function idle(
  idleMs: number | "auto" | ((canRepeat: boolean) => number | "auto") = "auto",
  timeouts: AnswerTimeouts = {},
): Feature {
  const { connectTimeoutMs, firstByteTimeoutMs = 0 } = timeouts;
  for (const name of ["connectTimeoutMs", "firstByteTimeoutMs"] as const)
    atLeast("connect", name, timeouts[name], 0);
  if (idleMs !== "auto" && typeof idleMs !== "function") atLeast("connect", "idleMs", idleMs, 0);
  return (core) => {
    const { clock, pressure } = core;
    let limit: number | "auto" | undefined;
    let detector = createIdleDetector(0);
    let timer: unknown;
    // A limit of its own for what comes next, and when it is reached.
    let what = "";
    let dueMs = Infinity;

    return {
      prepare() {
        const ms = connectTimeoutMs ?? 60_000;
        const text = `Cannot make the request: url, headers, body or resume took ${ms} ms (connectTimeoutMs)`;
        if (ms > 0 && ms < Infinity)
          timer = clock.setTimeout(() => core.lose(streamError("timeout", undefined, text)), ms);
      },
      request() {
        const repeats = core.canRepeat();
        const next = typeof idleMs === "function" ? idleMs(repeats) : idleMs;
        // What was learned stays, unless the answer to a POST goes on by requests that may be repeated.
        if (next !== limit) detector = createIdleDetector((limit = next));
        expect("was not answered", connectTimeoutMs ?? (repeats ? 60_000 : 0));
      },
      // Nothing is read while the reader is behind from the attempt before.
      response: () => expect("sent no byte", pressure() ? 0 : firstByteTimeoutMs),
      heard(chunk) {
        const isFirst = dueMs < Infinity;
        dueMs = Infinity;
        if (detector.heard(clock.nowMs(), isHeartbeat(chunk)) || isFirst) check();
        const behind = pressure();
        if (behind) void behind.then(() => void detector.heard(clock.nowMs()));
      },
      state({ state: { phase } }) {
        if (phase !== "open") clock.clearTimeout(timer);
      },
    };

    /** @param ms - How long it may take; 0 for no limit. */
    function expect(didNot: string, ms: number): void {
      const nowMs = clock.nowMs();
      what = `${didNot} within ${ms} ms`;
      dueMs = ms > 0 ? nowMs + ms : Infinity;
      detector.heard(nowMs);
      check();
    }

    function check(): void {
      const nowMs = clock.nowMs();
      if (nowMs >= dueMs) return lose("timeout", what);
      const left = detector.check(nowMs, !!pressure());
      if (typeof left === "string") return lose("idle", `is dead: ${left}`);
      const ms = Math.min(left, dueMs - nowMs);
      clock.clearTimeout(timer);
      if (ms < Infinity) timer = clock.setTimeout(check, ms);
    }

    function lose(code: EventStreamErrorCode, text: string): void {
      core.lose(streamError(code, core.url, text));
    }
  };
}
