/**
 * Lockfiles that `npm ci` takes, on every platform. npm writes one that lacks the builds for other platforms when it could not
 * see them, and later refuses it, on this platform too.
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { ROOT } from "./packed.ts";

interface Lockfile {
  readonly packages: Record<
    string,
    { resolved?: string; link?: boolean; optionalDependencies?: Record<string, string> }
  >;
}

describe.each(lockfilesIn("."))("%s", (path) => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, path), "utf8")) as Lockfile;
  const folders = Object.keys(packages);

  test("holds every optional dependency, for whatever platform", () => {
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !folders.some((folder) => folder.endsWith(`node_modules/${name}`)));
    expect(missing).toEqual([]);
  });

  test("names packages and not the registry that happened to serve them", () => {
    const urls = Object.values(packages).filter(
      ({ resolved, link }) => link !== true && resolved !== undefined,
    );
    expect(urls).toEqual([]);
  });
});

test("the first command warns of no package that this Node is too old for", async () => {
  const { stdout, stderr } = await promisify(execFile)(
    "npm",
    ["ci", "--dry-run", "--offline", "--ignore-scripts", "--no-audit", "--no-fund"],
    { cwd: ROOT, maxBuffer: 2 ** 24 },
  );
  expect(`${stdout}${stderr}`).not.toContain("EBADENGINE");
});

function lockfilesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name.startsWith(".")) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return lockfilesIn(path);
    return entry.name === "package-lock.json" ? [path] : [];
  });
}
