/**
 * One request and its response as they are on the wire: every header as it was spelt, every chunk when it came, and how the end
 * looked. What a browser's fetch hides is what the commands are for.
 */
import { connectTo } from "./dial.ts";
import type { Exchange, ExchangeHandlers, ExchangeHead, ExchangeRequest } from "./exchange-types.ts";
import { overHttp1 } from "./http1.ts";
import { overHttp2 } from "./http2.ts";

export type {
  Exchange,
  ExchangeEnd,
  ExchangeHandlers,
  ExchangeHead,
  ExchangeRequest,
} from "./exchange-types.ts";

/** Sends the request. What goes wrong comes to `onEnd`; nothing is thrown. */
export function exchange(request: ExchangeRequest, handlers: ExchangeHandlers): Exchange {
  let over = false;
  let paused = false;
  let current: Exchange | undefined;
  const dialing = new AbortController();
  const once: Required<ExchangeHandlers> = {
    onHead: (head) => over || handlers.onHead?.(head),
    onChunk: (bytes, atMs) => over || handlers.onChunk?.(bytes, atMs),
    onEnd(how, error) {
      if (over) return;
      over = true;
      handlers.onEnd?.(how, error);
    },
  };
  connectTo(new URL(request.url), request, dialing.signal).then(
    ({ socket, speaks }) => {
      if (over) return void socket.destroy();
      try {
        current = (speaks === "h2" ? overHttp2 : overHttp1)(socket, request, once);
      } catch (error) {
        // A header that cannot be sent: an id of the server may be one.
        socket.destroy();
        return once.onEnd("cut", error as Error);
      }
      if (paused) current.pause();
    },
    (error: unknown) => once.onEnd("cut", error as Error),
  );
  return {
    pause() {
      paused = true;
      current?.pause();
    },
    resume() {
      paused = false;
      current?.resume();
    },
    close() {
      over = true;
      dialing.abort();
      current?.close();
    },
  };
}

/** The value of a header, several joined as RFC 9110 says; undefined where there is none. */
export function headerOf(head: Pick<ExchangeHead, "headers">, name: string): string | undefined {
  const values = head.headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}
