/**
 * Each limit with a default says the most memory that this allows, in its declaration and in the table of docs/limits.md, so that
 * none is added without.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./run-typescript.ts";

const DIST = join(ROOT, "packages/tidings/dist");

/** Numbers that bound no memory, and why. */
const OTHERS: readonly [pattern: RegExp, reason: string][] = [
  [
    /Ms$|^(?:attempts|seed|speed|status|random|port|replicas|takeoverMs)$/,
    "times, counts of attempts, choices",
  ],
  [/^(?:level|windowBits|memLevel)$/, "docs/compression.md says what a compressor takes"],
  [/^(?:chunkBytes|maxBytes|startMs)$/, "of the test kit"],
];

interface Limit {
  readonly name: string;
  readonly text: string;
}

/** The properties of all declarations that take a number, and whose comment has a default. */
function limits(): Limit[] {
  const found = new Map<string, Limit>();
  const files = readdirSync(DIST, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".d.ts") && !/^(?:cli|testing)\b/.test(file),
  );
  for (const file of files) {
    const source = readFileSync(join(DIST, file), "utf8");
    const properties = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*(?:readonly )?(\w+)\??: ([^;]*\bnumber\b[^;]*);/g;
    for (const [, comment = "", name = "", type = ""] of source.matchAll(properties)) {
      const text = comment.replace(/\s*\n\s*\*\s?/g, " ").trim();
      if (!text.includes("Default:") || type.includes("=>") || /\bstring\b/.test(type)) continue;
      if (OTHERS.some(([pattern]) => pattern.test(name)) || /Default: (?:no limit|none)\b/.test(text))
        continue;
      found.set(`${name}: ${text}`, { name, text });
    }
  }
  return [...found.values()];
}

/** The rows of the tables, by the name in their first cells. */
function rowsOf(page: string): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const [, name = "", rest = ""] of readFileSync(join(ROOT, page), "utf8").matchAll(
    /^\| `([\w.]+)` \|(.*)$/gm,
  )) {
    const last = name.replace(/^\w+\./, "");
    rows.set(last, [...(rows.get(last) ?? []), rest]);
  }
  return rows;
}

const all = limits();

test("the declarations have limits", () => {
  expect(all.length).toBeGreaterThan(30);
});

describe.each(["docs/limits.md", "docs/zh-CN/limits.md"])("%s", (page) => {
  const rows = rowsOf(page);
  test.each(all.map(({ name, text }) => [name, text] as const))(
    "has %s, as its declaration: %s",
    (name, text) => {
      const most = /At most ([\d,]+ (?:[kM]i?B|rows|entries))/.exec(text)?.[1];
      expect(most, "says what it costs: At most … MiB").toBeDefined();
      const own = rows.get(name);
      expect(own, "has a row").toBeDefined();
      const isThere = own!.some((row) => row.includes(most!.replace(/ (?:rows|entries)$/, "")));
      // What a log keeps elsewhere is said in words.
      expect(isThere || /on disk/.test(text), `${most} in ${own!.join()}`).toBe(true);
    },
  );
});
