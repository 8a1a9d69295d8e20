/**
 * Since when this process hears its log without a break. Nobody can show in a log that it lives while that cannot be written, and a
 * process that was suspended or cut off did not see who did: only a silence that was listened to says something.
 */

/** Timers of the wheel come that late on an idle process. */
const TICK_MS = 250;
/** Not more often: a break makes the listener look at all answers, and while a log is away, each answer reports one. */
const TELL_MS = 100;

export interface LogWatchOptions {
  readonly leaseMs: number;
  /** Milliseconds between two calls of `look`. */
  readonly lookMs: number;
  /** Asks the log for anything that only the log itself can answer. */
  readonly ask: () => Promise<unknown>;
  /** What came before was not heard for certain. */
  readonly onBroken: (nowMs: number) => void;
}

export class LogWatch {
  readonly #options: LogWatchOptions;
  /** By `performance.now()`: everything that was in the log from then on is heard here. */
  #steadySinceMs: number = performance.now();
  #lookedMs: number = performance.now();
  /** When the question was asked that is not answered yet. */
  #askedMs: number | undefined;
  #interrupted = false;
  #toldMs = -Infinity;

  constructor(options: LogWatchOptions) {
    this.#options = options;
  }

  /** How long nothing was heard, of what was heard last at a time. */
  silentMs(heardMs: number, nowMs: number): number {
    return nowMs - Math.max(heardMs, this.#steadySinceMs);
  }

  /** An answer that took longer shows nothing of the time when it was asked for. */
  get patienceMs(): number {
    return this.#options.leaseMs / 4;
  }

  /** @param wanted - Whether somebody is silent, so that the log has to show that it would be heard. */
  look(nowMs: number, wanted: boolean): void {
    const { lookMs } = this.#options;
    const wasSuspended = nowMs - this.#lookedMs > lookMs + TICK_MS + this.patienceMs;
    this.#lookedMs = nowMs;
    const isLate = this.#askedMs !== undefined && nowMs - this.#askedMs > this.patienceMs;
    if (wasSuspended || isLate || this.#interrupted) this.broken(nowMs);
    if (wanted) this.doubt(nowMs);
  }

  /** The log says itself that nothing comes from it, or that it goes on. */
  interrupted(isInterrupted: boolean): void {
    this.#interrupted = isInterrupted;
    this.broken(performance.now());
  }

  broken(nowMs: number): void {
    this.#steadySinceMs = nowMs;
    if (nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    this.#options.onBroken(nowMs);
  }

  /** Something failed that may have failed for itself: whether the log is there is asked. */
  doubt(nowMs: number): void {
    if (this.#askedMs === undefined) void this.#ask(nowMs);
  }

  /** What was asked of the log at a time is answered now. @returns Whether that says how the log was then. */
  answered(askedMs: number): boolean {
    const nowMs = performance.now();
    const isPrompt = nowMs - askedMs <= this.patienceMs;
    if (!isPrompt) this.broken(nowMs);
    return isPrompt;
  }

  async #ask(nowMs: number): Promise<void> {
    this.#askedMs = nowMs;
    try {
      await this.#options.ask();
      this.answered(nowMs);
    } catch {
      // Who appends to it reports that.
      this.broken(performance.now());
    } finally {
      this.#askedMs = undefined;
    }
  }
}
