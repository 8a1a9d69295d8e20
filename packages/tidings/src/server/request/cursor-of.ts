/**
 * Reads where a returning subscriber stands: from its `Last-Event-ID`, else from the query parameter `lastEventId`, which the
 * first request of a page can carry.
 * This module is browser compatible.
 */
import { lastEventIdOf } from "./last-event-id.ts";
import type { FetchRequest, NodeRequest } from "./http-types.ts";

/** A request whose query may matter: Express and its like keep it in `url`. */
export type RequestWithUrl = (NodeRequest | FetchRequest) & { readonly url?: string | undefined };

/** @returns `""` when it has none. */
export function cursorOf(request: RequestWithUrl): string {
  const header = lastEventIdOf(request);
  if (header !== "" || request.url === undefined || !request.url.includes("lastEventId=")) return header;
  const { searchParams } = new URL(request.url, "http://localhost");
  return searchParams.get("lastEventId") ?? "";
}
