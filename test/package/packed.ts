/**
 * The package as npm would publish it, installed into an empty project without a network.
 */
import { execFile } from "node:child_process";
import { cpSync, symlinkSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const older = (version: string) =>
  join(ROOT, `test/package/older-typescript/node_modules/typescript-${version}/bin/tsc`);

export const COMPILERS = {
  "TypeScript 7": join(ROOT, "node_modules/typescript/bin/tsc"),
  "TypeScript 6.0": older("6.0"),
  "TypeScript 5.9": older("5.9"),
  "TypeScript 5.4": older("5.4"),
  "TypeScript 5.0": older("5.0"),
};
export type Compiler = keyof typeof COMPILERS;

export interface Project {
  readonly folder: string;
  readonly tarball: string;
  /** What the tarball holds, from its root. */
  readonly files: readonly string[];
  /** Of all of them together. */
  readonly bytes: number;
  /** What users may import: "tidings", "tidings/server" and so on. */
  readonly entries: readonly string[];
  /** Those that are for an import: not the programs that a test starts. */
  readonly modules: readonly string[];
  remove(): Promise<void>;
}

/** Packs what has been built, and installs it. */
export async function installPacked(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "tidings-package-"));
  // A folder above it with a package.json would be a different test: this one has none between it and the root.
  const packed = await execute("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: join(ROOT, "packages/tidings"),
  });
  const [{ filename, files, unpackedSize }] = JSON.parse(packed) as [
    { filename: string; files: { path: string }[]; unpackedSize: number },
  ];
  const tarball = join(folder, filename);
  const project = join(folder, "project");
  await mkdir(project);
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "project", private: true }));
  await execute("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], { cwd: project });
  // What an optional peer is for asks for it, and cannot be imported without.
  await mkdir(join(project, "node_modules/@opentelemetry"), { recursive: true });
  for (const peer of ["react", "vue", "@opentelemetry/api"]) {
    symlinkSync(join(ROOT, "node_modules", peer), join(project, "node_modules", peer));
  }
  cpSync(join(ROOT, "test/package/consumer"), project, { recursive: true });
  const { exports } = JSON.parse(
    await readFile(join(project, "node_modules/tidings/package.json"), "utf8"),
  ) as { exports: Record<string, unknown> };
  const entries = Object.keys(exports)
    .filter((path) => path !== "./package.json")
    .map((path) => `tidings${path.slice(1)}`);
  return {
    folder: project,
    tarball,
    files: files.map(({ path }) => path),
    bytes: unpackedSize,
    entries,
    modules: entries.filter((entry) => entry !== "tidings/log/contract/member"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What a program prints. @throws {Error} With all that it printed, if it fails. */
export async function execute(
  program: string,
  args: readonly string[],
  options: { cwd: string },
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { ...options, maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
