/**
 * When messages go to the log: at common times, so that what many answers have goes in one append, and one timer serves all of
 * them.
 */
import { LONGEST_TIMER_MS } from "../../../guard/timer.ts";

/** Common times in `joinMs`. More of them are more appends, fewer of them are more at once. */
const TIMES = 5;

export class JoinClock {
  readonly joinMs: number;
  readonly #stepMs: number;
  /** What is due, by the number of its common time. */
  readonly #due = new Map<number, Set<() => void>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  constructor(joinMs: number) {
    this.joinMs = joinMs;
    this.#stepMs = Math.max(1, joinMs / TIMES);
  }

  /** Calls `due` at the first common time that is not before `dueMs`, by `performance.now()`. @returns That time. */
  at(dueMs: number, due: () => void): number {
    const step = Math.ceil(dueMs / this.#stepMs);
    let all = this.#due.get(step);
    if (all === undefined) this.#due.set(step, (all = new Set()));
    all.add(due);
    if (step < this.#timerAt) this.#wait(step);
    return step * this.#stepMs;
  }

  cancel(timeMs: number, due: () => void): void {
    const step = Math.round(timeMs / this.#stepMs);
    const all = this.#due.get(step);
    if (all?.delete(due) !== true || all.size > 0) return;
    this.#due.delete(step);
    this.#waitForNext();
  }

  #wait(step: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = step;
    // Timers know whole milliseconds, and one that comes too early is made again.
    this.#timer = setTimeout(
      () => this.#call(),
      Math.min(Math.ceil(step * this.#stepMs - performance.now()), LONGEST_TIMER_MS),
    );
  }

  #waitForNext(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
    if (this.#due.size > 0) this.#wait(Math.min(...this.#due.keys()));
  }

  #call(): void {
    const now = performance.now() / this.#stepMs;
    for (const [step, all] of this.#due) {
      if (step > now) continue;
      this.#due.delete(step);
      for (const due of all) due();
    }
    this.#waitForNext();
  }
}
