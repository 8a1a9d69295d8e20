/**
 * So much work in one turn of the event loop; what comes beyond waits for a later turn, before it begins. Many who return
 * together with broad patterns are served one after the other, with everything else between them.
 * This module is browser compatible.
 */
import { inNextTurn } from "../guard/in-next-turn.ts";
export class TurnBudget {
  readonly #most: number;
  #spent = 0;
  #ending = false;
  #waiting: { readonly work: number; readonly begin: () => void }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns Undefined when the work may begin now, else a promise that resolves when it may. */
  take(work: number): Promise<void> | undefined {
    if (!this.#ending) {
      this.#ending = true;
      inNextTurn(() => this.#nextTurn());
    }
    if (this.#spent < this.#most) {
      this.#spent += work;
      return undefined;
    }
    return new Promise((begin) => this.#waiting.push({ work, begin }));
  }

  #nextTurn(): void {
    this.#spent = 0;
    this.#ending = this.#waiting.length > 0;
    if (this.#ending) inNextTurn(() => this.#nextTurn());
    let begun = 0;
    for (const { work, begin } of this.#waiting) {
      if (this.#spent >= this.#most) break;
      this.#spent += work;
      begun += 1;
      begin();
    }
    this.#waiting = this.#waiting.slice(begun);
  }
}
