/**
 * Signals that end what waits: a connection, or a loop over messages.
 * This module is browser compatible.
 */

/** The platform's AbortSignal, or anything like it. */
export interface SignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
}

/** One listener serves all that wait with a signal: Node warns of a leak when there are eleven. */
const runsOf = new WeakMap<SignalLike, Set<() => void>>();

/** Calls `run` when `signal` is aborted. @returns A function that takes that back. */
export function onAbort(signal: SignalLike, run: () => void): () => void {
  let runs = runsOf.get(signal);
  if (!runs) {
    const all = (runs = new Set());
    runsOf.set(signal, all);
    // It stays, since it holds nothing but a set that is empty in the end.
    signal.addEventListener("abort", () => all.forEach((run) => run()));
  }
  const all = runs;
  all.add(run);
  return () => void all.delete(run);
}
