/**
 * Where the suite runs: every runtime and browser by name, and how to get the outcomes out of it.
 */
import { copyFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, engines, startChild, until } from "../../browsers/index.ts";
import { portOf, RUN_ARGUMENTS, type RuntimeName, runtimePath } from "../../runtimes/runtimes.ts";
import { browserPlaces } from "./exceptions.ts";
import { startSuiteServer } from "./server.ts";
import type { Outcome, Setting } from "./world.ts";

const PROGRAMS = join(dirname(fileURLToPath(import.meta.url)), "programs");

/** Bundles a program with the package as built, by the conditions that the runtime's own bundlers and loaders set. */
async function bundle(name: string, format: "esm" | "iife", conditions: string[]): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(PROGRAMS, `${name}.ts`)],
    bundle: true,
    write: false,
    format,
    target: "es2022",
    conditions,
    external: ["node:*"],
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}

/** Runs the suite on a runtime of the command line. */
export async function runOnRuntime(runtime: RuntimeName, skipped: readonly string[]): Promise<Outcome[]> {
  const program = runtimePath(runtime);
  const server = await startSuiteServer();
  const folder = await mkdtemp(join(tmpdir(), `tidings-suite-${runtime}-`));
  const setting: Setting = { origin: server.origin, transport: "fetch", concurrency: 6 };
  try {
    if (runtime === "workerd") return await runInWorkerd(program, folder, setting, skipped);
    const condition = runtime === "bun" || runtime === "deno" ? runtime : "node";
    const file = join(folder, "main.mjs");
    await writeFile(file, await bundle("main", "esm", [condition]));
    const order = JSON.stringify({ setting, skipped });
    const child = startChild(program, [...RUN_ARGUMENTS[runtime], file, order]);
    let output = "";
    child.process.stdout!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    await new Promise((resolve) => child.process.once("close", resolve));
    const outcomes = /^OUTCOMES (.*)$/m.exec(output)?.[1];
    if (outcomes === undefined) throw new Error(`The suite ended without outcomes: ${child.output()}`);
    return JSON.parse(outcomes) as Outcome[];
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function runInWorkerd(
  program: string,
  folder: string,
  setting: Setting,
  skipped: readonly string[],
): Promise<Outcome[]> {
  await writeFile(join(folder, "workerd.js"), await bundle("workerd", "esm", ["workerd", "worker"]));
  copyFileSync(join(PROGRAMS, "workerd.capnp"), join(folder, "workerd.capnp"));
  const child = startChild(program, ["serve", join(folder, "workerd.capnp"), "--control-fd=1"]);
  try {
    const port = await portOf("workerd", child, /"port":(\d+)/);
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: "POST",
      body: JSON.stringify({ setting, skipped }),
    });
    if (!response.ok) throw new Error(`The suite ended with ${response.status}: ${child.output()}`);
    return (await response.json()) as Outcome[];
  } finally {
    await child.stop();
  }
}

export type EngineName = Browser["engine"];

/** Runs the suite in each place of a browser: on a server for each, two at a time. */
export async function runInBrowser(
  engine: EngineName,
  skippedIn: (place: string) => readonly string[],
): Promise<Map<string, Outcome[]>> {
  const scripts = {
    "/page.js": await bundle("page", "iife", ["browser"]),
    "/worker.js": await bundle("worker", "iife", ["browser"]),
  };
  const browser = await engines.find((known) => known.engine === engine)!.start();
  const outcomes = new Map<string, Outcome[]>();
  try {
    for (const { name, place, transport } of browserPlaces) {
      const server = await startSuiteServer(scripts);
      try {
        await browser.open(server.origin);
        const setting: Setting = { origin: server.origin, transport, concurrency: 3 };
        await browser.evaluate(
          (place, setting, skipped) => globalThis.runSuiteIn(place, setting, skipped),
          place,
          { ...setting },
          skippedIn(name) as string[],
        );
        const told = await until(
          `the outcomes of ${engine} ${name}`,
          () => browser.evaluate(() => JSON.stringify(globalThis.suiteOutcomes ?? null)).then(JSON.parse),
          240_000,
        );
        outcomes.set(name, told as Outcome[]);
      } finally {
        await server.close();
      }
    }
  } finally {
    await browser.close();
  }
  return outcomes;
}
