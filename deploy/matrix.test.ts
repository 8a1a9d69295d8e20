/**
 * The tables of docs/proxies/README.md, run: each cell is a question to a real proxy, put with a server behind it.
 * What stands as a yes has to hold with every version; a no, only with the version that the page names.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { proxyConfig, type ProxyName, proxyNames } from "../packages/tidings/src/cli/proxies/proxy-config.ts";
import { answersOf, checks } from "./checks.ts";
import { type OriginOptions, startOrigin } from "./origin.ts";
import { versionOf } from "./program.ts";
import { bare, proxies, startProxy } from "./proxies.ts";
import { openReader, type Protocol, protocols } from "./reader.ts";
import { describeReload } from "./reload.ts";
import { describeSilence } from "./silence.ts";
import { isYes, pageOf, type Row, tableBelow } from "./table.ts";

const page = pageOf("README");

const SHORT: Readonly<Record<Protocol, string>> = {
  "HTTP/1.1": "HTTP/1.1",
  "HTTP/1.1 over TLS": "TLS",
  "HTTP/2 over TLS": "HTTP/2",
};

function nameOf({ title }: Row): ProxyName {
  const name = proxyNames.find((name) => proxies[name].title === title);
  if (name === undefined) throw new Error(`Cannot read docs/proxies/README.md: no proxy is called ${title}`);
  return name;
}

/** What the row says, but for the noes of another version than the page's. */
function saidOf(row: Row, protocol: Protocol): Record<string, boolean> {
  const isVersionOfPage = page.includes(`${row.title} ${versionOf(proxies[nameOf(row)].program)}`);
  const said = Object.entries(row.cells).map(
    ([check, cell]) => [check, isYes(cell, SHORT[protocol])] as const,
  );
  return Object.fromEntries(said.filter(([, yes]) => yes || isVersionOfPage));
}

/** What the proxy does about each thing that is said of it. */
async function ask(
  name: ProxyName,
  said: Record<string, boolean>,
  { protocol, edit, ...options }: OriginOptions & { protocol: Protocol; edit: (config: string) => string },
): Promise<Record<string, boolean>> {
  const origin = await startOrigin(options);
  const proxy = await startProxy(name, { upstream: origin.url, protocol, edit });
  try {
    return await answersOf(
      { url: proxy.url, origin, request: { protocol, headers: options.headers ?? {} } },
      said,
    );
  } finally {
    // The origin first: some proxies do not stop before their streams have ended.
    await origin.stop();
    await proxy.stop();
  }
}

const speaks = (name: ProxyName): readonly Protocol[] => (name === "varnish" ? ["HTTP/1.1"] : protocols);

// First, since it waits for longer than all the others take.
describe.concurrent("70 seconds of silence", describeSilence);

describe.concurrent("a reload", describeReload);

const variants: [string, (name: ProxyName) => (config: string) => string, OriginOptions][] = [
  ["With our configuration", () => (config) => config, {}],
  ["Without it", bare, {}],
  ["Without it, and a server that uses Tidings", bare, { tidings: true }],
];

describe.concurrent.each(variants)("%s", (heading, edit, options) => {
  const rows = tableBelow(page, heading);
  const all = rows.flatMap((row) =>
    speaks(nameOf(row)).map((protocol) => [row.title, protocol, row] as const),
  );

  test("the table has every proxy and every question", () => {
    expect(rows.map(nameOf).sort()).toEqual([...proxyNames]);
    for (const { cells } of rows) expect(Object.keys(cells)).toEqual(Object.keys(checks));
  });

  test.each(all)("%s, %s", async (_, protocol, row) => {
    const said = saidOf(row, protocol);
    expect(await ask(nameOf(row), said, { protocol, edit: edit(nameOf(row)), ...options })).toEqual(said);
  });
});

describe.concurrent("the Incremental header (RFC 10036)", () => {
  const headers = { incremental: "?1" };

  test.each(tableBelow(page, "Without it"))(
    "changes nothing in $title, which passes it on both ways",
    async (row) => {
      const name = nameOf(row);
      const said = saidOf(row, "HTTP/1.1");
      expect(await ask(name, said, { protocol: "HTTP/1.1", edit: bare(name), headers })).toEqual(said);

      const origin = await startOrigin({ headers });
      const proxy = await startProxy(name, { upstream: origin.url, edit: bare(name) });
      const reader = openReader(proxy.url, { headers });
      const stream = await origin.next();
      stream.end();
      expect(stream.request.headers["incremental"]).toBe("?1");
      expect((await reader.response).headers["incremental"]).toBe("?1");
      await reader.ended;
      await origin.stop();
      await proxy.stop();
    },
  );
});

test.each(proxyNames)("the file of %s is what `npx tidings proxy` prints", (name) => {
  const file = readFileSync(new URL(proxies[name].file, import.meta.url), "utf8");
  expect(file).toBe(proxyConfig(name, { upstream: "http://127.0.0.1:3001", path: "/events" }));
});

test("nothing stands in them but those lines and what names the two ends", () => {
  const left = proxyNames.map((name) => {
    const config = bare(name)(proxyConfig(name, { upstream: "http://127.0.0.1:3001", path: "/events" }));
    return config
      .replaceAll(/^\s*#.*\n/gm, "")
      .replaceAll(/\s+/g, " ")
      .trim();
  });
  expect(Object.fromEntries(proxyNames.map((name, index) => [name, left[index]]))).toEqual({
    apache: '<VirtualHost *:80> ProxyPass "/events" "http://127.0.0.1:3001/events" </VirtualHost>',
    caddy: ":80 { reverse_proxy /events* 127.0.0.1:3001 }",
    haproxy:
      "defaults mode http frontend web bind :80 use_backend app if { path_beg /events } " +
      "backend app server app1 127.0.0.1:3001",
    nginx: "server { listen 80; location /events { proxy_pass http://127.0.0.1:3001; } }",
    varnish:
      'vcl 4.1; backend app { .host = "127.0.0.1"; .port = "3001"; } ' +
      'sub vcl_recv { if (req.url ~ "^/events") { } }',
  });
});

test.each(proxyNames)("the file of %s gives a reason for each of its lines", (name) => {
  const lines = proxyConfig(name, { upstream: "http://127.0.0.1:3001" }).split("\n");
  for (const line of proxies[name].lines) {
    const at = lines.findIndex((other) => other.includes(line));
    expect(lines[at - 1], line).toMatch(/^\s+# /);
  }
});
