/**
 * Fresh credentials: what to do when the server says 401.
 * This module is browser compatible.
 */
import { wordsOf } from "../../core/event-stream-error.ts";
import type { Feature } from "../../core/feature.ts";

/**
 * Calls `run` when the server says 401, and makes the request again at once when its promise resolves. Streams that share the
 * function share the call. When it rejects, or the next answer is 401 again, the connection gives up. It may take as long as somebody
 * needs to sign in: one that never settles keeps the connection connecting.
 */
export function refresh(run: () => unknown): Feature {
  return () => {
    let refreshing: Promise<unknown> | undefined;
    return {
      wait: () => refreshing,
      lost(loss) {
        const wasRefreshed = refreshing;
        refreshing = undefined;
        if (loss.status !== 401 || wasRefreshed) return;
        refreshing = callOnce(run).then(undefined, (cause: unknown) => {
          throw Object.assign(loss, {
            cause,
            message: `${loss.message}; and refresh failed: ${wordsOf(cause)}`,
          });
        });
        return { type: "lost", random: 0, atOnce: true };
      },
      response() {
        refreshing = undefined;
      },
    };
  };
}

const calls = new WeakMap<() => unknown, Promise<unknown>>();

/** Calls a function once for all who ask for it meanwhile: ten streams whose token ran out refresh it once. */
function callOnce(run: () => unknown): Promise<unknown> {
  let call = calls.get(run);
  if (!call) {
    const forget = () => calls.delete(run);
    call = Promise.resolve().then(run);
    calls.set(run, call);
    call.then(forget, forget);
  }
  return call;
}
