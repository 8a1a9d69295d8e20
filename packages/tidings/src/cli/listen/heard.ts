/**
 * What the listener hears, and what shows it: a printer for each form of output.
 */
import type { ExchangeEnd, ExchangeHead } from "../http/exchange.ts";

export interface HeardMessage {
  /** On the clock of the wall, milliseconds since 1970. */
  readonly wallMs: number;
  readonly event: string;
  readonly id: string;
  readonly data: string;
  /** Where the data says when it was sent. */
  readonly latencyMs: number | undefined;
}

export interface Printer {
  head?(head: ExchangeHead, url: string, requestedAtMs: number): void;
  chunk?(bytes: Uint8Array, wallMs: number): void;
  comment?(text: string, wallMs: number): void;
  /** @returns Whether it was shown; nothing for yes. */
  message?(message: HeardMessage): boolean | void;
  bodyEnd?(how: ExchangeEnd): void;
  /** The last thing said, when all is over. @returns Whether the stream was good. */
  verdict?(): boolean;
}
