/**
 * A transport around a transport that ends a request over which nothing comes: a dead connection can look open for ever,
 * and on iOS a mini program is never told that one broke.
 * This module is browser compatible.
 */
import { EventStreamError } from "./event-stream-error.ts";
import type { Clock } from "./keep-open.ts";
import type { Transport } from "./transports/transport.ts";

/** No server's heartbeat is faster than this limit allows for. */
const LEAST_LEARNED_MS = 10_000;
/** How often the clock is asked while a heartbeat is not known. */
const CHECK_MS = 30_000;
/** A browser lets the timers of a hidden page wait for a minute; what comes later than this has slept. */
const SLEPT_MS = 90_000;

/**
 * @param idleMs - Milliseconds without a byte, counted from the request on; while the reader is behind, no time passes. `"auto"`:
 *   three times the longest silence that a comment ended, at least 10 s, once two comments have ended one; and what was open while
 *   the machine slept is dead.
 */
export function limitIdle(transport: Transport, idleMs: number | "auto", clock: Clock): Transport {
  // Of the server, so over all requests.
  let heartbeats = 0;
  let longestMs = 0;

  const limited: Transport = {
    name: transport.name,
    open(request, sink) {
      let lastMs = clock.nowMs();
      let behind = 0;
      let timer: unknown;
      let over = false;

      wait();
      const opened = transport.open(request, {
        onResponse(response) {
          lastMs = clock.nowMs();
          sink.onResponse(response);
        },
        onBytes: (chunk) => heard(chunk[0] === COLON, sink.onBytes(chunk)),
        onText: (chunk) => heard(chunk.charCodeAt(0) === COLON, sink.onText && sink.onText(chunk)),
        onMessage: (message) => heard(false, sink.onMessage && sink.onMessage(message)),
        onEnd() {
          stop();
          sink.onEnd();
        },
        onError(error) {
          stop();
          sink.onError(error);
        },
      });
      return {
        abort() {
          stop();
          opened.abort();
        },
      };

      function heard(isComment: boolean, taken: void | PromiseLike<void>): void | PromiseLike<void> {
        const silentMs = clock.nowMs() - lastMs;
        if (isComment && silentMs >= 1000 && silentMs < SLEPT_MS) {
          heartbeats++;
          longestMs = Math.max(longestMs, silentMs);
        }
        lastMs = clock.nowMs();
        if (!taken) return;
        behind++;
        const resume = () => {
          behind--;
          lastMs = clock.nowMs();
        };
        return taken.then(resume, resume);
      }

      function limitMs(): number {
        if (idleMs !== "auto") return idleMs;
        return heartbeats < 2 ? Infinity : Math.max(LEAST_LEARNED_MS, 3 * longestMs);
      }

      // One timer for a request, not one for each chunk; and it asks the clock, since a frozen program's timers come late.
      function wait(): void {
        const leftMs = behind > 0 ? limitMs() : lastMs + limitMs() - clock.nowMs();
        const ms = idleMs === "auto" ? Math.min(leftMs, CHECK_MS) : leftMs;
        const dueMs = clock.nowMs() + ms;
        timer = clock.setTimeout(() => check(dueMs), ms);
      }

      function check(dueMs: number): void {
        if (over) return;
        const nowMs = clock.nowMs();
        const limit = limitMs();
        const slept = idleMs === "auto" && nowMs - dueMs > SLEPT_MS && nowMs - lastMs > SLEPT_MS;
        if (behind > 0 || (!slept && nowMs - lastMs < limit)) return wait();
        stop();
        opened.abort();
        const { url } = request;
        const why = slept ? "the machine slept" : `nothing came for ${limit} ms`;
        sink.onError(new EventStreamError("idle", `Event stream ${url} is dead: ${why}`, { url }));
      }

      function stop(): void {
        over = true;
        clock.clearTimeout(timer);
      }
    },
  };
  if (transport.watch) limited.watch = (signals) => transport.watch!(signals);
  return limited;
}

const COLON = 58;
