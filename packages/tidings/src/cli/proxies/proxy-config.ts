/**
 * The proven configuration of a proxy, with the user's names filled in: what `npx tidings proxy` prints and what the tests in
 * deploy/ run are made here, so they are the same.
 */
import { apacheConfig } from "./apache.ts";
import { caddyConfig } from "./caddy.ts";
import { haproxyConfig } from "./haproxy.ts";
import { nginxConfig } from "./nginx.ts";
import { type ProxyOptions, type Site, toSite } from "./site.ts";
import { varnishConfig } from "./varnish.ts";

export type { ProxyOptions } from "./site.ts";

export type ProxyName = "apache" | "caddy" | "haproxy" | "nginx" | "varnish";

const CONFIGS: Readonly<Record<ProxyName, (site: Site) => string>> = {
  apache: apacheConfig,
  caddy: caddyConfig,
  haproxy: haproxyConfig,
  nginx: nginxConfig,
  varnish: varnishConfig,
};

/** The proxies that have a configuration, in alphabetical order. */
export const proxyNames: readonly ProxyName[] = Object.keys(CONFIGS) as ProxyName[];

/**
 * Returns a configuration file for Server-Sent Events through this proxy. Where to save it stands in its first lines.
 * @throws {TypeError} If there is no such proxy, or an option cannot stand in its configuration.
 */
export function proxyConfig(name: ProxyName, options: ProxyOptions): string {
  if (!Object.hasOwn(CONFIGS, name)) {
    throw new TypeError(
      `Cannot make a proxy configuration: name is ${JSON.stringify(name)}, expected one of ${proxyNames.join(", ")}`,
    );
  }
  return CONFIGS[name](toSite(options));
}
