/**
 * What a proxy configuration is filled in with, checked: a value ends up in a file that a privileged program reads, so nothing
 * that could end a line or open a block gets through.
 */

export interface ProxyOptions {
  /** The server behind the proxy, such as "http://127.0.0.1:3001". HTTP only, without a path. */
  upstream: string;
  /** Requests whose path begins with this go to the upstream. Default: "/", all of them. */
  path?: string;
  /** The name that clients ask for, such as "example.com", or several. Default: any. */
  host?: string | readonly string[];
  /** Where the proxy listens: a port, or an address and a port. Default: 80, or 443 with `tls`. Varnish is told with `-a`. */
  listen?: string;
  /** PEM files on the machine of the proxy. With them it speaks HTTP/2 and HTTP/1.1 over TLS. Default: plain HTTP. */
  tls?: {
    certificate: string;
    /** HAProxy reads the key from the certificate's file, and ignores this. */
    key: string;
  };
}

export interface Site {
  /** Host and port, such as "127.0.0.1:3001" or "[::1]:80". */
  readonly upstream: string;
  /** The same as the user wrote it: without a port if there was none, as nginx needs it for the name of an upstream block. */
  readonly upstreamAuthority: string;
  readonly upstreamHost: string;
  readonly upstreamPort: string;
  readonly path: string;
  /** Empty for any. */
  readonly hosts: readonly string[];
  /** Absent where `listen` was: a proxy then listens where it usually does. */
  readonly listen: { readonly address: string; readonly port: string } | undefined;
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
}

/** @throws {TypeError} If an option cannot stand in a configuration. */
export function toSite({ upstream, path = "/", host, listen, tls }: ProxyOptions): Site {
  const url = upstreamUrl(upstream);
  check("path", path, /^\/[\w.~/%-]*$/, 'one such as "/events"');
  const hosts = host === undefined ? [] : [host].flat();
  for (const each of hosts)
    check("host", each, /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i, 'one such as "example.com"');
  for (const [name, file] of Object.entries(tls ?? {})) {
    check(`tls.${name}`, file, /^[\w./@+~:-]+$/, "the path of a PEM file, without spaces");
  }
  return {
    upstream: `${url.hostname}:${url.port || "80"}`,
    upstreamAuthority: url.host,
    upstreamHost: url.hostname.replaceAll(/[[\]]/g, ""),
    upstreamPort: url.port || "80",
    path,
    hosts,
    listen: listen === undefined ? undefined : addressOf(listen),
    tls,
  };
}

function upstreamUrl(upstream: string): URL {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  // A URL may have a host with much in it that ends a line of a configuration.
  const plain =
    url?.protocol === "http:" && /^(?:[\w.-]+|\[[\da-f:.]+\])$/.test(url.hostname) && url.pathname === "/";
  if (!plain || url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "") {
    throw wrong("upstream", upstream, 'one such as "http://127.0.0.1:3001", without a path');
  }
  return url;
}

function addressOf(listen: string): { address: string; port: string } {
  const { address = "", port = "" } =
    /^(?:(?<address>[\w.-]+|\[[\da-f:]+\]):)?(?<port>\d{1,5})$/i.exec(listen)?.groups ?? {};
  if (port === "" || Number(port) > 65_535) throw wrong("listen", listen, '"8080" or "127.0.0.1:8080"');
  return { address, port };
}

function check(name: string, value: string, pattern: RegExp, expected: string): void {
  if (typeof value !== "string" || !pattern.test(value)) throw wrong(name, value, expected);
}

function wrong(name: string, value: unknown, expected: string): TypeError {
  return new TypeError(
    `Cannot make a proxy configuration: ${name} is ${JSON.stringify(value) ?? String(value)}, expected ${expected}`,
  );
}
