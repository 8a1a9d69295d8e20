/**
 * What can be imported. The one source is `exports` in package.json, and of each entry there its `default`, the module; the rest
 * follows from that and is filled in here:
 *
 * - `types`: for `require` those beside the CommonJS, for all others those beside the module. The latter only point to the
 *   former, so that a class has one type whichever way it came.
 * - `module-sync`: Node's `require` takes the module as well, so that there is one of each class in a process.
 * - `require`: CommonJS for Jest 29, Metro and others that read no modules.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { createOutput } from "./output.mjs";

export const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), "..");
const FILE = join(PACKAGE, "package.json");
const MODULE = /^\.\/dist\/(.*)\.js$/;

/** Completes `exports` in package.json. @returns Each entry's path in `dist`, without its extension, by its name in `exports`. */
export function completeExports() {
  const text = readFileSync(FILE, "utf8");
  const manifest = JSON.parse(text);
  const entries = {};
  for (const [name, conditions] of Object.entries(manifest.exports)) {
    const path = MODULE.exec(conditions.default ?? "")?.[1];
    if (path === undefined) continue;
    entries[name] = path;
    manifest.exports[name] = complete(conditions, path);
  }
  const completed = `${JSON.stringify(manifest, undefined, 2)}\n`;
  if (completed !== text) writeFileSync(FILE, completed);
  return entries;
}

function complete(
  { types: _types, node, "module-sync": _sync, require: _require, default: module, ...own },
  path,
) {
  const commonjs = `./dist/cjs/${path}.js`;
  const forNode = node?.default ?? node;
  return {
    types: { require: `./dist/cjs/${path}.d.ts`, default: `./dist/${path}.d.ts` },
    ...own,
    ...(forNode === undefined
      ? { "module-sync": module }
      : { node: { "module-sync": forNode, require: commonjs, default: forNode } }),
    require: commonjs,
    default: module,
  };
}

/**
 * A folder with a package.json for each entry, for those that know no `exports`: TypeScript's `moduleResolution: node10`, as in
 * Taro's template, and Metro before 0.82.
 */
export function writeFolders(entries) {
  const stubs = {
    "mini-program": { main: "miniprogram_dist/mini-program.js", types: "miniprogram_dist/mini-program.d.ts" },
  };
  for (const [name, path] of Object.entries(entries)) {
    if (name === ".") continue;
    stubs[name.slice(2)] = {
      main: `dist/cjs/${path}.js`,
      module: `dist/${path}.js`,
      types: `dist/cjs/${path}.d.ts`,
    };
  }
  for (const folder of new Set(Object.keys(stubs).map((name) => name.split("/")[0]))) {
    const output = createOutput(join(PACKAGE, folder));
    for (const [name, paths] of Object.entries(stubs)) {
      if (name !== folder && !name.startsWith(`${folder}/`)) continue;
      const stub = Object.entries(paths).map(([field, path]) => [field, relative(name, path)]);
      output.write(
        join(relative(folder, name), "package.json"),
        `${JSON.stringify(Object.fromEntries(stub))}\n`,
      );
    }
    output.sweep();
  }
  // Of entries that are no more.
  for (const { name } of readdirSync(PACKAGE, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )) {
    const known =
      ["src", "scripts", "dist", "miniprogram_dist", "node_modules"].includes(name) || name.startsWith(".");
    const isStub = Object.keys(stubs).some((stub) => stub.split("/")[0] === name);
    if (!known && !isStub) rmSync(join(PACKAGE, name), { recursive: true });
  }
}
