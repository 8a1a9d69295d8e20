/**
 * Ends many streams at an even pace, each with its reconnection time, so that the reconnects are spread out.
 * This module is browser compatible.
 */
import { checkOptionNames } from "../../guard/option-names.ts";
import { show } from "../../guard/show.ts";

export interface DrainOptions {
  /** Milliseconds over which the streams are ended. Default: 10,000. 0 ends all at once. */
  overMs?: number | undefined;
  /**
   * The reconnection times that the streams get, in milliseconds, evenly spread from the first to the second.
   * Default: 100 to 3,000. If the same process restarts, start with the time that the restart takes.
   */
  retryMs?: readonly [least: number, most: number] | undefined;
  /**
   * Milliseconds that a peer then has to read the rest. Default: 3,000. After that it is disconnected. The log has as long to close, where
   * that is more than fifteen seconds.
   */
  graceMs?: number | undefined;
}

/** All of them, as they were given or by default. */
export type CheckedDrain = { readonly [Name in keyof DrainOptions]-?: NonNullable<DrainOptions[Name]> };

const TICK_MS = 20;

const DRAIN_OPTIONS: Record<keyof DrainOptions, true> = { overMs: true, retryMs: true, graceMs: true };
const NAMES = { known: Object.keys(DRAIN_OPTIONS) };

/**
 * Checks the options before anything happens: a drain that fails half way could not be repeated.
 * @throws {TypeError} If `options` is no object, or there is no such option.
 * @throws {RangeError} If an option is not a number from 0, or `retryMs` is out of order or above 2^31-1.
 */
export function checkDrainOptions(options: DrainOptions): CheckedDrain {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot drain: options is ${show(options)}, expected an object such as { overMs }`);
  }
  // A misspelt one would take the default's time.
  checkOptionNames("drain", options, NAMES);
  const { overMs = 10_000, retryMs = [100, 3_000], graceMs = 3_000 } = options;
  for (const [name, value] of Object.entries({ overMs, graceMs })) {
    if (typeof value === "number" && value >= 0 && value < 2 ** 31) continue;
    throw new RangeError(`Cannot drain: ${name} is ${show(value)}, expected milliseconds from 0 to 2^31-1`);
  }
  const [least, most] = Array.isArray(retryMs) ? (retryMs as readonly unknown[]) : [];
  if (
    typeof least !== "number" ||
    typeof most !== "number" ||
    !(least >= 0 && most >= least && most < 2 ** 31)
  ) {
    throw new RangeError(
      `Cannot drain: retryMs is ${Array.isArray(retryMs) ? `${show(least)} to ${show(most)}` : show(retryMs)}, expected two numbers from 0 to 2^31-1, the smaller first`,
    );
  }
  return { overMs, retryMs, graceMs };
}

/**
 * Resolves when `end` was called for all.
 * @param members - In the order in which they are ended.
 * @param end - Ends one; called with its reconnection time.
 */
export async function endAtPace<Member>(
  members: readonly Member[],
  { overMs, retryMs: [least, most] }: CheckedDrain,
  end: (member: Member, retryMs: number) => void,
): Promise<void> {
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
