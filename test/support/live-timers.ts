/** Counts the timers that are set while a file's tests run and have neither come nor been cleared: also those that hold no process. */
import { afterAll, beforeAll } from "vitest";

type Timer = ReturnType<typeof setTimeout>;
type Start = (callback: (...values: unknown[]) => void, ms?: number, ...values: unknown[]) => Timer;
type Clear = (timer: Timer | undefined) => void;

/** @returns Where each live timer was set. */
export function countTimers(): () => readonly string[] {
  const live = new Map<Timer, string>();
  const own = { setTimeout, setInterval, clearTimeout, clearInterval };
  const where = (): string => String(new Error("timer").stack).split("\n").slice(3, 6).join("\n");
  const counted =
    (start: Start, comesOnce: boolean): Start =>
    (callback, ms, ...values) => {
      const timer = start(() => {
        if (comesOnce) live.delete(timer);
        callback(...values);
      }, ms);
      live.set(timer, `${ms} ms\n${where()}`);
      return timer;
    };
  const cleared =
    (clear: Clear): Clear =>
    (timer) => {
      if (timer !== undefined) live.delete(timer);
      clear(timer);
    };
  beforeAll(() => {
    Object.assign(globalThis, {
      setTimeout: counted(own.setTimeout as Start, true),
      setInterval: counted(own.setInterval as Start, false),
      clearTimeout: cleared(own.clearTimeout as Clear),
      clearInterval: cleared(own.clearInterval as Clear),
    });
  });
  afterAll(() => void Object.assign(globalThis, own));
  return () => [...live.values()];
}
