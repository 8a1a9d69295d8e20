/**
 * The world of a command: where it writes, what it reads, and when it is to stop. Tests give it one of their own.
 */
import type { Readable } from "node:stream";

export interface Io {
  /** Writes to the standard output, where results go. */
  out(this: void, text: string | Uint8Array): void;
  /** Writes to the standard error, where news go. */
  err(this: void, text: string): void;
  /** Fulfils when the standard output has taken what was written. */
  drained(): Promise<void>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Which of the outputs is a terminal. */
  readonly isTerminal: { readonly out: boolean; readonly err: boolean };
  /** Which of the outputs takes colours. */
  readonly color: { readonly out: boolean; readonly err: boolean };
  /** Of the terminal; 80 where there is none. */
  columns(): number;
  /** Aborts at Ctrl-C (reason `"interrupted"`) and when the standard output is closed (`"closed"`). */
  readonly signal: AbortSignal;
  /**
   * Aborts the signal when the reader of a pipe is gone, also while nothing is written. For commands that run until stopped.
   * @returns What ends the watch.
   */
  watchReader(this: void): () => void;
  withoutColor(): Io;
}
