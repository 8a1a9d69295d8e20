/**
 * Looks for the newest loss of a selection, from the newest loss of any topic back to where the reader stands: a part at a time,
 * since there may be many topics, and each is asked about.
 */
import type { Selection } from "../log.ts";
import { ROW_STEPS } from "./read.ts";
import type { LmdbTables, LogState } from "./tables.ts";

/** Topics looked at in all. Beyond that, the reader may get a gap although it lost nothing. */
const MOST_LOOKED = 10_000;

export class LossScan {
  /** The newest offset that was lost, as far as was looked. */
  lost = 0;
  readonly #topics: Selection;
  readonly #after: number;
  /** Of what is after `#after`, everything up to `#newest` was looked at, but for what is not newer than `#next`. */
  #newest: number | undefined;
  #next: number | undefined;
  #looked = 0;

  constructor(topics: Selection, after: number) {
    this.#topics = topics;
    this.#after = after;
  }

  /**
   * Goes on, in the state that is committed now.
   * @param most - Steps that may be spent, but for one topic.
   * @returns How many topics were looked at, and whether `lost` is known, as of now.
   */
  advance(
    { losses }: Pick<LmdbTables, "losses">,
    { forgotten }: Pick<LogState, "forgotten">,
    most: number,
  ): { readonly looked: number; readonly done: boolean } {
    this.lost = Math.max(this.lost, forgotten);
    const after = Math.max(this.#after, this.lost);
    const { steps = () => 0 } = this.#topics;
    const begun = steps();
    const newest = this.#newest;
    let looked = 0;
    if (newest !== undefined) {
      // What was lost between two parts is newer than all that was looked at, and has to be known before anything is returned.
      for (const { key, value } of losses.getRange({ reverse: true, end: newest })) {
        this.#newest = Math.max(this.#newest!, key);
        looked += 1;
        if (this.#isLost(value, key)) return { looked, done: true };
      }
    }
    const start = this.#next;
    for (const { key, value } of losses.getRange(
      start === undefined ? { reverse: true } : { reverse: true, start },
    )) {
      if (key <= after) break;
      if (looked > 0 && looked * ROW_STEPS + steps() - begun >= most) {
        this.#next = key;
        return { looked, done: false };
      }
      this.#newest ??= key;
      looked += 1;
      if (this.#isLost(value, key)) return { looked, done: true };
    }
    this.#newest ??= after;
    this.#next = after;
    return { looked, done: true };
  }

  #isLost(topic: string, offset: number): boolean {
    this.#looked += 1;
    if (this.#looked <= MOST_LOOKED && !this.#topics.matches(topic)) return false;
    this.lost = Math.max(this.lost, offset);
    return true;
  }
}
