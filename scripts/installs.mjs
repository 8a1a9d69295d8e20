/**
 * Brings node_modules in line with package-lock.json, here and in the folders of the tests that keep installs of their own.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run.mjs";

/** The folders with a package-lock.json, from the repository's root: "." and those of tests and examples. */
export function lockedFolders() {
  const nested = ["test", "examples"].flatMap((top) =>
    foldersIn(top).flatMap((folder) => [folder, ...foldersIn(folder)]),
  );
  return [".", ...nested].filter((folder) => existsSync(join(ROOT, folder, "package-lock.json")));
}

/** Whether what is installed in a folder is what its lockfile says, to the version. */
export function isInstalled(folder) {
  const wanted = packagesOf(join(ROOT, folder, "package-lock.json"));
  const present = packagesOf(join(ROOT, folder, "node_modules/.package-lock.json"));
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional, peer, link }]) =>
      !path.startsWith("node_modules/") || optional || peer || link || present[path]?.version === version,
  );
}

function packagesOf(lockfile) {
  try {
    return JSON.parse(readFileSync(lockfile, "utf8")).packages;
  } catch {
    return undefined;
  }
}

function foldersIn(path) {
  try {
    return readdirSync(join(ROOT, path), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."))
      .map((entry) => `${path}/${entry.name}`);
  } catch {
    return [];
  }
}
