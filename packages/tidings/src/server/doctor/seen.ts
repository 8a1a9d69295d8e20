/**
 * What of a request arrived: hops that show themselves nowhere else leave traces here. Values only of headers that carry no
 * secrets, since proxies add their own.
 * This module is browser compatible.
 */
import type { RequestFacts } from "./request-facts.ts";

export interface Seen {
  readonly method: string;
  readonly httpVersion: string;
  readonly peer: string;
  /** Names in lower case; the value is null where it is not told. */
  readonly headers: { readonly [name: string]: string | null };
}

const TOLD =
  /^(via|forwarded|x-forwarded-(for|proto|host|port|server)|x-real-ip|accept|accept-encoding|cache-control|connection|host|incremental|last-event-id|te|user-agent|cf-ray|cdn-loop|x-amzn-trace-id|x-amz-cf-id|x-request-id|x-envoy-[a-z-]+|x-varnish)$/;
const MOST_HEADERS = 100;
const LONGEST_VALUE = 500;

export function seenBy({ method, httpVersion, peer, headers }: RequestFacts): Seen {
  const seen: Record<string, string | null> = {};
  for (const [name, value] of headers) {
    if (Object.keys(seen).length === MOST_HEADERS) break;
    const lower = name.toLowerCase();
    seen[lower] = TOLD.test(lower) ? value.slice(0, LONGEST_VALUE) : null;
  }
  return { method, httpVersion, peer, headers: seen };
}
