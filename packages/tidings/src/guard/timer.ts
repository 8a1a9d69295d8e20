/**
 * What a timer can wait for.
 * This module is browser compatible.
 */

/** The most milliseconds that a timer takes, 24 days. With more, such as Infinity, it fires at once. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;
