/**
 * nginx: two lines that count. deploy/nginx runs what this makes, and removes each line to show what it does.
 */
import type { Site } from "./site.ts";

export function nginxConfig({ upstreamAuthority, path, hosts, listen, tls }: Site): string {
  const { address, port } = listen ?? { address: "", port: tls === undefined ? "80" : "443" };
  const at = address === "" ? port : `${address}:${port}`;
  const listens =
    tls === undefined
      ? `    listen ${at};\n`
      : `    # From nginx 1.25.1, "http2 on;" on a line of its own does what http2 does here.\n` +
        `    listen ${at} ssl http2;\n` +
        `    ssl_certificate ${tls.certificate};\n` +
        `    ssl_certificate_key ${tls.key};\n`;
  return `# Server-Sent Events through nginx. Save this as /etc/nginx/conf.d/tidings.conf, then: nginx -t && nginx -s reload
# If you have a server block for this site, copy the two commented lines into its location instead.
server {
${listens}${hosts.length === 0 ? "" : `    server_name ${hosts.join(" ")};\n`}
    location ${path} {
        proxy_pass http://${upstreamAuthority};

        # Passes each event on when it arrives. Without it, nginx before 1.29.7 holds everything until it has 4096
        # bytes or the stream ends. Later versions hold the headers until the first byte, and the end of an event of
        # 4096 bytes or more until the next one. It also lets your server see that a client reads too slowly.
        proxy_buffering off;

        # Asks your server for HTTP/1.1, whose chunks show where a response ends. With HTTP/1.0, the default before
        # 1.29.7, a server that crashes in the middle of a stream looks to the client like one that finished it.
        proxy_http_version 1.1;
    }
}
`;
}
