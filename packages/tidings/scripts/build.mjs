/**
 * Builds dist: modules, joined to a file for each entry and what entries share, and in dist/cjs the same as CommonJS.
 * Declarations are joined too, and hold what can be imported and nothing else.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { transform } from "esbuild";
import { joinFiles, joinTypes } from "./declarations.mjs";
import { completeExports, PACKAGE, writeFolders } from "./entries.mjs";
import { createOutput } from "./output.mjs";

const entries = completeExports();
const paths = Object.values(entries);
const input = Object.fromEntries(paths.map((path) => [path, path]));
/** All that package.json names, what Node is given instead too. The command is joined to a file, and may reach more. */
const named = [
  ...readText(join(PACKAGE, "package.json")).matchAll(/"(?:\.\/)?dist\/(?!cjs\/)([^"*]+)\.js"/g),
];
const COMMAND = "cli/main";
const forModules = Object.fromEntries(
  named.filter(([, path]) => path !== COMMAND).map(([, path]) => [path, path]),
);
const COMPACT = {
  compress: true,
  mangle: { keepNames: { class: true, function: false } },
  codegen: { removeWhitespace: true },
};
const CACHE = join(PACKAGE, `.cache/build-${process.pid}`);
const output = createOutput(join(PACKAGE, "dist"));

try {
  typescript("--declaration", "false", "--isolatedDeclarations", "false", "--outDir", join(CACHE, "js"));
  typescript("--emitDeclarationOnly", "--noCheck", "--outDir", join(CACHE, "types"));
  // Without the package's word on side effects, which is about dist.
  writeFileSync(join(CACHE, "package.json"), JSON.stringify({ type: "module" }));
  await joinCommand();
  await writeModules();
  await joinCommonJs();
  await joinDeclarations();
  output.write("cjs/package.json", `${JSON.stringify({ type: "commonjs" })}\n`);
  output.sweep();
  writeFolders(entries);
} finally {
  rmSync(CACHE, { recursive: true, force: true });
}

function typescript(...options) {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const args = [tsc, "-p", "tsconfig.build.json", ...options];
  execFileSync(process.execPath, args, { cwd: PACKAGE, stdio: "inherit" });
}

/** What is the command's alone, in one file beside the modules, which it imports. */
async function joinCommand() {
  const js = join(CACHE, "js/");
  const own = join(js, dirname(COMMAND));
  // Named for its folder: from there the imports of what is outside are written.
  const [{ code }] = await joinFiles(
    own,
    { [basename(COMMAND)]: basename(COMMAND) },
    {
      extension: ".js",
      names: "[name].js",
      format: "esm",
      external(id, _importer, isResolved) {
        if (!/^[./]/.test(id)) return true;
        if (!isResolved || id.startsWith(own)) return false;
        const path = id.slice(js.length).replace(/\.js$/, "");
        forModules[path] = path;
        return true;
      },
      minify: COMPACT,
      comments: false,
    },
  );
  output.write(`${COMMAND}.js`, await inLines(code));
}

/** A file for each entry, and what entries share. Comments stand in the declarations, where editors show them. */
async function writeModules() {
  const files = await joinFiles(join(CACHE, "js"), forModules, {
    extension: ".js",
    names: "[name].js",
    format: "esm",
    minify: COMPACT,
    comments: false,
    chunkFileNames: ({ moduleIds }) => `${folderOf(moduleIds)}shared/[name].js`,
  });
  for (const { fileName, code } of files) await writeJs(fileName, fileName, code);
}

/**
 * Where what entries share is put. package.json says that what is in `node` has effects, and a test that no browser gets anything of
 * `server`.
 */
function folderOf(moduleIds) {
  const has = (folder) => moduleIds.some((id) => id.startsWith(join(CACHE, "js", folder, "/")));
  if (has("node")) return "node/";
  return ["server", "log", "cli"].some(has) ? "server/" : "";
}

async function joinCommonJs() {
  const files = await joinFiles(join(CACHE, "js"), input, {
    extension: ".js",
    names: "[name].js",
    format: "cjs",
    exports: "named",
    esModule: true,
    minify: COMPACT,
    comments: false,
  });
  for (const { fileName, code } of files) await writeJs(`cjs/${fileName}`, fileName, code);
}

/** Puts back the directive that a module of components begins with. */
async function writeJs(path, module, code) {
  const directive = '"use client";';
  const isClient = readText(join(CACHE, "js", module)).startsWith(directive) && !code.startsWith(directive);
  const lines = await inLines(code);
  output.write(path, isClient ? `${directive}\n${lines}` : lines);
}

/** Node prints the line of an error that nobody catches before its message: a file in one line would hide the message. */
async function inLines(code) {
  const options = {
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 500,
    charset: "utf8",
    legalComments: "none",
  };
  return (await transform(code, options)).code;
}

async function joinDeclarations() {
  for (const { fileName, code } of await joinTypes(join(CACHE, "types"), input)) {
    output.write(`cjs/${fileName}`, code);
  }
  for (const path of paths) {
    const from = relative(dirname(path), `cjs/${path}.js`);
    output.write(`${path}.d.ts`, `export * from "${from.startsWith(".") ? from : `./${from}`}";\n`);
  }
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
