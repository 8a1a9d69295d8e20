/**
 * Reads where a returning subscriber stands: from its `Last-Event-ID`, else from the query parameter `lastEventId`, which the
 * first request of a page can carry.
 * This module is browser compatible.
 */
import { lastEventIdOf } from "./last-event-id.ts";
import type { FetchRequest, NodeRequest } from "./http-types.ts";

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
