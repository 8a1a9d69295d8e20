/**
 * The tail of a log in LMDB: hands on what is appended, by this process or by others, in order and without a hole that is not said.
 */
import type { Entry, LogPosition, OpenLogOptions, Tail } from "../log.ts";
import { readTail } from "./read.ts";
import type { LmdbTables } from "./tables.ts";

export interface LmdbTailOptions {
  readonly tables: LmdbTables;
  /** Where the log was when it was opened. */
  readonly position: LogPosition;
  /** Where it is now; what is committed now is read from here on. Throws where the environment is closed. */
  readonly refresh: () => LogPosition;
  /** The log lies before what was handed on: its file was replaced while it was open. */
  readonly onBack: () => void;
  readonly onTail: OpenLogOptions["onTail"];
  readonly onReset: OpenLogOptions["onReset"];
  readonly onError: OpenLogOptions["onError"];
}

/** Handed on at once. */
const TAIL_MESSAGES = 1_000;

export class LmdbTail {
  readonly #options: LmdbTailOptions;
  /** The newest offset that was handed on. */
  #at: number;
  #epoch: string;
  #closed = false;

  constructor(options: LmdbTailOptions) {
    this.#options = options;
    ({ head: this.#at, epoch: this.#epoch } = options.position);
  }

  /** Whether a log that is there now is not the one that was handed on, though it says so. */
  isBehind({ epoch, head }: LogPosition): boolean {
    return epoch === this.#epoch && head < this.#at;
  }

  /** Hands on what others appended. Returns whether there was something. */
  look(): boolean {
    const { epoch, head } = this.#options.refresh();
    const position = { epoch, head };
    if (this.isBehind(position)) {
      this.#options.onBack();
      return false;
    }
    if (epoch !== this.#epoch) {
      this.#reset(position);
      return true;
    }
    if (head <= this.#at) return false;
    this.#readThrough(head);
    return true;
  }

  /** Hands on entries of our own, after what others appended before them. */
  append(epoch: string, entries: readonly Entry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    if (epoch !== this.#epoch) this.#reset({ epoch, head: first.offset - 1 });
    if (first.offset > this.#at + 1) {
      try {
        this.#options.refresh();
        this.#readThrough(first.offset - 1);
      } catch (error) {
        // These follow with the next look.
        this.#options.onError?.(error);
        return;
      }
    }
    const fresh = entries.filter(({ offset }) => offset > this.#at);
    if (fresh.length === 0) return;
    this.#handOn({ after: this.#at, through: fresh.at(-1)!.offset, entries: fresh });
  }

  close(): void {
    this.#closed = true;
  }

  /** Another log has replaced this one. */
  #reset(position: LogPosition): void {
    ({ head: this.#at, epoch: this.#epoch } = position);
    if (this.#closed) return;
    try {
      this.#options.onReset?.(position);
    } catch (error) {
      this.#options.onError?.(error);
    }
  }

  #readThrough(head: number): void {
    while (this.#at < head) {
      const entries = readTail(this.#options.tables, this.#at, head, TAIL_MESSAGES);
      const [first] = entries;
      // What is not there any more was appended, and discarded, faster than this process could follow.
      const after = first === undefined ? head : first.offset - 1;
      const hole = entries.findIndex(({ offset }, i) => offset !== after + 1 + i);
      const whole = hole === -1 ? entries : entries.slice(0, hole);
      this.#handOn({ after, through: after + whole.length, entries: whole });
    }
  }

  #handOn(tail: Tail): void {
    this.#at = tail.through;
    if (this.#closed) return;
    try {
      this.#options.onTail(tail);
    } catch (error) {
      this.#options.onError?.(error);
    }
  }
}
