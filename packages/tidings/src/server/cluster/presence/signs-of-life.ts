/**
 * Which processes live. A process gives a sign of life four times in a lease; one that gives none for three quarters of it is
 * declared gone by whichever process notices first, in the log, so that all agree.
 *
 * Only time counts in which this process hears the log: it is heard as long as its own signs of life come back from it in time.
 * Nobody can give one while the log is away, and a process that was suspended or cut off did not hear the others.
 * This module is browser compatible.
 */
import type { ProcessStatistics } from "./process-records.ts";
import type { KnownProcess, ProcessTable } from "./process-table.ts";

export interface SignsOfLifeOptions {
  readonly table: ProcessTable<ProcessStatistics>;
  readonly leaseMs: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly self: () => string;
  /** It is time to give one. */
  readonly onDue: () => void;
  /** A process has given none for too long. Called until it is declared gone. */
  readonly onSilent: (process: KnownProcess<ProcessStatistics>) => void;
}

export class SignsOfLife {
  readonly #options: SignsOfLifeOptions;
  #timer: ReturnType<typeof setInterval> | undefined;
  #tickedMs: number;
  #givenMs = -Infinity;
  /** When it gave the one that has not come back from the log yet. */
  #unheardMs: number | undefined;
  #interrupted = false;

  constructor(options: SignsOfLifeOptions) {
    this.#options = options;
    this.#tickedMs = options.now();
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), this.#options.leaseMs / 8);
    // A number in browsers and Workers.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** This process gives one now. */
  given(): void {
    this.#givenMs = this.#options.now();
    this.#unheardMs ??= this.#givenMs;
  }

  /** Its own came back from the log. */
  cameBack(): void {
    if (this.#isUnheard(this.#options.now())) this.hearAll();
    this.#unheardMs = undefined;
  }

  /** Nothing comes from the log: the others cannot be heard, which does not mean that they are gone. */
  interrupted(isInterrupted: boolean): void {
    this.#interrupted = isInterrupted;
    this.hearAll();
  }

  /** Whether a process has given none for so long that it is declared gone. */
  isSilent({ id, seenMs, leaseMs }: KnownProcess<ProcessStatistics>): boolean {
    const { self, now } = this.#options;
    const nowMs = now();
    // It is asked also between a suspension and the tick that notices it.
    return id !== self() && !this.#wasSuspended(nowMs) && nowMs - seenMs >= leaseMs * 0.75;
  }

  /** The silence of the others begins now. */
  hearAll(): void {
    const nowMs = this.#options.now();
    for (const process of this.#options.table) process.seenMs = nowMs;
  }

  #tick(): void {
    const { table, leaseMs, now, onDue, onSilent } = this.#options;
    const nowMs = now();
    if (this.#wasSuspended(nowMs) || this.#isUnheard(nowMs)) this.hearAll();
    this.#tickedMs = nowMs;
    if (nowMs - this.#givenMs >= leaseMs / 4 - 1) onDue();
    if (this.#interrupted) return;
    for (const process of table) if (this.isSilent(process)) onSilent(process);
  }

  /** This process was suspended since the last tick: it has received nothing, although others may have sent something. */
  #wasSuspended(nowMs: number): boolean {
    return nowMs - this.#tickedMs > this.#options.leaseMs / 4;
  }

  /** Whether what the log takes does not come back in time. */
  #isUnheard(nowMs: number): boolean {
    return this.#unheardMs !== undefined && nowMs - this.#unheardMs > this.#options.leaseMs / 4;
  }
}
