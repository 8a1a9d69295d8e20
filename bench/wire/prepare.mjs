/** Installs the peers and builds the package, when that was not done yet. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const HERE = new URL(".", import.meta.url).pathname;
const ROOT = new URL("../../", import.meta.url).pathname;

export function prepare() {
  if (!existsSync(`${HERE}node_modules`)) {
    const { dependencies } = JSON.parse(readFileSync(`${HERE}package.json`, "utf8"));
    process.stderr.write(`Installing into bench/wire: ${Object.keys(dependencies).join(", ")}\n`);
    run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], HERE);
  }
  run("npm", ["run", "build", "--silent"], ROOT);
}

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`Cannot prepare benchmark wire: \`${command} ${args.join(" ")}\` failed`);
}
