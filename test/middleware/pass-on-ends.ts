/**
 * What docs/proxies/middleware.md adds to a development proxy, so that each end learns when the other is gone.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** The text of this function stands on the page. */
export function passOnEnds(proxyRes: IncomingMessage, _req: IncomingMessage, res: ServerResponse): void {
  proxyRes.on("close", () => res.writableEnded || res.destroy()); // the server died: so does the response
  res.on("close", () => proxyRes.destroy()); // the client left: so does the request
}
