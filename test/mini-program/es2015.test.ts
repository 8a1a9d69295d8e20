/**
 * What a mini program is given: files that the engines of 2015 can parse, and that name no global which some mini program lacks.
 * Neither the devtools nor Taro lower what they find in node_modules, so a mistake here is a blank page on an old phone.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { parse } from "acorn";
import { transformSync } from "esbuild";
import { analyze } from "eslint-scope";
import type { Node, Program } from "estree";
import { beforeAll, describe, expect, test } from "vitest";

import { BUILD_MS, buildMiniProgram, buildTaroApp } from "./build-taro-app.ts";

/** Each is in ES2015 or in every host. CommonJS brings the first three. */
const GLOBALS = [
  "require", "module", "exports",
  "Array", "ArrayBuffer", "DataView", "Date", "Error", "Infinity", "JSON", "Math", "Number", "Object", "Promise", "RangeError", "Set", "String", "Symbol",
  "TypeError", "Uint8Array", "WeakMap", "clearTimeout", "encodeURIComponent", "isNaN", "setTimeout", "undefined",
  "reportError", // Asked for by typeof.
]; // prettier-ignore

/** Properties that ECMAScript got later. `includes` is also String's, since 2015, and cannot be told apart. */
const LATER =
  /^(entries|values|fromEntries|flat|flatMap|at|findLast|padStart|padEnd|trimStart|trimEnd|matchAll|replaceAll|finally|allSettled|any|withResolvers|hasOwn|getOwnPropertyDescriptors|description|toSorted|toReversed)$/;

let folder = "";
let files: string[] = [];

beforeAll(async () => {
  folder = await buildMiniProgram();
  files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".js"));
});

const source = (file: string) => readFileSync(join(folder, file), "utf8");
const program = (text: string) =>
  parse(text, { ecmaVersion: 2015, sourceType: "script", ranges: true }) as Program;

/** Names that nothing in the file declares. */
function freeNames(text: string): string[] {
  const scopes = analyze(program(text), { ecmaVersion: 6, sourceType: "script" });
  const names = scopes.scopes.flatMap((scope) =>
    scope.type === "global" ? scope.through.map(({ identifier }) => identifier.name) : [],
  );
  return [...new Set(names)].filter((name) => !GLOBALS.includes(name)).sort();
}

function nodes(node: unknown): Node[] {
  if (typeof node !== "object" || node === null) return [];
  const own = "type" in node ? [node as Node] : [];
  return [...own, ...Object.values(node).flatMap(nodes)];
}

describe("miniprogram_dist", () => {
  test("holds the entry and the package's name for it", () => {
    expect(files.sort()).toEqual(["index.js", "mini-program.js"]);
    expect(JSON.parse(source("package.json"))).toEqual({ type: "commonjs" });
    expect(source("index.js")).toContain('require("./mini-program.js")');
  });

  test("is the language of 2015, without generators", () => {
    for (const file of files) {
      const kinds = new Set(nodes(program(source(file))).map((node) => node.type));
      expect([...kinds]).not.toContain("YieldExpression");
    }
  });

  test("names no global that some mini program lacks", () => {
    for (const file of files) expect([file, freeNames(source(file))]).toEqual([file, []]);
  });

  test("calls nothing that a built-in of 2015 lacks", () => {
    for (const file of files) {
      const used = nodes(program(source(file))).flatMap((node) =>
        node.type === "MemberExpression" && !node.computed && node.property.type === "Identifier"
          ? [node.property.name]
          : [],
      );
      expect(used.filter((name) => LATER.test(name))).toEqual([]);
    }
  });

  test("stays small", () => {
    const { code } = transformSync(source("mini-program.js"), {
      minify: true,
      format: "cjs",
      target: "es2015",
    });
    const bytes = gzipSync(code).length;
    console.log(`tidings/mini-program: ${code.length} B minified, ${bytes} B gzipped`);
    expect(bytes).toBeLessThan(13.4 * 1024);
  });
});

describe("a program that Taro built over it", () => {
  test(
    "is the language of 2015 throughout, and has the file for mini programs in it",
    async () => {
      const built = await buildTaroApp();
      const all = readdirSync(built, { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".js"))
        .map((path) => readFileSync(join(built, path), "utf8"));
      for (const text of all) expect(() => program(text)).not.toThrow();
      expect(all.filter((text) => text.includes("Cannot make a transport from Taro"))).toHaveLength(1);
    },
    BUILD_MS,
  );
});

describe("the gate itself", () => {
  test("sees what it must", () => {
    expect(() => program("a?.b")).toThrow("Unexpected token");
    expect(() => program("async () => {}")).toThrow("Unexpected token");
    expect(() => program("/(?<name>a)/")).toThrow("Invalid group");
    expect(freeNames("new TextDecoder(); function f(URL) { return URL; } typeof globalThis")).toEqual([
      "TextDecoder",
      "globalThis",
    ]);
  });
});
