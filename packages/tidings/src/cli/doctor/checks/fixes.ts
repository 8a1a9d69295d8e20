/**
 * What mends it, by the proxy that stands there; for those that nobody recognised, each that could be it.
 */
import type { Hop } from "../examine/fingerprint.ts";

export type Cure =
  | "buffering"
  | "http11"
  | "nodelay"
  | "compress"
  | "cache"
  | "timeout"
  | "duration"
  | "abort"
  | "devproxy";

const BY_HOP: Readonly<Record<Cure, Partial<Readonly<Record<Hop, string>>>>> = {
  buffering: {
    nginx: "nginx: proxy_buffering off; in the location (or send X-Accel-Buffering: no)",
    caddy: "Caddy: remove response_buffers and buffer_responses",
    varnish: "Varnish: return (pipe) for the path, or set beresp.do_stream = true",
    lighttpd: "lighttpd: server.stream-response-body = 2",
    iis: "IIS: DisableBuffering() in the application; responseBufferThreshold=0 in ARR",
    "api-gateway": "API Gateway: responseTransferMode STREAM",
    cloudflare: "cloudflared: a named tunnel; quick tunnels hold GET streams back",
  },
  http11: {
    nginx: "nginx: proxy_http_version 1.1; and no chunked_transfer_encoding off",
    haproxy: "HAProxy: 3.0 or later for HTTP/2 clients",
    caddy: "Caddy: 2.11 or later",
    varnish: "Varnish: return (pipe) for the path",
  },
  nodelay: { haproxy: "HAProxy: option http-no-delay" },
  compress: {
    nginx: "nginx: take text/event-stream out of gzip_types, and proxy_buffering off;",
    haproxy: "HAProxy: name types in compression type, without text/event-stream",
    caddy: "Caddy: encode with a matcher that leaves the path out",
    apache: "Apache: SetEnv no-gzip 1 for the path",
    varnish: "Varnish: set beresp.do_gzip = false for text/event-stream",
    express: "Express: Cache-Control: no-transform, which compression respects; or its filter option",
    next: "Next.js: Cache-Control: no-transform, or compress: false",
    traefik: "Traefik: compress.excludedContentTypes = text/event-stream",
  },
  cache: {
    nginx: "nginx: proxy_cache off; in the location",
    varnish: "Varnish: return (pipe) for the path, or set beresp.uncacheable = true",
    cloudflare: "Cloudflare: a cache rule that bypasses the path",
    cloudfront: "CloudFront: the CachingDisabled policy",
  },
  timeout: {
    nginx: "nginx: proxy_read_timeout above 3 heartbeats",
    haproxy: "HAProxy: timeout server and timeout client above 3 heartbeats",
    caddy: "Caddy: no read_timeout in the transport",
    apache: "Apache: ProxyPass … timeout= above 3 heartbeats",
    varnish: "Varnish: between_bytes_timeout, or pipe_timeout with pipe",
    alb: "ALB: idle_timeout.timeout_seconds above 3 heartbeats",
    envoy: "Envoy: idle_timeout above 3 heartbeats",
    cloudfront: "CloudFront: origin read timeout above 3 heartbeats",
    next: "Next.js: experimental.proxyTimeout",
  },
  duration: {
    envoy: "Envoy: timeout: 0s on the route",
    caddy: "Caddy: no write in servers.timeouts",
    vercel: "Vercel: maxDuration; and end and resume before it",
    netlify: "Netlify: an edge function, or a server of your own",
    "api-gateway": "API Gateway: end and resume before its limit",
  },
  abort: {
    nginx: "nginx: no proxy_ignore_client_abort on, and no proxy_cache for the path",
    haproxy: "HAProxy: option abortonclose",
    caddy: "Caddy: no flush_interval -1",
    varnish: "Varnish: return (pipe) for the path",
  },
  devproxy: {},
};

/** For proxies that are not recognised. */
const GENERAL: Readonly<Record<Cure, string>> = {
  buffering: "Turn off response buffering for the path in every proxy",
  http11: "Let every proxy speak HTTP/1.1 to the server, with chunked encoding",
  nodelay: "HAProxy adds nothing by which it could be recognised: option http-no-delay",
  compress: "Send Cache-Control: no-transform, or leave text/event-stream uncompressed",
  cache: "Send Cache-Control: no-cache (or no-store for what is somebody's own)",
  timeout: "Send a heartbeat at less than a third of this time (15 s does), or raise the limit",
  duration: "Raise the limit on the whole response, or end and resume before it",
  abort: "Send heartbeats: the server then learns of it at the second or third",
  devproxy:
    "In the development proxy, end the response when the upstream's closes (proxyRes 'close'); and use a client with a liveness timeout",
};

/** What to change, the likeliest first. */
export function fixesFor(cure: Cure, hops: readonly Hop[]): string[] {
  const own = hops.flatMap((hop) => BY_HOP[cure][hop] ?? []);
  return own.length > 0 && cure !== "timeout" ? own : [...own, GENERAL[cure]];
}
