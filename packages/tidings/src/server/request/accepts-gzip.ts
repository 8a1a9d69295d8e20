/**
 * What a request accepts: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
 * This module is browser compatible.
 */
import { headerOf } from "./header-of.ts";
import type { FetchRequest, NodeRequest } from "./http-types.ts";

/** Whether the peer asks for gzip. One that names no encoding, or only forbids some, gets none. */
export function acceptsGzip(request: FetchRequest | NodeRequest): boolean {
  let any = false;
  for (const part of headerOf(request, "accept-encoding").toLowerCase().split(",")) {
    const [coding, ...parameters] = part.split(";").map((text) => text.trim());
    const weight = parameters.find((text) => text.startsWith("q="))?.slice(2);
    const wanted = weight === undefined || Number(weight) > 0;
    if (coding === "gzip" || coding === "x-gzip") return wanted;
    if (coding === "*") any = wanted;
  }
  return any;
}
