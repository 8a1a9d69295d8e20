/**
 * Before `npm start` of an example, in its folder: says which programs the machine lacks, installs packages and builds where that was not
 * done, so that one command runs it in a fresh clone. Arguments: programs of the system, as `program:package` of Debian.
 */
import "./node-version.mjs";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { isInstalled } from "./installs.mjs";
import { ROOT, run } from "./run.mjs";

const missing = process.argv.slice(2).filter((need) => !isThere(need.split(":")[0]));
if (missing.length > 0) {
  const [programs, packages] = [0, 1].map((i) => missing.map((need) => need.split(":")[i]));
  fail(
    `Cannot start: this machine lacks ${programs.join(" and ")}. On Debian or Ubuntu: sudo apt-get install ${packages.join(" ")}`,
  );
}

const folder = relative(ROOT, process.cwd());
for (const one of [".", folder]) {
  if (!existsSync(join(ROOT, one, "package-lock.json")) || isInstalled(one)) continue;
  console.log(`Installing packages in ${one === "." ? "the repository's root" : one}: npm ci`);
  const { code } = await run("npm ci --ignore-scripts --no-audit --no-fund", { cwd: one, show: true });
  if (code !== 0) fail("Cannot start: npm ci failed, and says above why");
}

if (!existsSync(join(ROOT, "packages/tidings/dist/index.js"))) {
  console.log("Building tidings");
  const { code, output } = await run("npm run build --silent --workspace tidings");
  if (code !== 0) {
    console.error(output.trim());
    fail("Cannot start: the build failed, and says above why");
  }
}

function isThere(program) {
  // Debian has servers off the path of those who are not root.
  const folders = [...process.env.PATH.split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((one) => {
    try {
      accessSync(join(one, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
