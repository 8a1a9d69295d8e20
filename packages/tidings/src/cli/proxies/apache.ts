/**
 * Apache httpd: it passes events on as they arrive, and needs no line for it. What breaks that is on its page.
 */
import type { Site } from "./site.ts";

export function apacheConfig({ upstream, path, hosts, listen, tls }: Site): string {
  const port = listen?.port ?? (tls === undefined ? "80" : "443");
  // Debian's ports.conf says Listen for 80 and 443; a second one for the same port would stop Apache from starting.
  const listens =
    listen === undefined ? "" : `Listen ${listen.address === "" ? "" : `${listen.address}:`}${port}\n`;
  const secure =
    tls === undefined
      ? ""
      : `    Protocols h2 http/1.1\n    SSLEngine on\n    SSLCertificateFile ${tls.certificate}\n    SSLCertificateKeyFile ${tls.key}\n`;
  const [name, ...aliases] = hosts;
  const names = [
    ...(name === undefined ? [] : [`    ServerName ${name}\n`]),
    ...(aliases.length === 0 ? [] : [`    ServerAlias ${aliases.join(" ")}\n`]),
  ].join("");
  const modules = tls === undefined ? "proxy_http" : "proxy_http ssl http2";
  return `# Server-Sent Events through Apache httpd. Save this as /etc/apache2/sites-available/tidings.conf, then:
# a2enmod ${modules} && a2ensite tidings && systemctl restart apache2
# Apache passes each event on when it arrives, and needs no line for it. It does not tell your server that a client left
# until your server has written twice, so send heartbeats.
${listens}<VirtualHost *:${port}>
${names}${secure}    ProxyPass "${path}" "http://${upstream}${path}"
</VirtualHost>
`;
}
