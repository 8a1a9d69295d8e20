/**
 * Builds miniprogram_dist: what WeChat's devtools copy when they "build npm", and what Taro's webpack finds through `exports`.
 * One CommonJS file in the language of 2015, unminified so that a stack trace can be read: neither the devtools nor Taro
 * lower what they find in node_modules, and both minify it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), "..");
const OUT = join(PACKAGE, "miniprogram_dist");

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT);

const { outputFiles } = await build({
  absWorkingDir: PACKAGE,
  entryPoints: ["src/mini-program/index.ts"],
  bundle: true,
  write: false,
  format: "esm",
  target: "es2015",
  platform: "neutral",
  charset: "utf8",
  legalComments: "none",
});
const code = asCommonJs(outputFiles[0].text);
write("mini-program.js", code);
// `require("tidings")`, which in a mini program means this file.
write("index.js", 'module.exports = require("./mini-program.js");\n');
write("package.json", `${JSON.stringify({ type: "commonjs" })}\n`);
buildTypes();

const { code: minified } = await transform(code, { minify: true, target: "es2015" });
console.log(
  `miniprogram_dist/mini-program.js: ${code.length} B, minified ${minified.length} B, ${gzipSync(minified).length} B gzipped`,
);

/** Plain assignments to `exports`: Node's `import`, webpack and the devtools all see the names in them. */
function asCommonJs(text) {
  const last = text.lastIndexOf("export {");
  const names = text
    .slice(last + "export {".length, text.indexOf("}", last))
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .map((name) => name.split(" as "));
  const lines = names.map(([local, exported = local]) => `exports.${exported} = ${local};`);
  return `"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\n${text.slice(0, last)}${lines.join("\n")}\n`;
}

/** The entry's declarations, in a folder that says CommonJS, with the extension that older TypeScript knows. Types are checked elsewhere. */
function buildTypes() {
  const tsc = createRequire(import.meta.url)
    .resolve("typescript/package.json")
    .replace("package.json", "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.mini-program.json", "--outDir", join(OUT, "types")], {
    cwd: PACKAGE,
    stdio: "inherit",
  });
  for (const path of readdirSync(join(OUT, "types"), { recursive: true })) {
    if (!path.endsWith(".d.ts")) continue;
    const text = readFileSync(join(OUT, "types", path), "utf8");
    write(join("types", path), text.replace(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
  }
  write("mini-program.d.ts", 'export * from "./types/mini-program/index.js";\n');
  write("index.d.ts", 'export * from "./types/mini-program/index.js";\n');
}

function write(path, text) {
  writeFileSync(join(OUT, path), text);
}
