/** Imports point one way, those of types as well: what a file rests on never rests on the file. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => join(root, path));

const sources = files.filter((path) => !/\.(?:test|oracle)\.ts$/.test(path));

test("no file rests on itself by way of others", () => {
  const imports = new Map(sources.map((path) => [path, importsOf(path)]));
  expect(circlesOf(imports).map((circle) => circle.map(shown))).toEqual([]);
});

test("no room of the server rests on itself by way of others, and each is in the layout, in that order", () => {
  const room = (path: string): string | undefined =>
    /^server\/(?<room>[^/]+)\//.exec(shown(path))?.groups?.["room"];
  const imports = new Map<string, Set<string>>();
  for (const path of sources) {
    const from = room(path);
    if (from === undefined) continue;
    if (!imports.has(from)) imports.set(from, new Set());
    for (const target of importsOf(path)) {
      const to = room(target);
      if (to !== undefined && to !== from) imports.get(from)!.add(to);
    }
  }
  const contributing = readFileSync(join(root, "../../../CONTRIBUTING.md"), "utf8");
  const layout = contributing.slice(contributing.indexOf("tidings/src/server/\n"));
  const order = [...layout.matchAll(/^ {6}(?<room>[a-z-]+)\/ +\S/gm)].map((match) => match.groups!["room"]!);
  expect([...order].sort()).toEqual([...imports.keys()].sort());
  const upward = [...imports].flatMap(([from, targets]) =>
    [...targets].filter((to) => order.indexOf(to) > order.indexOf(from)).map((to) => `${from} imports ${to}`),
  );
  expect(upward).toEqual([]);
});

test("no room of the server has more files than one can take in", () => {
  const counts = new Map<string, number>();
  for (const path of files.filter((file) => shown(file).startsWith("server/"))) {
    counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  }
  expect([...counts].filter(([, count]) => count > 14).map(([folder]) => shown(folder))).toEqual([]);
});

test("a circle is found, also one of types", () => {
  const imports = new Map([
    ["a", ["b"]],
    ["b", ["c"]],
    ["c", ["b"]],
  ]);
  expect(circlesOf(imports)).toEqual([["b", "c", "b"]]);
  expect(importPathsIn('import type { A } from "./a.ts";\nexport {\n  b,\n} from "../b.ts";')).toEqual([
    "./a.ts",
    "../b.ts",
  ]);
});

function importsOf(path: string): string[] {
  return importPathsIn(readFileSync(path, "utf8")).map((specifier) => join(dirname(path), specifier));
}

function importPathsIn(code: string): string[] {
  return [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(?<path>\.[^"]+)"/g)].map(
    (match) => match.groups!["path"]!,
  );
}

/** One circle for each import that closes one, from a file to the same file. */
function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string): void => {
    if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path]);
    if (way.includes(path) || done.has(path)) return;
    way.push(path);
    for (const next of imports.get(path) ?? []) visit(next);
    way.pop();
    done.add(path);
  };
  for (const path of imports.keys()) visit(path);
  return circles;
}

function shown(path: string): string {
  return relative(root, path);
}
