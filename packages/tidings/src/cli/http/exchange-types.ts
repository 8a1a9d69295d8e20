/** The request of one exchange, and the events of its response. */
import type { Protocol } from "./dial.ts";

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
  /** Milliseconds for the connection, TLS included. Default: 10 seconds. */
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
