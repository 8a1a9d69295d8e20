/**
 * Signals that end a connection.
 * This module is browser compatible.
 */

/** The platform's AbortSignal, or anything like it. */
export interface SignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** One listener serves all connections of a signal: Node warns of a leak when there are eleven. */
const aborts = new WeakMap<SignalLike, { readonly runs: Set<() => void>; readonly listen: () => void }>();

/** Calls `run` when `signal` is aborted. @returns A function that takes that back. */
export function onAbort(signal: SignalLike, run: () => void): () => void {
  let shared = aborts.get(signal);
  if (!shared) {
    const runs = new Set<() => void>();
    shared = { runs, listen: () => runs.forEach((run) => run()) };
    aborts.set(signal, shared);
  }
  const { runs, listen } = shared;
  if (runs.size === 0) signal.addEventListener("abort", listen);
  runs.add(run);
  return () => {
    if (runs.delete(run) && runs.size === 0) signal.removeEventListener("abort", listen);
  };
}
