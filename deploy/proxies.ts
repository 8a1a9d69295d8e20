/**
 * The proxies that have a configuration, each with the lines of it that are there for event streams: what remains without them
 * is a proxy that was not configured at all.
 */
import { type ProxyName, proxyConfig } from "../packages/tidings/src/cli/proxies/proxy-config.ts";
import { apache } from "./apache/program.ts";
import { caddy } from "./caddy/program.ts";
import { haproxy } from "./haproxy/program.ts";
import { nginx } from "./nginx/program.ts";
import { type Program, type RunningProgram, startProgram } from "./program.ts";
import type { Protocol } from "./reader.ts";
import { varnish } from "./varnish/program.ts";

export interface Proxy {
  readonly title: string;
  readonly program: Program;
  /** Where its configuration stands in this folder. */
  readonly file: string;
  readonly lines: readonly string[];
}

export const proxies: Readonly<Record<ProxyName, Proxy>> = {
  nginx: {
    title: "nginx",
    program: nginx,
    file: "nginx/tidings.conf",
    lines: ["proxy_buffering off;", "proxy_http_version 1.1;"],
  },
  haproxy: {
    title: "HAProxy",
    program: haproxy,
    file: "haproxy/haproxy.cfg",
    lines: [
      "timeout connect 5s",
      "timeout client 60s",
      "timeout server 60s",
      "option http-no-delay",
      "option abortonclose",
    ],
  },
  caddy: { title: "Caddy", program: caddy, file: "caddy/Caddyfile", lines: [] },
  apache: { title: "Apache httpd", program: apache, file: "apache/tidings.conf", lines: [] },
  varnish: {
    title: "Varnish",
    program: varnish,
    file: "varnish/default.vcl",
    lines: ["return (pipe);"],
  },
};

export interface StartOptions {
  readonly upstream: string;
  readonly protocol?: Protocol;
  /** Changes the configuration before the proxy reads it. */
  readonly edit?: (config: string) => string;
}

/** Runs a proxy with what `npx tidings proxy` prints for it, changed by `edit`. */
export async function startProxy(
  name: ProxyName,
  { upstream, protocol = "HTTP/1.1", edit = (config) => config }: StartOptions,
): Promise<RunningProgram> {
  const secure = protocol !== "HTTP/1.1";
  const running = await startProgram(proxies[name].program, ({ folder, port }) => {
    const tls = { certificate: `${folder}/tls.pem`, key: `${folder}/tls.pem` };
    const listen = name === "varnish" ? {} : { listen: `127.0.0.1:${port}` };
    return edit(proxyConfig(name, { upstream, ...listen, ...(secure ? { tls } : {}) }));
  });
  return secure ? { ...running, url: running.url.replace("http:", "https:") } : running;
}

/** The configuration without one of its lines. @throws {Error} If it has no such line. */
export function without(line: string): (config: string) => string {
  return (config) => {
    if (!config.includes(line)) throw new Error(`Cannot remove a line: the configuration has no ${line}`);
    return config.replace(line, "");
  };
}

/** What is left of a configuration when everything that is there for event streams is taken out. */
export function bare(name: ProxyName): (config: string) => string {
  return (config) => proxies[name].lines.reduce((left, line) => without(line)(left), config);
}
