/**
 * Builds miniprogram_dist: what WeChat's devtools copy when they "build npm", and what Taro's webpack finds through `exports`.
 * One CommonJS file in the language of 2015, unminified so that a stack trace can be read: neither the devtools nor Taro
 * lower what they find in node_modules, and both minify it.
 * TypeScript lowers, since its object spread is `Object.assign`; esbuild, whose helpers call built-ins of 2017, only joins.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), "..");
const LOWERED = join(PACKAGE, `.cache/mini-program-${process.pid}`);
const OUT = join(PACKAGE, "miniprogram_dist");

// Types are checked elsewhere, and against ES2015 alone.
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
execFileSync(
  process.execPath,
  [join(typescript, "bin/tsc"), "-p", "tsconfig.mini-program.json", "--outDir", LOWERED],
  { cwd: PACKAGE, stdio: "inherit" },
);
const { outputFiles } = await build({
  entryPoints: [join(LOWERED, "mini-program/index.js")],
  bundle: true,
  write: false,
  format: "esm",
  target: "es2015",
  platform: "neutral",
  charset: "utf8",
  legalComments: "none",
});
const code = asCommonJs(outputFiles[0].text);

const written = new Set();
write("mini-program.js", code);
// `require("tidings")`, which in a mini program means this file.
write("index.js", 'module.exports = require("./mini-program.js");\n');
// The package says "module"; this folder does not.
write("package.json", `${JSON.stringify({ type: "commonjs" })}\n`);
writeTypes();
for (const path of readdirSync(OUT, { recursive: true })) {
  if (!written.has(path) && statSync(join(OUT, path)).isFile()) rmSync(join(OUT, path));
}
rmSync(LOWERED, { recursive: true });

const { code: minified } = await transform(code, { minify: true, format: "cjs", target: "es2015" });
console.log(
  `tidings/mini-program: ${code.length} B, minified ${minified.length} B, ${gzipSync(minified).length} B gzipped`,
);

/** Plain assignments to `exports`: Node's `import`, webpack and the devtools all see the names in them. */
function asCommonJs(text) {
  const last = text.lastIndexOf("export {");
  const lines = text
    .slice(last + "export {".length, text.indexOf("}", last))
    .split(",")
    .map((name) => name.trim().split(" as "))
    .filter(([local]) => local !== "")
    .map(([local, exported = local]) => `exports.${exported} = ${local};\n`);
  return `"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\n${text.slice(0, last)}${lines.join("")}`;
}

/** The entry's declarations, with the extension that older TypeScript knows. */
function writeTypes() {
  for (const path of readdirSync(LOWERED, { recursive: true })) {
    if (!path.endsWith(".d.ts")) continue;
    const text = readFileSync(join(LOWERED, path), "utf8");
    write(join("types", path), text.replace(/((?:from|import\() ?"\.[^"]*)\.ts"/g, '$1.js"'));
  }
  for (const name of ["mini-program.d.ts", "index.d.ts"]) {
    write(name, 'export * from "./types/mini-program/index.js";\n');
  }
}

// Whole or not at all: tests and packers may be reading.
function write(path, text) {
  const target = join(OUT, path);
  mkdirSync(dirname(target), { recursive: true });
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, target);
  written.add(path);
}
