/**
 * Reads where a returning subscriber stands.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 * This module is browser compatible.
 */
import { headerOf } from "./header-of.ts";
import type { FetchRequest, NodeRequest } from "./http-types.ts";

/** The request's `Last-Event-ID`, `""` when it has none. */
export function lastEventIdOf(request: FetchRequest | NodeRequest): string {
  return fromUtf8(headerOf(request, "last-event-id"));
}

/** Clients send UTF-8; servers hand header values on with one character for each byte. */
function fromUtf8(value: string): string {
  if (!/^[\0-\xff]*[\x80-\xff][\0-\xff]*$/.test(value)) return value;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(value, (char) => char.charCodeAt(0)),
    );
  } catch {
    return value;
  }
}
