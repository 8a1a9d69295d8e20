/**
 * Builds the Taro program beside this file with Taro's own command, over the package as `npm pack` makes it.
 * The build is kept until something that goes into it changes.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGE = join(HERE, "../../packages/tidings");
const CACHE = join(HERE, ".cache");
export const TARO_APP: string = join(HERE, "taro-app");

/** The folder with the built program. @throws {Error} If the program's packages are not installed, or it does not build. */
export function buildTaroApp(): string {
  installPackage();
  const out = join(TARO_APP, "dist");
  const stamp = join(CACHE, "taro-app.sha256");
  const inputs = hashOf([
    join(TARO_APP, "src"),
    join(TARO_APP, "config"),
    fileURLToPath(import.meta.url),
    join(TARO_APP, "babel.config.js"),
    join(TARO_APP, "package.json"),
    join(TARO_APP, "package-lock.json"),
    join(TARO_APP, "node_modules/tidings"),
  ]);
  if (existsSync(join(out, "app.js")) && existsSync(stamp) && readFileSync(stamp, "utf8") === inputs)
    return out;
  rmSync(out, { recursive: true, force: true });
  run("node_modules/.bin/taro", ["build", "--type", "weapp"], TARO_APP);
  // It exits with 0 when it failed.
  if (!existsSync(join(out, "pages/feed/index.js")))
    throw new Error("taro build left no pages/feed/index.js");
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(stamp, inputs);
  return out;
}

/** Builds `miniprogram_dist` and returns its path. */
export function buildMiniProgram(): string {
  run(process.execPath, [join(PACKAGE, "scripts/build-mini-program.mjs")], PACKAGE);
  return join(PACKAGE, "miniprogram_dist");
}

/** What `npm install tidings.tgz` does, but for the lockfile: the packed files, in `node_modules`. */
export function installPackage(): void {
  const modules = join(TARO_APP, "node_modules");
  if (!existsSync(join(modules, "@tarojs/cli"))) {
    throw new Error(
      "The Taro program's packages are not installed. Run: npm ci --ignore-scripts --prefix test/mini-program/taro-app (450 MB)",
    );
  }
  buildMiniProgram();
  mkdirSync(CACHE, { recursive: true });
  const [packed] = JSON.parse(
    run("npm", ["pack", PACKAGE, "--json", "--ignore-scripts", "--pack-destination", CACHE], HERE),
  ) as { filename: string }[];
  const target = join(modules, "tidings");
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  run("tar", ["-xzf", join(CACHE, packed!.filename), "-C", target, "--strip-components=1"], HERE);
}

function run(command: string, args: string[], cwd: string): string {
  // Under "test", which a test runner sets, Taro lowers nothing and takes React's development build.
  const env = { ...process.env, NODE_ENV: "production" };
  try {
    return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

function hashOf(paths: string[]): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const files = statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true, encoding: "utf8" })
          .sort()
          .map((name) => join(path, name))
      : [path];
    for (const file of files) {
      if (statSync(file).isFile()) hash.update(file).update("\0").update(readFileSync(file)).update("\0");
    }
  }
  return hash.digest("hex");
}
