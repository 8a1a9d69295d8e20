/**
 * Caddy: it passes events on as they arrive, and needs no line for it. What breaks that is on its page.
 */
import type { Site } from "./site.ts";

export function caddyConfig({ upstream, path, hosts, listen, tls }: Site): string {
  const pattern = path === "/" ? "" : `${path}* `;
  const bind = listen === undefined || listen.address === "" ? "" : `\tbind ${listen.address}\n`;
  const certificate = tls === undefined ? "" : `\ttls ${tls.certificate} ${tls.key}\n`;
  return `# Server-Sent Events through Caddy. Save this as /etc/caddy/Caddyfile, then: systemctl reload caddy
# Caddy passes each event on when it arrives, and needs no line for it. Do not add "flush_interval -1". If you use
# "encode" with Caddy 2.6, leave these paths out of it.
${addressesOf(hosts, listen, tls !== undefined)} {
${bind}${certificate}\treverse_proxy ${pattern}${upstream}
}
`;
}

// A name alone makes Caddy fetch a certificate for it, which is how it is meant to be used.
function addressesOf(hosts: readonly string[], listen: Site["listen"], secure: boolean): string {
  if (listen === undefined) return hosts.length > 0 ? hosts.join(", ") : secure ? ":443" : ":80";
  const scheme = secure ? "https" : "http";
  return (hosts.length > 0 ? hosts : [""]).map((host) => `${scheme}://${host}:${listen.port}`).join(", ");
}
