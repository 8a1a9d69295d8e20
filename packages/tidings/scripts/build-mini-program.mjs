/**
 * Builds miniprogram_dist: what WeChat's devtools copy when they "build npm", and what Taro's webpack finds through `exports`.
 * One CommonJS file in the language of 2015, unminified so that a stack trace can be read: neither the devtools nor Taro
 * lower what they find in node_modules, and both minify it.
 * TypeScript lowers, since its object spread is `Object.assign`; esbuild, whose helpers call built-ins of 2017, only joins.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { joinTypes } from "./declarations.mjs";
import { PACKAGE } from "./entries.mjs";
import { createOutput } from "./output.mjs";

const LOWERED = join(PACKAGE, `.cache/mini-program-${process.pid}`);
const output = createOutput(join(PACKAGE, "miniprogram_dist"));

// Types are checked elsewhere, and against ES2015 alone.
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
execFileSync(
  process.execPath,
  [join(typescript, "bin/tsc"), "-p", "tsconfig.mini-program.json", "--outDir", LOWERED],
  { cwd: PACKAGE, stdio: "inherit" },
);
const { outputFiles } = await build({
  entryPoints: ["mini-program/index.js"],
  // The files are named in comments, from here.
  absWorkingDir: LOWERED,
  bundle: true,
  // Mini programs have none, and the parser is given a decoder of its own: what would ask for it is not reached.
  define: { TextDecoder: "undefined" },
  write: false,
  format: "esm",
  target: "es2015",
  platform: "neutral",
  charset: "utf8",
  legalComments: "none",
});
const code = asCommonJs(outputFiles[0].text);

output.write("mini-program.js", code);
// `require("tidings")`, which in a mini program means this file.
output.write("index.js", 'module.exports = require("./mini-program.js");\n');
// The package says "module"; this folder does not.
output.write("package.json", `${JSON.stringify({ type: "commonjs" })}\n`);
const [types] = await joinTypes(LOWERED, { "mini-program": "mini-program/index" });
output.write("mini-program.d.ts", types.code);
output.write("index.d.ts", 'export * from "./mini-program.js";\n');
output.sweep();
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
