/**
 * One request as the doctor saw it: what came, and when.
 */
import type { ExchangeHead } from "../../http/exchange.ts";

/** Times are milliseconds since the request, on one clock. */
export interface Observation {
  readonly url: string;
  readonly method: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** On the clock of `performance.now()`, to compare observations. */
  readonly startedAtMs: number;
  readonly redirects: readonly { readonly status: number; readonly to: string }[];
  /** Absent when there was no response. */
  readonly head: ExchangeHead | undefined;
  readonly headAtMs: number;
  readonly connectedAtMs: number;
  /** As they left the network, compressed or not. */
  readonly chunks: readonly { readonly atMs: number; readonly bytes: number; readonly midMessage: boolean }[];
  readonly messages: readonly SeenMessage[];
  readonly comments: readonly { readonly atMs: number; readonly text: string }[];
  readonly retries: readonly number[];
  /** The body after decompression, its first megabyte. */
  readonly text: string;
  readonly invalidUtf8: boolean;
  /** Whether the body was not what its Content-Encoding says. */
  readonly undecodable: boolean;
  /** How it ended, or `"open"`: the doctor left. */
  readonly ending: "end" | "cut" | "open" | "none";
  readonly endedAtMs: number;
  readonly error: string | undefined;
}

export interface SeenMessage {
  readonly atMs: number;
  readonly event: string;
  readonly id: string;
  readonly data: string;
  /** Which chunk brought its end. */
  readonly chunk: number;
}
