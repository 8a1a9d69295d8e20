/**
 * Lets so many pass in one turn of the event loop. The others wait for later turns, in order, with everything else between them.
 * This module is browser compatible.
 */
export class TurnGate {
  readonly #most: number;
  readonly #schedule: (run: () => void) => void;
  /** Since the last turn that was counted: in this one, or in this and others. */
  #passed = 0;
  #scheduled = false;
  /** Those from `#at` on wait, in order. */
  #waiting: (() => void)[] = [];
  #at = 0;

  /**
   * @param most - How many pass in one turn.
   * @param schedule - Runs a function in a later turn of the event loop.
   */
  constructor(most: number, schedule: (run: () => void) => void) {
    this.#most = most;
    this.#schedule = schedule;
  }

  /** @returns Undefined for one that passes at once. */
  pass(): Promise<void> | undefined {
    if (this.#passed >= this.#most || this.#at < this.#waiting.length) {
      return new Promise((resolve) => void this.#waiting.push(resolve));
    }
    this.#passed += 1;
    // Not for each turn in which someone passes: where they come one by one, that would be as many turns as streams.
    if (this.#passed * 2 >= this.#most) this.#countTurn();
    return undefined;
  }

  #countTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#scheduled = false;
    this.#passed = 0;
    for (; this.#at < this.#waiting.length && this.#passed < this.#most; this.#at += 1) {
      this.#passed += 1;
      this.#waiting[this.#at]!();
    }
    // Those that have passed are removed now and then: shifting the list in each turn would cost more than they do.
    if (this.#at * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#at);
      this.#at = 0;
    }
    if (this.#passed > 0) this.#countTurn();
  };
}
