/**
 * Interleaved rounds: each contestant once a round, in turn, so that a slow minute of the machine is everybody's.
 * A ratio is the median of the rounds' own ratios, which such a minute moves least.
 */

/**
 * @param contestants - Functions by name; may be asynchronous.
 * @returns By name, the time of each round in nanoseconds, after two rounds that are not counted.
 */
export async function measure(contestants, rounds) {
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = -2; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const start = process.hrtime.bigint();
      const pending = run();
      if (pending instanceof Promise) await pending;
      const time = Number(process.hrtime.bigint() - start);
      if (round >= 0) times[name].push(time);
    }
  }
  return times;
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
