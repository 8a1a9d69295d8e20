/**
 * Counts of times in buckets that are at most 1/32 of their value wide: percentiles of millions of samples in a few kilobytes.
 */

/** Buckets to each doubling. */
const STEPS = 32;
/** From a microsecond to about 17 minutes. */
const LEAST_MS = 0.001;
const DOUBLINGS = 30;

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Histogram {
  readonly #counts = new Float64Array(STEPS * DOUBLINGS);
  #count = 0;
  #max = 0;

  add(ms: number): void {
    const clamped = Math.max(LEAST_MS, ms);
    const at = Math.floor(Math.log2(clamped / LEAST_MS) * STEPS);
    this.#counts[Math.min(at, this.#counts.length - 1)]!++;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  get count(): number {
    return this.#count;
  }

  /** The time that this share of the samples does not exceed, 0 where there are none. @param share - From 0 to 1. */
  at(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left <= 0) return 0;
    for (let at = 0; at < this.#counts.length; at++) {
      left -= this.#counts[at]!;
      // The upper end of the bucket, so that nothing is called faster than it was.
      if (left <= 0) return Math.min(this.#max, LEAST_MS * 2 ** ((at + 1) / STEPS));
    }
    return this.#max;
  }

  percentiles(): Percentiles {
    return {
      count: this.#count,
      p50: this.at(0.5),
      p90: this.at(0.9),
      p99: this.at(0.99),
      p999: this.at(0.999),
      max: this.#max,
    };
  }

  /** Shares and times from the median to the last sample, for a plot. */
  curve(): { share: number; ms: number }[] {
    if (this.#count === 0) return [];
    const shares = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 0.99999, 1];
    return shares
      .filter((share) => share === 1 || this.#count * (1 - share) >= 1)
      .map((share) => ({ share, ms: this.at(share) }));
  }
}
