/**
 * What fixes it, by the proxy that stands there; for those that nobody recognised, what every proxy has a setting for.
 * Lines that belong into a configuration are those of cli/proxies, which the tests in deploy/ run.
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

export interface Fix {
  /** A line that `npx tidings proxy` prints, or a word that is not in what it prints. */
  readonly line?: string;
  readonly never?: string;
  readonly text: string;
}

export const FIXES: Readonly<Record<Cure, Partial<Readonly<Record<Hop, Fix>>>>> = {
  buffering: {
    nginx: {
      line: "proxy_buffering off;",
      text: "nginx: add proxy_buffering off; to the location, or send X-Accel-Buffering: no",
    },
    caddy: { never: "buffer", text: "Caddy: remove response_buffers and buffer_responses" },
    varnish: {
      line: "return (pipe);",
      text: "Varnish: add return (pipe); for the path in vcl_recv, or set beresp.do_stream = true",
    },
    lighttpd: { text: "lighttpd: set server.stream-response-body = 2" },
    iis: {
      text: "IIS: call DisableBuffering() in the application, and set responseBufferThreshold=0 in ARR",
    },
    "api-gateway": { text: "API Gateway: set responseTransferMode to STREAM" },
    cloudflare: { text: "cloudflared: use a named tunnel; quick tunnels hold GET streams back" },
  },
  http11: {
    nginx: {
      line: "proxy_http_version 1.1;",
      never: "chunked_transfer_encoding",
      text: "nginx: add proxy_http_version 1.1; to the location, and remove chunked_transfer_encoding off",
    },
    haproxy: { text: "HAProxy: upgrade to 3.0 or later, for HTTP/2 clients" },
    caddy: { text: "Caddy: upgrade to 2.11 or later" },
    varnish: { line: "return (pipe);", text: "Varnish: add return (pipe); for the path in vcl_recv" },
  },
  nodelay: {
    haproxy: {
      line: "option http-no-delay",
      text: "HAProxy: add option http-no-delay to the backend",
    },
  },
  compress: {
    nginx: {
      line: "proxy_buffering off;",
      never: "gzip",
      text: "nginx: add proxy_buffering off; to the location, and take text/event-stream out of gzip_types",
    },
    haproxy: {
      never: "compression",
      text: "HAProxy: list the types to compress in compression type, without text/event-stream",
    },
    caddy: { never: "encode", text: "Caddy: give encode a matcher that leaves the path out" },
    varnish: {
      line: "return (pipe);",
      text: "Varnish: add return (pipe); for the path in vcl_recv, or set beresp.do_gzip = false",
    },
    express: {
      text: "Express: send Cache-Control: no-cache, no-transform, which the compression middleware respects",
    },
    next: { text: "Next.js: send Cache-Control: no-cache, no-transform, or set compress: false" },
    traefik: { text: "Traefik: add text/event-stream to compress.excludedContentTypes" },
  },
  cache: {
    nginx: {
      line: "proxy_buffering off;",
      never: "proxy_cache",
      text: "nginx: add proxy_buffering off; to the location, which keeps streams out of proxy_cache, or proxy_cache off;",
    },
    varnish: {
      line: "return (pipe);",
      text: "Varnish: add return (pipe); for the path in vcl_recv, or set beresp.uncacheable = true",
    },
    cloudflare: { text: "Cloudflare: add a cache rule that bypasses the path" },
    cloudfront: { text: "CloudFront: use the CachingDisabled policy" },
  },
  timeout: {
    nginx: { never: "proxy_read_timeout", text: "nginx: set proxy_read_timeout to more than 3 heartbeats" },
    haproxy: {
      line: "timeout server 60s",
      text: "HAProxy: set timeout server and timeout client to more than 3 heartbeats",
    },
    caddy: { never: "read_timeout", text: "Caddy: remove read_timeout from the transport" },
    apache: { never: "timeout", text: "Apache: set ProxyPass … timeout= to more than 3 heartbeats" },
    varnish: {
      line: "return (pipe);",
      text: "Varnish: set pipe_timeout to more than 3 heartbeats (varnishd -p pipe_timeout=60); without return (pipe), between_bytes_timeout",
    },
    alb: { text: "ALB: set idle_timeout.timeout_seconds to more than 3 heartbeats" },
    envoy: { text: "Envoy: set idle_timeout to more than 3 heartbeats" },
    cloudfront: { text: "CloudFront: set the origin's response timeout to more than 3 heartbeats" },
    next: { text: "Next.js: set experimental.proxyTimeout" },
  },
  duration: {
    envoy: { text: "Envoy: set timeout: 0s on the route" },
    caddy: { never: "write", text: "Caddy: remove write from servers.timeouts" },
    vercel: { text: "Vercel: raise maxDuration; end the stream before it, and let clients resume" },
    netlify: { text: "Netlify: use an edge function, or a server of your own" },
    "api-gateway": { text: "API Gateway: end the stream before its limit, and let clients resume" },
  },
  abort: {
    nginx: {
      never: "proxy_ignore_client_abort",
      text: "nginx: remove proxy_ignore_client_abort on, and proxy_cache for the path",
    },
    haproxy: { line: "option abortonclose", text: "HAProxy: add option abortonclose to defaults" },
    caddy: { never: "flush_interval", text: "Caddy: remove flush_interval -1" },
    varnish: { line: "return (pipe);", text: "Varnish: add return (pipe); for the path in vcl_recv" },
  },
  devproxy: {},
};

/** For proxies that are not recognised. */
const GENERAL: Readonly<Record<Cure, string>> = {
  buffering: "Turn off response buffering for the path, in every proxy",
  http11: "Make every proxy speak HTTP/1.1 to the server, with chunked encoding",
  nodelay:
    "If HAProxy is on the way (it cannot be recognised by its headers), add option http-no-delay to the backend",
  compress: "Send Cache-Control: no-cache, no-transform, or leave text/event-stream uncompressed",
  cache: "Send Cache-Control: no-cache, or no-store for private data",
  timeout: "Send a heartbeat every 15 s, or at least 3 times within this limit; or raise the limit",
  duration: "Raise the limit on the whole response, or end the stream before it and let clients resume",
  abort: "Send heartbeats: the server then notices at the second or third one",
  devproxy:
    "In the development proxy, end the response when the upstream closes (proxyRes 'close'), and use a client with a liveness timeout",
};

/** What to change, the likeliest first. */
export function fixesFor(cure: Cure, hops: readonly Hop[]): string[] {
  const own = hops.flatMap((hop) => FIXES[cure][hop]?.text ?? []);
  return own.length > 0 && cure !== "timeout" ? own : [...own, GENERAL[cure]];
}
