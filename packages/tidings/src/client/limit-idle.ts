/**
 * A transport around a transport that ends a request over which nothing comes: a dead connection can look open for ever,
 * and on iOS a mini program is never told that one broke.
 * This module is browser compatible.
 */
import { EventStreamError } from "./event-stream-error.ts";
import type { Clock } from "./keep-open.ts";
import type { Transport } from "./transports/transport.ts";

/** @param idleMs - Milliseconds without a byte, counted from the request on. While the reader is behind, no time passes. */
export function limitIdle(transport: Transport, idleMs: number, clock: Clock): Transport {
  const limited: Transport = {
    name: transport.name,
    open(request, sink) {
      let lastMs = clock.nowMs();
      let behind = 0;
      let timer: unknown;
      let over = false;

      wait(idleMs);
      const opened = transport.open(request, {
        onResponse(response) {
          lastMs = clock.nowMs();
          sink.onResponse(response);
        },
        onBytes: (chunk) => heard(sink.onBytes(chunk)),
        onText: (chunk) => heard(sink.onText && sink.onText(chunk)),
        onMessage: (message) => heard(sink.onMessage && sink.onMessage(message)),
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

      function heard(taken: void | PromiseLike<void>): void | PromiseLike<void> {
        lastMs = clock.nowMs();
        if (!taken) return;
        behind++;
        const resume = () => {
          behind--;
          lastMs = clock.nowMs();
        };
        return taken.then(resume, resume);
      }

      function wait(ms: number): void {
        timer = clock.setTimeout(check, ms);
      }

      // One timer for a request, not one for each chunk; and it asks the clock, since a frozen program's timers come late.
      function check(): void {
        if (over) return;
        const leftMs = behind > 0 ? idleMs : lastMs + idleMs - clock.nowMs();
        if (leftMs > 0) return wait(leftMs);
        stop();
        opened.abort();
        const { url } = request;
        sink.onError(
          new EventStreamError("idle", `Event stream ${url} is dead: nothing came for ${idleMs} ms`, { url }),
        );
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
