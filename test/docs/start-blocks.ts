/**
 * Starts server blocks of the documents where they are to run, as their readers would: Bun and Deno with the file as it is, Nest
 * compiled, Next built, a Worker bundled. A block that is a file of an application begins with a comment that names it.
 */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { type Child, startChild } from "../browsers/child.ts";
import { portOf, runtimePath } from "../runtimes/runtimes.ts";
import { freePort } from "../support/free-port.mjs";
import type { CodeBlock } from "./code-blocks.ts";
import { DOCUMENTED_PORT, ROOT } from "./run-typescript.ts";

export interface RunningBlocks {
  readonly child: Child;
  readonly port: number;
}

export type Host = "bun" | "deno" | "nest" | "next" | "worker";

/** As much of the hosts' own types as the documents use. */
const HOST_TYPES = `
declare const Bun: {
  serve(options: { port: number; fetch(request: Request): Response | Promise<Response> }): unknown;
  sleep(ms: number): Promise<void>;
};
declare namespace Deno {
  function serve(options: { port: number }, handler: (request: Request) => Response | Promise<Response>): unknown;
}
declare module "cloudflare:workers" {
  export class DurableObject {
    fetch?(request: Request): Response | Promise<Response>;
  }
}
interface DurableObjectNamespace<Of> {
  getByName(name: string): Of;
}
`;
/** As `nest new` and `create-next-app` have it, where that differs from the settings of this repository. */
const COMPILER_OPTIONS: Partial<Record<Host, object>> = {
  nest: {
    noEmit: false,
    rootDir: "src",
    outDir: "dist",
    erasableSyntaxOnly: false,
    verbatimModuleSyntax: false,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  },
  next: { module: "esnext", moduleResolution: "bundler", rewriteRelativeImportExtensions: false },
};
const NEXT = join(ROOT, "test/next/node_modules/next/dist/bin/next");
const WORKER = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "worker", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-05-01",
`;
/** What wrangler makes of the durable objects of its file. */
const NEWS = `
  durableObjectNamespaces = [(className = "News", uniqueKey = "news")],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "NEWS", durableObjectNamespace = "News")],
`;

/**
 * Writes the files of an application, type-checks them, and starts it.
 * @param blocks - Its files. For a host other than Nest and Next there is one, which needs no name.
 * @throws {Error} If they do not compile, with what the compiler says.
 */
export async function startBlocks(host: Host, blocks: readonly CodeBlock[]): Promise<RunningBlocks> {
  const name = blocks[0]!.name.replaceAll(/[^\w.-]/g, "_");
  const folder = join(ROOT, host === "next" ? "test/next/.cache" : ".cache", "docs", `${host}-${name}`);
  const port = await freePort();
  await rm(folder, { recursive: true, force: true });
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  };
  for (const { text } of blocks) {
    const file = /^\/\/ (?<file>\S+\.ts)\n/.exec(text)?.groups?.["file"] ?? "server.ts";
    await write(file, text.replaceAll(DOCUMENTED_PORT, String(port)));
  }
  await write("package.json", '{ "type": "module" }');
  await write(host === "nest" ? "src/hosts.d.ts" : "hosts.d.ts", HOST_TYPES);
  await write(
    "tsconfig.json",
    JSON.stringify({
      extends: relative(folder, join(ROOT, "tsconfig.base.json")),
      compilerOptions: COMPILER_OPTIONS[host],
      exclude: ["dist", ".next"],
    }),
  );
  await run(join(ROOT, "node_modules/typescript/bin/tsc"), ["-p", folder]);
  const child = await starters[host](folder, port, write);
  return { child, port: host === "worker" ? Number(await portOf("workerd", child, /"port":(\d+)/)) : port };
}

type Starter = (
  folder: string,
  port: number,
  write: (file: string, text: string) => Promise<void>,
) => Promise<Child>;

const starters: Readonly<Record<Host, Starter>> = {
  bun: async (folder) => startChild(runtimePath("bun"), ["run", join(folder, "server.ts")]),
  deno: async (folder) => startChild(runtimePath("deno"), ["run", "--allow-net", join(folder, "server.ts")]),
  nest: async (folder) => startChild(process.execPath, [join(folder, "dist/main.js")]),
  async next(folder, port, write) {
    await write(
      "app/layout.js",
      'export default ({ children }) => <html lang="en"><body>{children}</body></html>;',
    );
    await write(
      "next.config.js",
      `export default { cacheComponents: true, turbopack: { root: ${JSON.stringify(ROOT)} }, typescript: { ignoreBuildErrors: true } };`,
    );
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
    await run(NEXT, ["build", folder], env);
    return startChild(process.execPath, [NEXT, "start", folder, "-p", String(port), "-H", "127.0.0.1"], {
      env,
    });
  },
  async worker(folder, _, write) {
    const { metafile } = await build({
      entryPoints: [join(folder, "server.ts")],
      outfile: join(folder, "worker.js"),
      bundle: true,
      format: "esm",
      target: "es2022",
      conditions: ["workerd", "worker"],
      external: ["cloudflare:workers"],
      metafile: true,
      logLevel: "silent",
    });
    const { exports } = Object.values(metafile.outputs)[0]!;
    await write("worker.capnp", `${WORKER}${exports.includes("News") ? NEWS : ""});\n`);
    return startChild(runtimePath("workerd"), ["serve", join(folder, "worker.capnp"), "--control-fd=1"]);
  },
};

async function run(program: string, args: readonly string[], env = process.env): Promise<void> {
  await promisify(execFile)(process.execPath, [program, ...args], { env }).catch(
    (error: Error & { stdout: string; stderr: string }) => {
      throw new Error(`${error.message}\n${error.stdout}${error.stderr}`, { cause: error });
    },
  );
}
