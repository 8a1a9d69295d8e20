/**
 * Imported for its effect: where the platform has no `EventSource`, as Node, it has this one from now on.
 * This module is browser compatible.
 */
import { EventSource } from "./event-source.ts";

const target = globalThis as { EventSource?: unknown };
if (typeof target.EventSource !== "function") {
  // As Web IDL defines an interface object: hidden from loops, and the application's to replace.
  Object.defineProperty(target, "EventSource", { value: EventSource, writable: true, configurable: true });
}
