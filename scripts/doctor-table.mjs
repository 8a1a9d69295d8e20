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
mkdirSync(join(ROOT, ".cache"), { recursive: true });
const outfile = join(ROOT, ".cache/doctor-table.mjs");
await build({
  entryPoints: [join(ROOT, "test/cli/doctor/table.ts")],
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  outfile,
});
await import(pathToFileURL(outfile).href);
