/**
 * Entries in the order of their offsets: appended at one end, discarded at the other, found by offset.
 * Append and discard are O(1) amortised, finding is O(log n); the array holds at most as many dead slots as live ones.
 * This module is browser compatible.
 */

export class EntryQueue<T extends { readonly offset: number }> {
  #items: (T | undefined)[] = [];
  #start = 0;

  get length(): number {
    return this.#items.length - this.#start;
  }

  get first(): T | undefined {
    return this.#items[this.#start];
  }

  get last(): T | undefined {
    return this.#start < this.#items.length ? this.#items[this.#items.length - 1] : undefined;
  }

  /** The entry at `index`, counted from the oldest. */
  at(index: number): T | undefined {
    return this.#items[this.#start + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes out the oldest. */
  shift(): T | undefined {
    const item = this.#items[this.#start];
    if (item === undefined) return undefined;
    this.#items[this.#start] = undefined;
    this.#start += 1;
    if (this.#start >= 32 && this.#start * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** Keeps only those that `keep` accepts; O(n). */
  compact(keep: (item: T) => boolean): void {
    this.#items = this.#items.filter((item) => item !== undefined && keep(item));
    this.#start = 0;
  }

  /** Index of the oldest entry after `offset`; `length` when there is none. */
  indexAfter(offset: number): number {
    let low = this.#start;
    let high = this.#items.length;
    // Readers are mostly at the end.
    if (high > low && this.#items[high - 1]!.offset <= offset) return high - this.#start;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#items[middle]!.offset <= offset) low = middle + 1;
      else high = middle;
    }
    return low - this.#start;
  }
}
