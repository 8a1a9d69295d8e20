/**
 * Runs a function in a later turn of the event loop, after what waits there already.
 * This module is browser compatible.
 */

/** Node's, Bun's and Deno's. */
const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };

export const inNextTurn: (run: () => void) => void =
  setImmediate === undefined ? (run) => void setTimeout(run, 0) : (run) => void setImmediate(run);
