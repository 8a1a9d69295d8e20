/**
 * Finds what Debian installs for the browser tests, and says which package is missing: a test that skipped itself
 * for want of a browser would look like one that passed.
 */
import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

const EVERYTHING = "chromium firefox-esr webkit2gtk-driver xvfb";

/** The path of a program. @throws {Error} If it is nowhere, with the command that installs it. */
export function findProgram(names: readonly string[], debianPackage: string): string {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  for (const name of names) {
    for (const folder of folders) if (isExecutable(join(folder, name))) return join(folder, name);
  }
  throw missing(names.join(" or "), debianPackage);
}

/** WebKitGTK's small browser, which its library package keeps in a folder named after the machine and the API version. */
export function findMiniBrowser(): string {
  const libraries = foldersIn("/usr/lib").flatMap((machine) => foldersIn(machine));
  const found = libraries
    .filter((folder) => folder.includes("/webkit2gtk-") && isExecutable(join(folder, "MiniBrowser")))
    .sort();
  const newest = found.at(-1);
  if (newest === undefined) throw missing("MiniBrowser", "webkit2gtk-driver");
  return join(newest, "MiniBrowser");
}

function missing(program: string, debianPackage: string): Error {
  return new Error(
    `Cannot start browser: ${program} is not installed, expected it from: apt-get install -y ${debianPackage}` +
      ` (all three browsers: apt-get install -y ${EVERYTHING})`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
}
