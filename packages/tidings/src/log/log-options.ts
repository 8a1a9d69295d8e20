/**
 * Checks the options of a log: a misspelt one would do nothing, and a limit that is no number would be none.
 * This module is browser compatible.
 */
import { checkOptionNames } from "../guard/option-names.ts";
import { positive } from "../guard/positive.ts";

/** What there is, and what has to be a number above 0 if it is given. */
export type LogOptionNames<Options> = Readonly<Record<keyof Options & string, "number" | "other">>;

/**
 * @throws {TypeError} If there is no such option.
 * @throws {RangeError} If a number is not above 0.
 */
export function checkLogOptions<Options extends object>(
  options: Options,
  names: LogOptionNames<Options>,
): void {
  checkOptionNames("make log", options, { known: Object.keys(names) });
  for (const name of Object.keys(names) as (keyof Options & string)[]) {
    if (names[name] === "number" && options[name] !== undefined) positive("make log", name, options[name]);
  }
}
