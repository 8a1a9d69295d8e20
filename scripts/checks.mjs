/**
 * The checks that need no test runner, in the order in which they are worth reading.
 * They rest on a build: the apps import the package by its name.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT, run } from "./run.mjs";

const SOURCES = "packages/tidings/src";
const PROMISE = "This module is browser compatible.";

export const build = { name: "build", run: () => run("npm run build --silent") };

export const checks = [
  { name: "format", run: () => run("oxfmt --check .") },
  { name: "lint", run: () => run("oxlint --type-aware .") },
  // What has not changed since the last time is not checked again.
  {
    name: "types",
    run: () => run("tsc --noEmit -p . --incremental --tsBuildInfoFile .cache/types/all.tsbuildinfo"),
  },
  { name: "types without Node's", run: browserTypes },
  { name: "types of a mini program", run: miniProgramTypes },
  { name: "publint", run: () => run("publint run --strict packages/tidings") },
  { name: "types of the package", run: () => run("attw --pack packages/tidings") },
  { name: "nothing unused", run: () => run("knip --no-progress --treat-config-hints-as-errors") },
];

/** Each module whose header promises that browsers can run it, checked where Node's types are unknown. */
function browserTypes() {
  const files = sourceFiles().filter((file) => readFileSync(file, "utf8").includes(PROMISE));
  return typeCheck("browser", files, {
    lib: ["ES2022", "ESNext.Disposable", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
  });
}

/** The mini-program entry and all it reaches, checked where there is ES2015 and a timer, and no DOM. */
function miniProgramTypes() {
  const timers = join(ROOT, "scripts/mini-program-globals.d.ts");
  const files = sourceFiles().filter((file) => file.includes("/mini-program/"));
  // Hosts polyfill Symbol.asyncIterator, and what uses it is not called where there is none.
  return typeCheck("mini-program", [timers, ...files], {
    target: "ES2015",
    lib: ["ES2015", "ES2018.AsyncIterable"],
  });
}

function sourceFiles() {
  return readdirSync(join(ROOT, SOURCES), { recursive: true })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => join(ROOT, SOURCES, path));
}

async function typeCheck(name, files, compilerOptions) {
  if (files.length === 0) return { code: 1, output: "there is no such module", seconds: 0 };
  const folder = join(ROOT, ".cache/types");
  mkdirSync(folder, { recursive: true });
  const configuration = {
    extends: relative(folder, join(ROOT, "tsconfig.base.json")),
    compilerOptions: { ...compilerOptions, types: [] },
    files: files.map((file) => relative(folder, file)),
  };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(configuration));
  return run(`tsc --noEmit -p .cache/types/${name}.json`);
}
