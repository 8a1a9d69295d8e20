import { describe, expect, test } from "vitest";
import { proxyConfig, type ProxyName, proxyNames, type ProxyOptions } from "./proxy-config.ts";

const upstream = "http://127.0.0.1:3001";
const tls = { certificate: "/etc/ssl/app.crt", key: "/etc/ssl/app.key" };
const linesOf = (config: string): string[] =>
  config
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

describe.each(proxyNames)("%s", (name) => {
  test("has the upstream, path and host of the user", () => {
    const config = proxyConfig(name, {
      upstream: "http://app.internal:8080",
      path: "/a.b/c",
      host: "example.com",
    });
    expect(config).toMatch(/app\.internal(:|";\n.*")8080/);
    expect(config).toContain(name === "varnish" ? "/a\\.b/c" : "/a.b/c");
    expect(config).toContain(name === "varnish" ? "example\\.com" : "example.com");
  });

  test("says where to save it, and ends with a line", () => {
    const config = proxyConfig(name, { upstream });
    expect(config).toMatch(/^# Server-Sent Events through .+\. Save this as \/etc\//);
    expect(config.endsWith("}\n") || config.endsWith(">\n") || config.endsWith(":3001\n")).toBe(true);
    expect(config).not.toMatch(/ \n|undefined|\n\n\n/);
  });

  test("takes the port of HTTP for an upstream without one, and an IPv6 address", () => {
    // nginx takes it by itself, and refuses one in the name of an upstream block.
    expect(linesOf(proxyConfig(name, { upstream: "http://app" })).join(" ")).toMatch(
      name === "nginx" ? /proxy_pass http:\/\/app;/ : /app(:80|"; .port = "80)/,
    );
    expect(proxyConfig(name, { upstream: "http://[::1]:3001" })).toContain("::1");
  });

  test("changes nothing outside a path but its own pattern", () => {
    const all = linesOf(proxyConfig(name, { upstream }));
    const some = linesOf(proxyConfig(name, { upstream, path: "/events" }));
    expect(some.filter((line) => !all.includes(line)).join("\n")).toContain("/events");
    expect(some).toHaveLength(all.length);
  });

  const wrong: [string, Partial<ProxyOptions>][] = [
    ["upstream", { upstream: "127.0.0.1:3001" }],
    ["upstream", { upstream: "https://127.0.0.1" }],
    ["upstream", { upstream: "http://127.0.0.1/events" }],
    ["upstream", { upstream: "http://me:secret@127.0.0.1" }],
    ["upstream", { upstream: "http://a;}evil" }],
    ["upstream", { upstream: "http://$host" }],
    ["upstream", { upstream: "http://a'b" }],
    ["upstream", { upstream: undefined as never }],
    ["path", { path: "events" }],
    ["path", { path: "/events; }" }],
    ["path", { path: "/events\n" }],
    ["path", { path: '/"' }],
    ["host", { host: "example.com; include /etc/passwd" }],
    ["host", { host: "" }],
    ["listen", { listen: "http" }],
    ["listen", { listen: "70000" }],
    ["listen", { listen: "80 ssl" }],
    ["tls.key", { tls: { certificate: "/a", key: "/b; }" } }],
  ];
  test.each(wrong)("refuses an option that cannot stand in it: %s %j", (option, options) => {
    expect(() => proxyConfig(name, { upstream, ...options })).toThrow(
      new RegExp(`^Cannot make a proxy configuration: ${option.replace(".", "\\.")} is .+, expected .+`),
    );
  });
});

test("several names share one configuration", () => {
  const named = (name: ProxyName) => proxyConfig(name, { upstream, host: ["a.example", "b.example"] });
  expect(named("nginx")).toContain("server_name a.example b.example;");
  expect(named("haproxy")).toContain("-i a.example b.example }");
  expect(named("caddy")).toContain("\na.example, b.example {\n");
  expect(named("apache")).toContain("    ServerName a.example\n    ServerAlias b.example\n");
  expect(named("varnish")).toContain('"(?i)^(a\\.example|b\\.example)(:\\d+)?$"');
});

test("those that speak TLS speak HTTP/2 with it, on 443", () => {
  const secure = (name: ProxyName) => proxyConfig(name, { upstream, tls });
  expect(secure("nginx")).toContain("listen 443 ssl http2;");
  expect(secure("haproxy")).toContain("bind :443 ssl crt /etc/ssl/app.crt alpn h2,http/1.1");
  expect(secure("caddy")).toMatch(/^:443 \{\n\ttls \/etc\/ssl\/app\.crt \/etc\/ssl\/app\.key$/m);
  expect(secure("apache")).toMatch(/<VirtualHost \*:443>\n {4}Protocols h2 http\/1\.1\n {4}SSLEngine on/);
  expect(() => secure("varnish")).toThrow("Varnish has no TLS");
});

test("they listen on the given address", () => {
  const listening = (name: ProxyName, listen: string) => proxyConfig(name, { upstream, listen });
  expect(listening("nginx", "127.0.0.1:8080")).toContain("listen 127.0.0.1:8080;");
  expect(listening("haproxy", "8080")).toContain("bind :8080\n");
  expect(listening("caddy", "127.0.0.1:8080")).toContain("http://:8080 {\n\tbind 127.0.0.1\n");
  expect(listening("apache", "8080")).toContain("Listen 8080\n<VirtualHost *:8080>");
  expect(proxyConfig("apache", { upstream })).not.toMatch(/^Listen/m);
  expect(() => listening("varnish", "8080")).toThrow("-a option");
});

test("Caddy with a name alone gets its certificate by itself", () => {
  expect(proxyConfig("caddy", { upstream, host: "example.com" })).toContain("\nexample.com {\n");
});

test("a proxy without a configuration is refused by name, with those there are", () => {
  for (const name of ["ngnix", "toString", ""]) {
    expect(() => proxyConfig(name as never, { upstream })).toThrow(
      `name is "${name}", expected one of apache, caddy, haproxy, nginx, varnish`,
    );
  }
});
