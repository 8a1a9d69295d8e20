/**
 * Writes docs/cli/doctor-table.md, what the doctor finds on each set-up of its tests:
 *
 *     node scripts/doctor-table.mjs
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "./run.mjs";

process.chdir(ROOT);
// Where both its packages and the repository's are found.
const folder = join(ROOT, "test/middleware/.cache");
mkdirSync(folder, { recursive: true });
const outfile = join(folder, "doctor-table.mjs");
await build({
  entryPoints: [join(ROOT, "test/cli/doctor/table.ts")],
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  outfile,
});
await import(pathToFileURL(outfile).href);
