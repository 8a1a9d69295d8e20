/**
 * Looks for the newest loss of a selection, from the newest loss of any topic back to where the reader stands: a part at a time,
 * since there may be many topics, and each is asked about.
 * This module is browser compatible.
 */
import type { Selection } from "../log.ts";
import type { SortedList } from "./sorted-list.ts";

export interface LostTopic {
  readonly name: string;
  /** The newest offset that was discarded from it. */
  readonly discarded: number;
}

/** Topics looked at in all. Beyond that, the reader may get a gap although it lost nothing. */
const MOST_LOOKED = 20_000;
/** What looking at a topic costs besides matching it, in characters that are matched. */
export const LOOK_STEPS = 10;

export class LossScan {
  /** The newest offset that was lost; 0 when nothing is, as far as was looked. */
  lost = 0;
  readonly #losses: SortedList<Pick<LostTopic, "discarded">, LostTopic>;
  readonly #topics: Selection;
  readonly #after: number;
  /** Of what is after `#after`, everything up to `#newest` was looked at, but for what is not newer than `#next`. */
  #newest: number | undefined;
  #next = Infinity;
  #looked = 0;

  constructor(losses: SortedList<Pick<LostTopic, "discarded">, LostTopic>, topics: Selection, after: number) {
    this.#losses = losses;
    this.#topics = topics;
    this.#after = after;
  }

  /**
   * Goes on.
   * @param most - Steps that may be spent, but for one topic.
   * @returns How many topics were looked at, and whether `lost` is known, as of now.
   */
  advance(most: number): { readonly looked: number; readonly done: boolean } {
    const { steps = () => 0 } = this.#topics;
    const begun = steps();
    const newest = this.#newest;
    let looked = 0;
    if (newest !== undefined) {
      // What was lost between two parts is newer than all that was looked at, and has to be known before anything is returned.
      for (const topic of this.#losses.backward()) {
        if (topic.discarded <= newest) break;
        this.#newest = Math.max(this.#newest!, topic.discarded);
        looked += 1;
        if (this.#isLost(topic)) return { looked, done: true };
      }
    }
    for (const topic of this.#losses.backward({ discarded: this.#next })) {
      if (topic.discarded <= this.#after) break;
      if (looked > 0 && looked * LOOK_STEPS + steps() - begun >= most) {
        this.#next = topic.discarded;
        return { looked, done: false };
      }
      this.#newest ??= topic.discarded;
      looked += 1;
      if (this.#isLost(topic)) return { looked, done: true };
    }
    this.#newest ??= this.#after;
    this.#next = this.#after;
    return { looked, done: true };
  }

  #isLost({ name, discarded }: LostTopic): boolean {
    this.#looked += 1;
    if (this.#looked <= MOST_LOOKED && !this.#topics.matches(name)) return false;
    this.lost = discarded;
    return true;
  }
}
