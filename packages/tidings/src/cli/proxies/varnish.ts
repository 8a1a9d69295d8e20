/**
 * Varnish: event streams are piped past it. deploy/varnish runs what this makes, and removes the line.
 */
import type { Site } from "./site.ts";

/** A pattern for one name, or for several. */
function namesOf(hosts: readonly string[]): string {
  const patterns = hosts.map((host) => host.replaceAll(".", "\\."));
  return patterns.length === 1 ? patterns[0]! : `(${patterns.join("|")})`;
}

export function varnishConfig({ upstreamHost, upstreamPort, path, hosts, listen, tls }: Site): string {
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
    hosts.length === 0 ? "" : `req.http.Host ~ "(?i)^${namesOf(hosts)}(:\\d+)?$"`,
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
    # A stream that is silent for 60 seconds is cut: send heartbeats, or start varnishd with a longer -p pipe_timeout.
    ${conditions.length === 0 ? pipe : `if (${conditions.join(" && ")}) { ${pipe} }`}
}
`;
}
