/**
 * The runs of a doctor endpoint: how many there may be, and what became of each.
 * This module is browser compatible.
 */

/** What became of a run. */
export interface RunResult {
  readonly known: boolean;
  /** Milliseconds since the server learnt that the response is over; null while it has not. */
  readonly closedAgoMs: number | null;
  /** Bytes that were handed to the server. */
  readonly bytes: number;
}

export interface Run {
  readonly id: string;
  wrote(bytes: number): void;
  closed(): void;
}

/** Results that are kept; the oldest goes. */
const MOST_RESULTS = 200;
const MINUTE_MS = 60_000;

export class Runs {
  readonly #results = new Map<string, { closedAtMs: number | undefined; bytes: number }>();
  readonly #maxRuns: number;
  readonly #maxPerMinute: number;
  #open = 0;
  #startsMs: number[] = [];

  constructor(maxRuns: number, maxPerMinute: number) {
    this.#maxRuns = maxRuns;
    this.#maxPerMinute = maxPerMinute;
  }

  get isFull(): boolean {
    return this.#open >= this.#maxRuns;
  }

  /** @returns Nothing when there are too many. */
  begin(): Run | undefined {
    const nowMs = performance.now();
    this.#startsMs = this.#startsMs.filter((atMs) => nowMs - atMs < MINUTE_MS);
    if (this.isFull || this.#startsMs.length >= this.#maxPerMinute) return undefined;
    this.#startsMs.push(nowMs);
    this.#open++;
    const id = crypto.randomUUID();
    const result: { closedAtMs: number | undefined; bytes: number } = { closedAtMs: undefined, bytes: 0 };
    this.#results.set(id, result);
    for (const old of this.#results.keys()) {
      if (this.#results.size <= MOST_RESULTS) break;
      this.#results.delete(old);
    }
    return {
      id,
      wrote: (bytes) => void (result.bytes += bytes),
      closed: () => {
        if (result.closedAtMs !== undefined) return;
        result.closedAtMs = performance.now();
        this.#open--;
      },
    };
  }

  result(id: string): RunResult {
    const result = this.#results.get(id);
    if (result === undefined) return { known: false, closedAgoMs: null, bytes: 0 };
    const { closedAtMs, bytes } = result;
    return {
      known: true,
      closedAgoMs: closedAtMs === undefined ? null : performance.now() - closedAtMs,
      bytes,
    };
  }
}
