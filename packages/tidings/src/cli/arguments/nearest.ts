/**
 * The name that was probably meant.
 */

/** @returns The closest of `names`, if it is close enough to be meant. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of names) {
    const distance = candidate.startsWith(name) && name.length > 1 ? 0.5 : editDistance(name, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  const length = Math.max(name.length, best?.length ?? 0);
  return least <= Math.max(1, Math.floor(length / 3)) ? best : undefined;
}

/** Letters inserted, removed, replaced, or swapped with their neighbour. */
function editDistance(one: string, other: string): number {
  // Nobody types this much, and the cost is the product of both.
  const [a, b] = [one.slice(0, 64), other.slice(0, 64)];
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      }
      row.push(cost);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
