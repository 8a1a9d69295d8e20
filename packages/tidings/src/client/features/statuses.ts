/**
 * An application's own rules for what to do after a status.
 * This module is browser compatible.
 */
import type { Feature } from "../core/feature.ts";

/** What to do about a status: reconnect later, or stop. */
export type StatusTable = { readonly [status: number]: "return" | "stop" };

/**
 * Reconnects after the statuses that the table says, or stops. It goes before the rules of the core: reconnect after 408, 425, 429 and
 * 5xx, stop after all others. The entry of a 2xx status applies to a response that is not an event stream.
 */
export function statuses(table: StatusTable): Feature {
  return () => ({
    lost(error) {
      const rule = /^(status|content-type)$/.test(error.code) && table[error.status!];
      if (rule) Object.assign(error, { willRetry: rule === "return" });
      return undefined;
    },
  });
}
