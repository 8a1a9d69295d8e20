/** How evenly something is spread over time. */

/**
 * @param times - In milliseconds.
 * @returns The mean a second from the first to the last, the most in any second, wherever it begins, and their ratio.
 */
export function spreadOf(times) {
  const sorted = Float64Array.from(times).sort();
  const seconds = Math.max(1, (sorted.at(-1) - sorted[0]) / 1_000);
  const mean = sorted.length / seconds;
  let most = 0;
  for (let from = 0, to = 0; to < sorted.length; to += 1) {
    while (sorted[to] - sorted[from] >= 1_000) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return { mean, most, ratio: most / mean, seconds };
}
