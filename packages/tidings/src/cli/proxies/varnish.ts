/**
 * Varnish: event streams are piped past it. deploy/varnish runs what this makes, and removes the line.
 */
import type { Site } from "./site.ts";

export function varnishConfig({ upstreamHost, upstreamPort, path, host, listen, tls }: Site): string {
  if (tls !== undefined) {
    throw new TypeError(
      "Cannot make a proxy configuration: tls is given, expected none, since Varnish has no TLS; put HAProxy or hitch in front",
    );
  }
  if (listen !== undefined) {
    throw new TypeError(
      "Cannot make a proxy configuration: listen is given, expected none, since Varnish takes it as its -a option",
    );
  }
  const conditions = [
    host === undefined ? "" : `req.http.Host ~ "(?i)^${host.replaceAll(".", "\\.")}(:\\d+)?$"`,
    path === "/" ? "" : `req.url ~ "^${path.replaceAll(".", "\\.")}"`,
  ].filter((condition) => condition !== "");
  const pipe = "return (pipe);";
  return `# Server-Sent Events through Varnish. Save this as /etc/varnish/default.vcl, then: systemctl reload varnish
# If you have a VCL, copy the commented line into its vcl_recv, before everything else.
vcl 4.1;

backend app {
    .host = "${upstreamHost}";
    .port = "${upstreamPort}";
}

sub vcl_recv {
    # Connects the client with your server and steps aside. Without it, a stream without Cache-Control is shared between
    # clients and replayed to later ones, and your server does not notice that a client left or reads too slowly.
    ${conditions.length === 0 ? pipe : `if (${conditions.join(" && ")}) { ${pipe} }`}
}
`;
}
