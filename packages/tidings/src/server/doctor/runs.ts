/**
 * The runs of a doctor endpoint: how many there may be, and what became of each.
 * This module is browser compatible.
 */

/** What became of a run. */
export interface RunResult {
  readonly known: boolean;
  /** Milliseconds since the server learnt that the response is over; null while it has not. */
  readonly closedAgoMs: number | null;
  /** Milliseconds since the last write; null where there was none. */
  readonly wroteAgoMs: number | null;
  /** Bytes that were handed to the server. */
  readonly bytes: number;
}

interface Known {
  closedAtMs: number | undefined;
  wroteAtMs: number | undefined;
  bytes: number;
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
  readonly #results = new Map<string, Known>();
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
    const result: Known = { closedAtMs: undefined, wroteAtMs: undefined, bytes: 0 };
    this.#results.set(id, result);
    for (const old of this.#results.keys()) {
      if (this.#results.size <= MOST_RESULTS) break;
      this.#results.delete(old);
    }
    return {
      id,
      wrote(bytes) {
        result.bytes += bytes;
        result.wroteAtMs = performance.now();
      },
      closed: () => {
        if (result.closedAtMs !== undefined) return;
        result.closedAtMs = performance.now();
        this.#open--;
      },
    };
  }

  result(id: string): RunResult {
    const result = this.#results.get(id);
    if (result === undefined) return { known: false, closedAgoMs: null, wroteAgoMs: null, bytes: 0 };
    const { closedAtMs, wroteAtMs, bytes } = result;
    const agoMs = (atMs: number | undefined): number | null =>
      atMs === undefined ? null : performance.now() - atMs;
    return { known: true, closedAgoMs: agoMs(closedAtMs), wroteAgoMs: agoMs(wroteAtMs), bytes };
  }
}
