/**
 * What a process tells the others, on its way to the log: one record after the other, and bounded. What the log could not take is
 * told again with everything else.
 * This module is browser compatible.
 */
import type { Report } from "../../../guard/foreign.ts";
import type { Draft, Log } from "../../../log/log.ts";

export interface RecordQueueOptions {
  readonly log: Pick<Log, "append">;
  /** Something was not taken. */
  readonly onMissed: () => void;
  /** Everything has to be told again, and the log may take it now. */
  readonly onAgain: () => void;
  readonly onError: Report;
}

/** The wait after the log could not take a record. */
const RETRY_MS = 1_000;
/** Appends that wait for the log. */
const MOST_WAITING = 100;

export class RecordQueue {
  readonly #options: RecordQueueOptions;
  #appends: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Some of it was not even asked to be appended. */
  #isBehind = false;
  #lastOffset = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: RecordQueueOptions) {
    this.#options = options;
  }

  /** The offset of the last record that the log took. */
  get lastOffset(): number {
    return this.#lastOffset;
  }

  /** Resolves when all that waits was taken, or refused. */
  get settled(): Promise<void> {
    return this.#appends;
  }

  /** Appends in turn. Resolves also when the log does not take it. */
  append(drafts: readonly Draft[], idempotencyKey?: string): Promise<void> {
    if (this.#waiting >= MOST_WAITING) {
      // The log stands still. What this says is told with everything else, once the log has taken what waits.
      this.#isBehind = true;
      return this.#appends;
    }
    this.#waiting += 1;
    this.#appends = this.#appends.then(() => this.#append(drafts, idempotencyKey));
    return this.#appends;
  }

  /** Another log has replaced the one before. */
  replaced(): void {
    this.#lastOffset = 0;
  }

  /** Tells nothing again. What is appended after that is the last. */
  stopRetrying(): void {
    clearTimeout(this.#retryTimer);
  }

  /** Appends nothing more. */
  close(): void {
    this.#closed = true;
    this.stopRetrying();
  }

  async #append(drafts: readonly Draft[], idempotencyKey: string | undefined): Promise<void> {
    const { log, onMissed, onAgain, onError } = this.#options;
    try {
      if (this.#closed) return;
      const { last } = await log.append(drafts, idempotencyKey === undefined ? {} : { idempotencyKey });
      if (idempotencyKey === undefined) this.#lastOffset = last;
    } catch (error) {
      onError(error);
      onMissed();
      this.#retryTimer ??= setTimeout(() => {
        this.#retryTimer = undefined;
        onAgain();
      }, RETRY_MS);
      (this.#retryTimer as { unref?: () => void }).unref?.();
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && this.#isBehind && !this.#closed) {
        this.#isBehind = false;
        onAgain();
      }
    }
  }
}
