/**
 * Ends many streams at an even pace, each told when to return, so that they come back spread out wherever they go.
 * This module is browser compatible.
 */

export interface DrainOptions {
  /** Milliseconds over which the streams are ended, 10,000 unless told; 0 ends all at once. */
  overMs?: number;
  /**
   * The reconnection times that the streams are told, in milliseconds: evenly spread from the first to the second.
   * 100 to 3,000 unless told. For a restart in place, begin with what the restart takes.
   */
  retryMs?: readonly [least: number, most: number];
  /** Milliseconds that a peer then has to take the end, 3,000 unless told; after that it is cut. */
  graceMs?: number;
}

const TICK_MS = 20;

/**
 * @param members - In the order in which they are ended.
 * @param end - Ends one; called with the reconnection time it is to be told.
 * @returns Resolves when `end` was called for all.
 * @throws {RangeError} If an option is not a number from 0, or `retryMs` is above 2^31-1.
 */
export async function endAtPace<Member>(
  members: readonly Member[],
  { overMs = 10_000, retryMs: [least, most] = [100, 3_000] }: DrainOptions,
  end: (member: Member, retryMs: number) => void,
): Promise<void> {
  if (!(overMs >= 0)) throw new RangeError(`Cannot drain: overMs is ${overMs}, expected a number from 0`);
  if (!(least >= 0 && most >= least && most < 2 ** 31)) {
    throw new RangeError(
      `Cannot drain: retryMs is ${least} to ${most}, expected two numbers from 0 to 2^31-1 in order`,
    );
  }
  let ended = 0;
  const endTo = (due: number): void => {
    for (; ended < due; ended += 1) end(members[ended]!, Math.round(least + (most - least) * slot(ended)));
  };
  const beganMs = performance.now();
  for (;;) {
    const elapsedMs = performance.now() - beganMs;
    endTo(elapsedMs >= overMs ? members.length : Math.floor((members.length * elapsedMs) / overMs));
    if (ended >= members.length) return;
    await new Promise<void>((resolve) => void setTimeout(resolve, Math.min(TICK_MS, overMs - elapsedMs)));
  }
}

/** The n-th of numbers from 0 to 1 that are spread evenly however many are taken: the golden ratio's multiples. */
function slot(n: number): number {
  return (n * 0.618_033_988_749_894_9) % 1;
}
