/**
 * One request and its response as they are on the wire: every header as it was spelt, every chunk when it came, and how the end
 * looked. What a browser's fetch hides is what the commands are for.
 */
import { connectTo, type Protocol } from "./dial.ts";
import { overHttp1 } from "./http1.ts";
import { overHttp2 } from "./http2.ts";

export interface ExchangeRequest {
  readonly url: string;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  /** `"auto"` is what a browser would get: HTTP/2 where TLS negotiates it, HTTP/1.1 elsewhere. */
  readonly protocol: Protocol;
  /** Accepts any certificate. */
  readonly insecure?: boolean;
  /** Milliseconds for the connection, TLS included. Default 10 seconds. */
  readonly connectTimeoutMs?: number;
}

export interface ExchangeHead {
  readonly status: number;
  /** `"1.0"`, `"1.1"`, `"2"`. */
  readonly httpVersion: string;
  /** As they came, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** When the connection stood, and when the head came, on the clock of `performance.now()`. */
  readonly connectedAtMs: number;
  readonly atMs: number;
  readonly remoteAddress: string;
}

/** - `"end"`: as HTTP ends a response. - `"cut"`: the connection broke before that. */
export type ExchangeEnd = "end" | "cut";

export interface ExchangeHandlers {
  onHead?(head: ExchangeHead): void;
  onChunk?(bytes: Uint8Array, atMs: number): void;
  /** Called once, unless `close()` was called before. @param error - Why there was no response, or what cut it. */
  onEnd?(how: ExchangeEnd, error?: Error): void;
}

export interface Exchange {
  pause(): void;
  resume(): void;
  /** Leaves. No handler is called afterwards. */
  close(): void;
}

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
      current = (speaks === "h2" ? overHttp2 : overHttp1)(socket, request, once);
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
