/**
 * The runtimes of this folder's node_modules, each started with a program bundled for it.
 */
import { accessSync, constants, copyFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Child, startChild } from "../browsers/child.ts";

const FOLDER = dirname(fileURLToPath(import.meta.url));
const ROOT = join(FOLDER, "../..");

const PROGRAMS = {
  bun: "@oven/bun-linux-x64/bin/bun",
  deno: "@deno/linux-x64-glibc/deno",
  node20: "node20/bin/node",
  node22: "node22/bin/node",
  node24: "node24/bin/node",
  node26: "node26/bin/node",
  workerd: "@cloudflare/workerd-linux-64/bin/workerd",
} as const;

export type RuntimeName = keyof typeof PROGRAMS | "node";

/** The path of a runtime's program. @throws {Error} If it is not installed, with the command that installs it. */
export function runtimePath(name: RuntimeName): string {
  if (name === "node") return process.execPath;
  const path = join(FOLDER, "node_modules", PROGRAMS[name]);
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw new Error(
      `Cannot start ${name}: ${path} is not installed, expected it from: npm ci --ignore-scripts --prefix test/runtimes`,
      { cause },
    );
  }
  return path;
}

/** What stands between a runtime's program and the file to run. */
export const RUN_ARGUMENTS: Readonly<Record<RuntimeName, readonly string[]>> = {
  bun: ["run"],
  deno: ["run", "--allow-net", "--no-remote", "--no-npm"],
  node: [],
  node20: [],
  node22: [],
  node24: [],
  node26: [],
  workerd: [],
};

/**
 * Bundles a server of `servers/` with the package as built, and starts it.
 * @returns Where it listens, once it has said so.
 */
export async function startServer(
  runtime: RuntimeName,
  server: string,
  args: readonly string[] = [],
): Promise<{ origin: string; stop(): Promise<void> }> {
  const program = runtimePath(runtime);
  const folder = await mkdtemp(join(tmpdir(), `tidings-${runtime}-`));
  const file = join(folder, `${server}.${runtime === "workerd" ? "js" : "mjs"}`);
  await bundle(join(FOLDER, "servers", `${server}.ts`), file);
  let command = [...RUN_ARGUMENTS[runtime], file, ...args];
  if (runtime === "workerd") {
    copyFileSync(join(FOLDER, "servers", `${server}.capnp`), join(folder, "worker.capnp"));
    // It says where it listens on a descriptor, not in words.
    command = ["serve", join(folder, "worker.capnp"), "--control-fd=1", ...args];
  }
  const child = startChild(program, command);
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const port = await portOf(runtime, child, /listening on (\d+)|"port":(\d+)/).catch(
    async (error: unknown) => {
      await stop();
      throw error;
    },
  );
  return { origin: `http://127.0.0.1:${port}`, stop };
}

/** The port that a child says it listens on: the group of `pattern` that matched. */
export function portOf(name: string, child: Child, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const port = pattern.exec(child.output())?.slice(1).find(Boolean);
      if (port !== undefined) resolve(port);
    };
    child.process.stdout!.on("data", look);
    child.process.once("exit", () => reject(new Error(`${name} ended at once: ${child.output()}`)));
    setTimeout(() => reject(new Error(`${name} does not listen: ${child.output()}`)), 20_000).unref();
  });
}

/** One module with everything in it but Node's own. `tidings/…`, and its source where tests name it, are what was built. */
export async function bundle(entry: string, outfile: string): Promise<void> {
  const source = join(ROOT, "packages/tidings/src/");
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    external: ["node:*"],
    logLevel: "error",
    plugins: [
      {
        name: "as built",
        setup: (plugin) =>
          plugin.onResolve({ filter: /packages\/tidings\/src\// }, ({ path, resolveDir }) => {
            const wanted = join(resolveDir, path);
            if (!wanted.startsWith(source)) return undefined;
            return {
              path: join(ROOT, "packages/tidings/dist", wanted.slice(source.length).replace(/\.ts$/, ".js")),
            };
          }),
      },
    ],
  });
}
