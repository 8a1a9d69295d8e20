/**
 * Builds the Taro program beside this file with Taro's own command, over the package as `npm pack` makes it.
 * The build is kept until something that goes into it changes.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGE = join(HERE, "../../packages/tidings");
const CACHE = join(HERE, ".cache");
export const TARO_APP: string = join(HERE, "taro-app");

/** The folder with the built program. @throws {Error} If the program's packages are not installed, or it does not build. */
export async function buildTaroApp(): Promise<string> {
  await installPackage();
  const inputs = hashOf([
    join(TARO_APP, "src"),
    join(TARO_APP, "config"),
    fileURLToPath(import.meta.url),
    join(TARO_APP, "babel.config.js"),
    join(TARO_APP, "package.json"),
    join(TARO_APP, "package-lock.json"),
    join(TARO_APP, "node_modules/tidings/package.json"),
    join(TARO_APP, "node_modules/tidings/miniprogram_dist"),
  ]);
  const built = join(CACHE, `taro-app-${inputs.slice(0, 16)}`);
  if (existsSync(built)) return built;
  const draft = join(CACHE, `taro-app-draft-${process.pid}`);
  await run("node_modules/.bin/taro", ["build", "--type", "weapp"], TARO_APP, {
    OUTPUT_ROOT: relative(TARO_APP, draft),
  });
  // It exits with 0 when it failed.
  if (!existsSync(join(draft, "pages/feed/index.js")))
    throw new Error("taro build left no pages/feed/index.js");
  for (const old of readdirSync(CACHE).filter((name) => /^taro-app-[0-9a-f]{16}$/.test(name))) {
    // An hour: another run may be reading it.
    if (Date.now() - statSync(join(CACHE, old)).mtimeMs > 3_600_000)
      rmSync(join(CACHE, old), { recursive: true });
  }
  // Another run may have been faster.
  if (existsSync(built)) rmSync(draft, { recursive: true });
  else renameSync(draft, built);
  return built;
}

/** Builds `miniprogram_dist` and returns its path. */
export async function buildMiniProgram(): Promise<string> {
  await run(process.execPath, [join(PACKAGE, "scripts/build-mini-program.mjs")], PACKAGE);
  return join(PACKAGE, "miniprogram_dist");
}

/** What `npm install tidings.tgz` does, but for the lockfile: the packed files, in `node_modules`. */
export async function installPackage(): Promise<void> {
  const modules = join(TARO_APP, "node_modules");
  if (!existsSync(join(modules, "@tarojs/cli"))) {
    throw new Error(
      "The Taro program's packages are not installed. Run: npm ci --ignore-scripts --prefix test/mini-program/taro-app (450 MB)",
    );
  }
  await buildMiniProgram();
  mkdirSync(CACHE, { recursive: true });
  const [packed] = JSON.parse(
    await run("npm", ["pack", PACKAGE, "--json", "--ignore-scripts", "--pack-destination", CACHE], HERE),
  ) as { filename: string; integrity: string }[];
  const target = join(modules, "tidings");
  const stamp = join(target, ".packed");
  const { filename, integrity } = packed!;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === integrity) return;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  await run("tar", ["-xzf", join(CACHE, filename), "-C", target, "--strip-components=1"], HERE);
  writeFileSync(stamp, integrity);
}

function run(command: string, args: string[], cwd: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  // Under "test", which a test runner sets, Taro lowers nothing and takes React's development build.
  const env = { ...process.env, ...more, NODE_ENV: "production" };
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { cwd, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error)
        reject(new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.end();
  });
}

/** How long a build may take on a machine that is busy with other things. */
export const BUILD_MS = 480_000;

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
