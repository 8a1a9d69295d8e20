/**
 * Type-checks and runs TypeScript blocks, each as a module of its own, against the package as it was built.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import type { CodeBlock } from "./code-blocks.ts";
import { freePort } from "../support/free-port.mjs";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The port that documents name; each run gets a free one in its place. */
export const DOCUMENTED_PORT = /\b3001\b/g;

const { lockedFolders } = (await import(join(ROOT, "scripts/installs.mjs"))) as {
  lockedFolders(this: void): string[];
};

const TYPES = {
  extends: join(ROOT, "tsconfig.base.json"),
  // Decorators are those of Nest.
  compilerOptions: { noUnusedLocals: false, noUnusedParameters: false, experimentalDecorators: true },
  include: ["*.ts"],
};

/**
 * Writes blocks as files that can import what the repository can, and what any of its tests can, in a folder that stays for whoever wants to look.
 * @param within - Where that folder is; what is installed beside it can be imported too.
 * @returns Their paths, in the blocks' order.
 */
export async function writeBlocks(
  name: string,
  blocks: readonly CodeBlock[],
  within = ".cache/docs",
): Promise<{ folder: string; files: string[] }> {
  const folder = join(ROOT, within, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(TYPES));
  const files = [];
  const packages = new Set<string>();
  for (const block of blocks) {
    const file = join(folder, `${block.name.replaceAll(/[^\w.-]/g, "_")}.ts`);
    const code = [block.before, block.text, block.after].join("\n");
    // One that asserts in what a reader sees imports it there.
    const head =
      /^import assert\b/m.test(code) || !/\bassert\b/.test(code)
        ? ""
        : 'import assert from "node:assert/strict";\n';
    // A file without import or export would share its names with every other one.
    await writeFile(file, `${head}${code}\nexport {};\n`);
    files.push(file);
    for (const [, name = ""] of code.matchAll(IMPORTED)) packages.add(name);
  }
  for (const name of packages) await link(name, folder);
  return { folder, files };
}

/** The package of each import that is not relative and not of Node. */
const IMPORTED = /(?:\bfrom|\bimport\(?) ?"(?!node:)(?<name>(?:@[\w.-]+\/)?[\w-][\w.-]*)(?:\/[^"]*)?"/g;

/** Makes a package that only one of the tests has installed importable from a folder, with its types. */
async function link(name: string, folder: string): Promise<void> {
  const from = lockedFolders().find((each) => existsSync(join(ROOT, each, "node_modules", name)));
  // One that the whole repository has is found anyway.
  if (from === undefined || from === ".") return;
  for (const each of [name, `@types/${name.replace("@", "").replace("/", "__")}`]) {
    const target = join(ROOT, from, "node_modules", each);
    const path = join(folder, "node_modules", each);
    if (!existsSync(target)) continue;
    await mkdir(dirname(path), { recursive: true });
    await symlink(target, path);
  }
}

/** What the compiler says of the files in a folder, by file; a file it finds nothing in is not there. */
export async function typeErrors(folder: string): Promise<Map<string, string[]>> {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const failure = await promisify(execFile)(process.execPath, [tsc, "--noEmit", "-p", folder], {
    cwd: folder,
  }).then(
    () => undefined,
    (error: Error & { stdout: string }) => error,
  );
  if (failure === undefined) return new Map();
  const errors = new Map<string, string[]>();
  for (const line of failure.stdout.split("\n")) {
    const file = /^(?<file>[^(]+\.ts)\(/.exec(line)?.groups?.["file"];
    if (file !== undefined) errors.set(basename(file), [...(errors.get(basename(file)) ?? []), line]);
  }
  // Silence about the files is not consent if the compiler did not look at them.
  if (errors.size === 0) throw new Error(`Cannot check types: ${failure.message}`, { cause: failure });
  return errors;
}

/** Bundles one file for Node, with a free port in place of the documented one. */
export async function bundled(file: string): Promise<{ built: string; port: number }> {
  const built = file.replace(/\.ts$/, ".mjs");
  await build({
    entryPoints: [file],
    outfile: built,
    bundle: true,
    packages: "external",
    format: "esm",
    target: "es2022",
    sourcemap: "linked",
    logLevel: "silent",
  });
  const port = await freePort();
  await writeFile(built, (await readFile(built, "utf8")).replaceAll(DOCUMENTED_PORT, String(port)));
  return { built, port };
}

/**
 * Runs one file in a process of its own.
 * @returns What it printed.
 * @throws {Error} If it fails, or is still running after thirty seconds.
 */
export async function runFile(file: string): Promise<string> {
  const { built } = await bundled(file);
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--enable-source-maps", built], {
      timeout: 30_000,
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr, killed } = error as { stdout: string; stderr: string; killed: boolean };
    const what = killed ? "was still running after 30 s" : "failed";
    throw new Error(`${basename(file)} ${what}:\n${stdout}${stderr}`, { cause: error });
  }
}
