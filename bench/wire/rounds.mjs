/**
 * Interleaved rounds: each contestant in turn, so that a slow minute of the machine is everybody's, and each for long enough
 * that what the one before left in the caches and in the heap is not what is measured.
 * A ratio is the median of the rounds' own ratios, which such a minute moves least.
 */

const WARM_UP_NS = 1e8;
const ROUND_NS = 2e7;

/**
 * @param contestants - Functions by name; may be asynchronous.
 * @returns By name, the time of each round in nanoseconds, once each has run for a while: engines optimize what is busy.
 */
export async function measure(contestants, rounds) {
  const repeats = {};
  for (const [name, run] of Object.entries(contestants)) {
    let fastest = Infinity;
    for (let spent = 0, n = 0; spent < WARM_UP_NS || n < 2; n++) {
      const took = await time(run, 1);
      spent += took;
      fastest = Math.min(fastest, took);
    }
    repeats[name] = Math.ceil(ROUND_NS / fastest);
  }
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants))
      times[name].push((await time(run, repeats[name])) / repeats[name]);
  }
  return times;
}

async function time(run, repeats) {
  const start = performance.now();
  for (let n = 0; n < repeats; n++) {
    const pending = run();
    if (pending instanceof Promise) await pending;
  }
  return (performance.now() - start) * 1e6;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** How many times as fast as each of the others `name` is; the least of them, and which one that was. */
export function ratioToBest(times, name, others) {
  const ratios = others.map((other) => ({
    other,
    ratio: median(times[other].map((time, n) => time / times[name][n])),
  }));
  return ratios.reduce((least, next) => (next.ratio < least.ratio ? next : least));
}
