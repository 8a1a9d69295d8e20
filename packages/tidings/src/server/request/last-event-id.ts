/**
 * Reads where a returning subscriber stands: from its `Last-Event-ID`, else from the query parameter `lastEventId`, which the
 * first request of a page can carry.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 * This module is browser compatible.
 */
import { headerOf } from "./header-of.ts";
import type { FetchRequest, NodeRequest } from "./http-types.ts";

/** The request's `Last-Event-ID`, `""` when it has none. */
export function lastEventIdOf(request: FetchRequest | NodeRequest): string {
  return fromUtf8(headerOf(request, "last-event-id"));
}

/** A request whose query may matter: Express and its like keep it in `url`. */
export type RequestWithUrl = (NodeRequest | FetchRequest) & { readonly url?: string | undefined };

/**
 * Returns `""` when there is none. Never throws: a request target is whatever its sender wrote, and many are no URL
 * (`//`, `//:/x`, `http://a:99999/`), so only the query is read.
 */
export function cursorOf(request: RequestWithUrl): string {
  const header = lastEventIdOf(request);
  const { url } = request;
  if (header !== "" || typeof url !== "string" || !url.includes("lastEventId=")) return header;
  const [target = ""] = url.split("#", 1);
  const query = target.indexOf("?");
  return query === -1 ? "" : (new URLSearchParams(target.slice(query)).get("lastEventId") ?? "");
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
