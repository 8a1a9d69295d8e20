/**
 * `tidings proxy`: prints the configuration of a proxy that the tests run, with the user's names filled in.
 */
import type { Command, Input } from "../arguments/command.ts";
import { UsageError } from "../arguments/usage-error.ts";
import { nearest } from "../arguments/nearest.ts";
import { proxyConfig, type ProxyName, proxyNames } from "../proxies/proxy-config.ts";
import type { Io } from "../terminal/io.ts";

export const proxy: Command = {
  name: "proxy",
  summary: "Print a proxy's configuration for event streams, tested against the proxy",
  usage: "NAME --upstream URL",
  words: [1, 1],
  completes: proxyNames,
  options: {
    upstream: { short: "u", value: "URL", about: "Your server, such as http://127.0.0.1:3001" },
    path: { value: "PATH", about: "Paths that start with this. Default: /" },
    host: { value: "HOST", multiple: true, about: "A host name; may be repeated. Default: any" },
    listen: { value: "PORT", about: "A port, or ADDRESS:PORT. Default: 80, or 443 with TLS" },
    certificate: { value: "FILE", about: "A PEM file, for TLS" },
    key: { value: "FILE", about: "Its key" },
  },
  notes: [`NAME is one of ${proxyNames.join(", ")}`],
  examples: ["tidings proxy nginx --upstream http://127.0.0.1:3001 --path /events"],
  run: runProxy,
};

function runProxy(input: Input, io: Io): Promise<number> {
  const name = input.words[0]!;
  if (!(proxyNames as readonly string[]).includes(name)) {
    const close = nearest(name, proxyNames);
    throw new UsageError(
      `The proxy is ${JSON.stringify(name)}, expected one of ${proxyNames.join(", ")}.${close === undefined ? "" : ` Did you mean ${close}?`}`,
    );
  }
  const upstream = input.get("upstream");
  if (upstream === undefined)
    throw new UsageError(
      "--upstream is missing, expected the server behind the proxy, such as http://127.0.0.1:3001",
    );
  const [certificate, key] = [input.get("certificate"), input.get("key")];
  if ((certificate === undefined) !== (key === undefined))
    throw new UsageError("TLS takes both --certificate and --key.");
  try {
    io.out(
      proxyConfig(name as ProxyName, {
        upstream,
        ...optional("path"),
        ...(input.all("host").length > 0 && { host: input.all("host") }),
        ...optional("listen"),
        ...(certificate !== undefined && key !== undefined && { tls: { certificate, key } }),
      }),
    );
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`${error.message.replace(/^Cannot make a proxy configuration: (?=\w)/, "--")}.`);
  }
  return Promise.resolve(0);

  function optional(option: "path" | "listen"): { [name in typeof option]?: string } {
    const value = input.get(option);
    return value === undefined ? {} : { [option]: value };
  }
}
