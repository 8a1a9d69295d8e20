/**
 * Reads where a returning subscriber stands.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 * This module is browser compatible.
 */
import type { FetchRequest, NodeRequest } from "./http-types.ts";

/** The request's `Last-Event-ID`, `""` when it has none. */
export function lastEventIdOf(request: FetchRequest | NodeRequest): string {
  const headers = request.headers as Partial<FetchRequest["headers"]> & NodeRequest["headers"];
  const value = typeof headers.get === "function" ? headers.get("last-event-id") : headers["last-event-id"];
  const text = Array.isArray(value) ? (value.at(-1) ?? "") : (value ?? "");
  return typeof text === "string" ? fromUtf8(text) : "";
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
