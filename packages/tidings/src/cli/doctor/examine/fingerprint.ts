/**
 * Which proxies and servers show themselves, by the headers they add.
 */
import type { SeenByServer } from "./seen-by-server.ts";
import type { Observation } from "./observation.ts";

export type Hop =
  | "nginx"
  | "haproxy"
  | "caddy"
  | "apache"
  | "varnish"
  | "lighttpd"
  | "squid"
  | "envoy"
  | "traefik"
  | "cloudflare"
  | "cloudfront"
  | "api-gateway"
  | "alb"
  | "vercel"
  | "netlify"
  | "iis"
  | "express"
  | "next";

const BY_HEADER: readonly (readonly [hop: Hop, header: string, value: RegExp])[] = [
  ["cloudflare", "cf-ray", /./],
  ["cloudflare", "server", /^cloudflare/i],
  ["cloudfront", "x-amz-cf-id", /./],
  ["cloudfront", "via", /cloudfront/i],
  ["api-gateway", "apigw-requestid", /./],
  ["api-gateway", "x-amzn-requestid", /./],
  ["alb", "set-cookie", /^AWSALB/],
  ["vercel", "x-vercel-id", /./],
  ["netlify", "x-nf-request-id", /./],
  ["envoy", "server", /envoy/i],
  ["envoy", "x-envoy-upstream-service-time", /./],
  ["iis", "x-powered-by", /ARR|ASP\.NET/],
  ["iis", "server", /Microsoft-IIS/],
  ["nginx", "server", /nginx|openresty/i],
  ["caddy", "server", /Caddy/],
  ["caddy", "via", /Caddy/],
  ["apache", "server", /^Apache/],
  ["varnish", "x-varnish", /./],
  ["varnish", "via", /varnish/i],
  ["lighttpd", "server", /lighttpd/],
  ["squid", "via", /squid/],
  ["express", "x-powered-by", /Express/],
  ["next", "x-powered-by", /Next/],
];

/** @param seen - The request as it reached the server: traces of hops that add nothing to responses. */
export function hopsOf(observation: Observation, seen?: SeenByServer): Hop[] {
  const hops = new Set<Hop>();
  const headers = observation.head?.headers ?? [];
  for (const [hop, header, value] of BY_HEADER) {
    if (headers.some(([name, text]) => name.toLowerCase() === header && value.test(text))) hops.add(hop);
  }
  const via = seen?.headers["via"] ?? "";
  if (/Caddy/.test(via)) hops.add("caddy");
  if (/varnish/i.test(via) || seen?.headers["x-varnish"] !== undefined) hops.add("varnish");
  if (seen?.headers["x-amzn-trace-id"] !== undefined && !hops.has("cloudfront")) hops.add("alb");
  if (seen?.headers["x-envoy-expected-rq-timeout-ms"] !== undefined) hops.add("envoy");
  if (seen?.headers["x-forwarded-server"] !== undefined && !hops.has("apache")) hops.add("traefik");
  return [...hops];
}
