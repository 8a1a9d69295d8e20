/**
 * This module is browser compatible.
 */
import type { SignalLike } from "./abort.ts";
import { mistake } from "./mistake.ts";
import { show } from "./show.ts";

/** @throws {TypeError} If `signal` is neither a signal nor absent: an AbortController, say. */
export function checkSignal(action: string, signal: unknown): void {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<Record<keyof SignalLike, unknown>>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  throw mistake(new TypeError(`Cannot ${action}: signal is ${show(signal)}, expected an AbortSignal`));
}
