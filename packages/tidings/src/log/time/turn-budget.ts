/**
 * So much work in one turn of the event loop; what comes beyond waits for a later turn. Many who return together with broad
 * patterns are served one after the other, and a part at a time, with everything else between them.
 * This module is browser compatible.
 */
import { inNextTurn } from "../../guard/in-next-turn.ts";

/**
 * A part of some work.
 * @param most - How much may be done now. One step that costs more may be taken.
 * @returns What was spent, and whether there is more to do.
 */
export type Work = (most: number) => { readonly spent: number; readonly done: boolean };

export class TurnBudget {
  readonly #most: number;
  readonly #schedule: (run: () => void) => void;
  #spent = 0;
  #ending = false;
  /** Those from `#at` on wait, in order. */
  #waiting: Work[] = [];
  #at = 0;

  /**
   * @param most - What may be spent in one turn.
   * @param schedule - Runs a function in a later turn of the event loop.
   */
  constructor(most: number, schedule: (run: () => void) => void = inNextTurn) {
    this.#most = most;
    this.#schedule = schedule;
  }

  /** Works now, as far as there is room in this turn, and goes on in later turns until the work is done. It must not throw. */
  run(work: Work): void {
    if (!this.#ending) {
      this.#ending = true;
      this.#schedule(this.#nextTurn);
    }
    // Not past those that wait.
    if (this.#at < this.#waiting.length || !this.#do(work)) this.#waiting.push(work);
  }

  /** @returns Whether the work is done. */
  #do(work: Work): boolean {
    const most = this.#most - this.#spent;
    if (most <= 0) return false;
    const { spent, done } = work(most);
    this.#spent += spent;
    return done;
  }

  readonly #nextTurn = (): void => {
    this.#spent = 0;
    const begun: Work[] = [];
    for (const end = this.#waiting.length; this.#at < end && this.#spent < this.#most;) {
      const work = this.#waiting[this.#at]!;
      this.#at += 1;
      if (!this.#do(work)) begun.push(work);
    }
    // Finished work is removed now and then. Shifting the whole waiting list in each turn would cost more than the work itself.
    if (this.#at * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#at);
      this.#at = 0;
    }
    // What was begun goes behind the others.
    for (const work of begun) this.#waiting.push(work);
    // What was spent in this turn does not count in the next one, whatever it brings.
    this.#ending = this.#at < this.#waiting.length || this.#spent > 0;
    if (this.#ending) this.#schedule(this.#nextTurn);
  };
}
