/**
 * HAProxy: no delay, and no deafness to clients that leave. deploy/haproxy runs what this makes, and removes each line.
 */
import type { Site } from "./site.ts";

export function haproxyConfig({ upstream, path, hosts, listen, tls }: Site): string {
  const { address, port } = listen ?? { address: "", port: tls === undefined ? "80" : "443" };
  const bind =
    tls === undefined
      ? `    bind ${address}:${port}\n`
      : `    # The key is in the file of the certificate, or in a file with .key added to its name, in the same folder.\n` +
        `    bind ${address}:${port} ssl crt ${tls.certificate} alpn h2,http/1.1\n`;
  const conditions = [
    hosts.length === 0 ? "" : `{ req.hdr(host),field(1,:) -i ${hosts.join(" ")} }`,
    path === "/" ? "" : `{ path_beg ${path} }`,
  ].filter((condition) => condition !== "");
  const route =
    conditions.length === 0 ? "    default_backend app" : `    use_backend app if ${conditions.join(" ")}`;
  return `# Server-Sent Events through HAProxy. Save this as /etc/haproxy/haproxy.cfg, then: systemctl reload haproxy
# If you have a configuration, copy the lines of "backend app" into the backend of your server.
defaults
    mode http

    # How long a server may take to accept a connection.
    timeout connect 5s

    # How long a client may take nothing of what is sent. Frees the streams of clients that stopped reading.
    timeout client 60s

    # How long a stream may be silent: four heartbeats of 15 seconds. It ends the streams of a server that is stuck.
    # "timeout tunnel" has no effect on event streams.
    timeout server 60s

    # Closes the connection to your server when the client leaves. Without it, your server does not notice until it
    # has written two or three times.
    option abortonclose

frontend web
${bind}${route}

backend app
    # Sends each event at once. Without it, HAProxy delays every event to HTTP/1.1 clients by 200 ms.
    option http-no-delay

    server app1 ${upstream}
`;
}
