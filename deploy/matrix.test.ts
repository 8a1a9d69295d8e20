/**
 * The tables of docs/proxies/README.md, run: each cell is a question to a real proxy, put with a server behind it.
 * What stands as a yes has to hold with every version; a no, only with the version that the page names.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { proxyConfig, type ProxyName, proxyNames } from "../packages/tidings/src/cli/proxies/proxy-config.ts";
import { type CheckName, checks, NO_MS } from "./checks.ts";
import { type OriginOptions, startOrigin } from "./origin.ts";
import { versionOf } from "./program.ts";
import { bare, proxies, startProxy } from "./proxies.ts";
import { openReader, type Protocol, protocols } from "./reader.ts";
import { describeReload } from "./reload.ts";
import { describeSilence } from "./silence.ts";

const PATIENCE_MS = 15_000;
const page = readFileSync(new URL("../docs/proxies/README.md", import.meta.url), "utf8");

interface Row {
  readonly name: ProxyName;
  readonly cells: Readonly<Record<CheckName, string>>;
}

/** The rows of the table below a heading, by the names of its columns. */
function tableBelow(heading: string): Row[] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const lines = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  const [columns = [], , ...rows] = lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return rows.map((cells) => ({
    name: nameOf(cells[0] ?? ""),
    cells: Object.fromEntries(
      columns.slice(1).map((column, index) => [column, cells[index + 1]]),
    ) as Row["cells"],
  }));
}

function nameOf(cell: string): ProxyName {
  const name = proxyNames.find((name) => cell.includes(proxies[name].title));
  if (name === undefined) throw new Error(`Cannot read docs/proxies/README.md: no proxy is called ${cell}`);
  return name;
}

const SHORT: Readonly<Record<Protocol, string>> = {
  "HTTP/1.1": "HTTP/1.1",
  "HTTP/1.1 over TLS": "TLS",
  "HTTP/2 over TLS": "HTTP/2",
};

/** "yes", "no", or "not over HTTP/2", which is a yes over everything else. */
function isYes(cell: string, protocol: Protocol): boolean {
  const excepted = /^not over (?<protocols>.+)$/.exec(cell)?.groups?.["protocols"]?.split(", ");
  if (excepted !== undefined) return !excepted.includes(SHORT[protocol]);
  expect(["yes", "no"]).toContain(cell);
  return cell === "yes";
}

function isVersionOfPage(name: ProxyName): boolean {
  const { title, program } = proxies[name];
  return page.includes(`${title} ${versionOf(program)}`);
}

/** What the row says, and what the proxy did. A no of another version than the page's is not asked. */
async function ask(
  { name, cells }: Row,
  protocol: Protocol,
  edit: (config: string) => string,
  options: OriginOptions,
): Promise<{ said: Record<string, boolean>; done: Record<string, boolean> }> {
  const origin = await startOrigin(options);
  const proxy = await startProxy(name, { upstream: origin.url, protocol, edit });
  const request = { protocol, headers: options.headers ?? {} };
  const said: Record<string, boolean> = {};
  const done: Record<string, boolean> = {};
  try {
    for (const [check, cell] of Object.entries(cells) as [CheckName, string][]) {
      const yes = isYes(cell, protocol);
      if (!yes && !isVersionOfPage(name)) continue;
      said[check] = yes;
      done[check] = await checks[check]({
        url: proxy.url,
        origin,
        request,
        patienceMs: yes ? PATIENCE_MS : NO_MS,
      });
    }
  } finally {
    // The origin first: some proxies do not stop before their streams have ended.
    await origin.stop();
    await proxy.stop();
  }
  return { said, done };
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
  const rows = tableBelow(heading).flatMap((row) =>
    speaks(row.name).map((protocol) => [proxies[row.name].title, protocol, row] as const),
  );

  test("the table has every proxy and every question", () => {
    expect(
      tableBelow(heading)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...proxyNames]);
    for (const { cells } of tableBelow(heading)) expect(Object.keys(cells)).toEqual(Object.keys(checks));
  });

  test.each(rows)("%s, %s", async (_, protocol, row) => {
    const { said, done } = await ask(row, protocol, edit(row.name), options);
    expect(done).toEqual(said);
  });
});

describe.concurrent("the Incremental header (RFC 10036)", () => {
  const headers = { incremental: "?1" };

  test.each(tableBelow("Without it"))(
    "changes nothing in $name, which passes it on both ways",
    async (row) => {
      const { said, done } = await ask(row, "HTTP/1.1", bare(row.name), { headers });
      expect(done).toEqual(said);

      const origin = await startOrigin({ headers });
      const proxy = await startProxy(row.name, { upstream: origin.url, edit: bare(row.name) });
      const reader = openReader(proxy.url, { headers });
      const stream = await origin.next();
      stream.end();
      expect(stream.request.headers["incremental"]).toBe("?1");
      expect((await reader.response).headers["incremental"]).toBe("?1");
      await reader.ended;
      await proxy.stop();
      await origin.stop();
    },
  );
});

test.each(proxyNames)("the file of %s is what `npx tidings proxy` prints", (name) => {
  const file = readFileSync(new URL(proxies[name].file, import.meta.url), "utf8");
  expect(file).toBe(proxyConfig(name, { upstream: "http://127.0.0.1:3001", path: "/events" }));
});

test.each(proxyNames)("the file of %s gives a reason for each of its lines", (name) => {
  const lines = proxyConfig(name, { upstream: "http://127.0.0.1:3001" }).split("\n");
  for (const line of proxies[name].lines) {
    const at = lines.findIndex((other) => other.includes(line));
    expect(lines[at - 1], line).toMatch(/^\s+# /);
  }
});
