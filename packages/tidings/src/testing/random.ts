/**
 * Chance that can be repeated, for simulations and the tests of what rests on it.
 * This module is browser compatible.
 */

/** Repeatable chance: a function that returns the same numbers, from 0 up to 1, for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // Mulberry32's mixing: the neighbours of a seed are not neighbours in what comes out.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
