/**
 * Another way for the cursor than the `Last-Event-ID` header, which other origins must allow by name
 * (`Access-Control-Allow-Headers: Last-Event-ID`).
 * This module is browser compatible.
 */
import { percentEncoded } from "../../../guard/percent-encoded.ts";
import type { Feature } from "../../core/feature.ts";
import type { TransportRequest } from "../../transports/transport.ts";

/** As the standard's header, as a query parameter, or as a function puts it into the request. */
export type CursorVia =
  | "header"
  | { readonly query: string }
  | ((request: TransportRequest, lastEventId: string) => void);

/** Sends the cursor in a query parameter, or as a function puts it into the request, and not as the header. */
export function cursorVia(via: Exclude<CursorVia, "header">): Feature {
  return (core) => ({
    request(request) {
      const { lastEventId } = core;
      delete request.headers["last-event-id"];
      if (!lastEventId) return;
      if (typeof via === "function") return via(request, lastEventId);
      const { url } = request;
      const sign = /^[^#]*\?/.test(url) ? "&" : "?";
      const pair = `${percentEncoded(via.query)}=${percentEncoded(lastEventId)}`;
      request.url = url.replace(/(?=#)|$/, sign + pair);
    },
  });
}
