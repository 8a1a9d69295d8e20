/** One timer for many deadlines, which pass in the order in which they were set. */
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";

export class DeadlineTimer {
  readonly #onDue: (nowMs: number) => number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onDue - Ends what is due; returns when the next deadline passes. Times are those of `performance.now`. */
  constructor(onDue: (nowMs: number) => number | undefined) {
    this.#onDue = onDue;
  }

  /** Costs nothing while an earlier deadline is waited for. */
  arm(endsMs: number): void {
    if (this.#timer !== undefined) return;
    const ms = Math.ceil(endsMs - performance.now());
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        const next = this.#onDue(performance.now());
        if (next !== undefined) this.arm(next);
      },
      Math.min(Math.max(0, ms), LONGEST_TIMER_MS),
    );
    // A number in browsers and Workers.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
