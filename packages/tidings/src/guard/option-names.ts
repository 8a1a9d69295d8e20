/**
 * Tells an option that does not exist from one that does: a misspelt option would otherwise do nothing, and nobody would know.
 * This module is browser compatible.
 */
import { mistake } from "./mistake.ts";

export interface OptionNames {
  readonly known: readonly string[];
  /** Names that options had, and those that they have now. */
  readonly former?: Readonly<Record<string, string>>;
  /** Names that resemble no option are let pass: the object may come with the properties of others. */
  readonly allowsOthers?: boolean;
}

/**
 * @param action - What cannot be done, in the error: `"create hub"`.
 * @param path - Where the options stand: `"limits."`.
 * @throws {TypeError} If an option is unknown. It names the one that was meant, where that can be told.
 */
export function checkOptionNames(
  action: string,
  options: object,
  { known, former = {}, allowsOthers = false }: OptionNames,
  path = "",
): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const meant = Object.hasOwn(former, name)
      ? former[name]
      : known.find((one) => isClose(name.toLowerCase(), one.toLowerCase()));
    if (meant === undefined && allowsOthers) continue;
    const expected = meant === undefined ? `one of ${known.join(", ")}` : `${path}${meant}`;
    throw mistake(
      new TypeError(
        `Cannot ${action}: there is no option ${path}${name.slice(0, 100)}, expected ${expected}`,
      ),
    );
  }
}

/** Whether one letter was left out, added, changed, or swapped with its neighbour. */
function isClose(one: string, other: string): boolean {
  if (Math.min(one.length, other.length) < 3) return one === other;
  let from = 0;
  while (from < one.length && one[from] === other[from]) from += 1;
  const rests = [one.slice(from), other.slice(from)] as const;
  const [a, b] = rests;
  if (a.slice(1) === b || a === b.slice(1) || a.slice(1) === b.slice(1)) return true;
  return a.length > 1 && a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2);
}
