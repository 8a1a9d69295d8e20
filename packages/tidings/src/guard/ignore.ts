/**
 * For what is known to be of no consequence: an error of a response says only that its peer left.
 * This module is browser compatible.
 */
export function ignore(): void {}
