/**
 * Lets so many pass in one turn of the event loop. The others wait for later turns, in order, with everything else between them.
 * This module is browser compatible.
 */
import { TurnBudget } from "../../log/turn-budget.ts";

export class TurnGate {
  readonly #budget: TurnBudget;

  /**
   * @param most - How many pass in one turn.
   * @param schedule - Runs a function in a later turn of the event loop.
   */
  constructor(most: number, schedule: (run: () => void) => void) {
    this.#budget = new TurnBudget(most, schedule);
  }

  /** @returns Undefined for one that passes at once. */
  pass(): Promise<void> | undefined {
    let resume: (() => void) | undefined;
    let passes = false;
    this.#budget.run(() => {
      passes = true;
      resume?.();
      return { spent: 1, done: true };
    });
    return passes ? undefined : new Promise((resolve) => void (resume = resolve));
  }
}
