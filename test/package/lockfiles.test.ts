/**
 * Lockfiles that `npm ci` takes, on every platform. npm writes one that lacks the builds for other platforms when it could not
 * see them, and later refuses it, on this platform too.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
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

function lockfilesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name.startsWith(".")) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return lockfilesIn(path);
    return entry.name === "package-lock.json" ? [path] : [];
  });
}
