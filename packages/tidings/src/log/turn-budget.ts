/**
 * So much work in one turn of the event loop; what comes beyond waits for a later turn. Many who return together with broad
 * patterns are served one after the other, and a part at a time, with everything else between them.
 * This module is browser compatible.
 */
import { inNextTurn } from "../guard/in-next-turn.ts";

/**
 * A part of some work.
 * @param most - How much may be done now. One step that costs more may be taken.
 * @returns What was spent, and whether there is more to do.
 */
export type Work = (most: number) => { readonly spent: number; readonly done: boolean };

export class TurnBudget {
  readonly #most: number;
  #spent = 0;
  #ending = false;
  #waiting: Work[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Works now, as far as there is room in this turn, and goes on in later turns until the work is done. It must not throw. */
  run(work: Work): void {
    if (!this.#ending) {
      this.#ending = true;
      inNextTurn(() => this.#nextTurn());
    }
    // Not past those that wait.
    if (this.#waiting.length > 0 || !this.#do(work)) this.#waiting.push(work);
  }

  /** @returns Whether the work is done. */
  #do(work: Work): boolean {
    const most = this.#most - this.#spent;
    if (most <= 0) return false;
    const { spent, done } = work(most);
    this.#spent += spent;
    return done;
  }

  #nextTurn(): void {
    this.#spent = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    const goOn: Work[] = [];
    let at = 0;
    for (; at < waiting.length && this.#spent < this.#most; at += 1) {
      if (!this.#do(waiting[at]!)) goOn.push(waiting[at]!);
    }
    // What was begun goes behind the others.
    this.#waiting = [...waiting.slice(at), ...this.#waiting, ...goOn];
    // What was spent in this turn does not count in the next one, whatever it brings.
    this.#ending = this.#waiting.length > 0 || this.#spent > 0;
    if (this.#ending) inNextTurn(() => this.#nextTurn());
  }
}
