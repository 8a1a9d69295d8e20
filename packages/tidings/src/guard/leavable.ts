/**
 * Loops that can be left while they wait. An async generator answers `return` only when it has answered the `next` before: one
 * that waits for a message would be kept, with all that it holds, for as long as none comes. Frameworks call `return` when a peer
 * has gone.
 * This module is browser compatible.
 */
import { onAbort, type SignalLike } from "./abort.ts";
import { ignore } from "./ignore.ts";

const LEFT = new Error("The loop was left");

/**
 * Iterates over what `run` yields.
 * @param signal - The application's. Ends the loop, which throws its reason.
 * @param run - Makes the generator, when the first item is asked for. Its signal aborts when the application's does, or when the
 *   loop is left: then it has to end.
 */
export function leavable<Item>(
  signal: SignalLike | undefined,
  run: (signal: AbortSignal) => AsyncGenerator<Item, undefined, undefined>,
): AsyncIterableIterator<Item, undefined, undefined> {
  const inner = new AbortController();
  const items = following();
  const waiting = new Set<(result: IteratorResult<Item, undefined>) => void>();
  let left = false;

  async function* following(): AsyncGenerator<Item, undefined, undefined> {
    if (signal?.aborted) throw signal.reason;
    const unfollow = signal && onAbort(signal, () => inner.abort(signal.reason));
    try {
      return yield* run(inner.signal);
    } finally {
      unfollow?.();
    }
  }

  const loop: AsyncIterableIterator<Item, undefined, undefined> = {
    next: () =>
      new Promise((resolve, reject) => {
        if (left) return resolve({ done: true, value: undefined });
        waiting.add(resolve);
        items.next().then(
          (result) => {
            waiting.delete(resolve);
            resolve(result);
          },
          (error: unknown) => {
            waiting.delete(resolve);
            // Also what the generator did when it was left: then this has been resolved.
            reject(error);
          },
        );
      }),
    async return() {
      left = true;
      const isWaiting = waiting.size > 0;
      inner.abort(LEFT);
      for (const resolve of waiting) resolve({ done: true, value: undefined });
      waiting.clear();
      const returned = items.return(undefined);
      // It ends in its own time: what it waits for may never come.
      if (isWaiting) returned.catch(ignore);
      else await returned;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => loop,
  };
  return loop;
}
