/** What the tail waits for, and for how long. */
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";

export class Late extends Error {
  constructor(ms: number) {
    super(`Redis did not answer within ${Math.round(ms)} ms`);
  }
}

export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  promise.catch(() => undefined);
  const limitMs = Math.min(Math.max(0, ms), LONGEST_TIMER_MS);
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Late(limitMs)), limitMs);
        timer.unref();
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
