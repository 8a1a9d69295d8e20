/**
 * Runs a client's code against the scripted server, in a process of its own or in a browser's page, until it has printed what it
 * should and had time to print more. Code that reads a stream which stays open has no end of its own.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import type { Browser } from "../browsers/index.ts";
import { DOCUMENTED_PORT } from "./run-typescript.ts";
import { type MigrationServer, startMigrationServer } from "./migration-server.ts";

const PATIENCE_MS = 40_000;
/** Longer than anything in the script comes late, and than the shortest wait for another attempt. */
const SURPLUS_MS = 250;

/** The lines that a file prints under Node. @param expected - How many to wait for. */
export async function outputInNode(file: string, expected: number): Promise<string[]> {
  const built = file.replace(/\.ts$/, ".mjs");
  await bundle(file, built, "node");
  const server = await startMigrationServer();
  const code = (await readFile(built, "utf8")).replaceAll(DOCUMENTED_PORT, String(server.port));
  const program = spawn(process.execPath, ["--input-type=module"], {
    cwd: new URL("../migrate/", import.meta.url),
    // Where a failure has no handler, development prints a warning besides; a guide compares what the program itself prints.
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  program.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  program.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const gone = new Promise((resolve) => program.once("close", resolve));
  program.stdin.end(code);
  try {
    await settled(() => Promise.resolve(linesOf(output).length), expected, gone);
    return [...linesOf(output), ...linesOf(errors)];
  } finally {
    program.kill("SIGKILL");
    await gone;
    await server.close();
  }
}

/**
 * Opens the page whose frames `outputInPage` fills, several at once: a stream that waits costs nothing.
 * @returns What ends its server.
 */
export async function openFrames(browser: Browser): Promise<MigrationServer> {
  // A page of the machine itself, since others may have no frames of it.
  const server = await startMigrationServer();
  await browser.open(`http://127.0.0.1:${server.port}/`);
  await browser.evaluate(() => {
    const printed: Record<string, string[]> = {};
    addEventListener("message", ({ origin, data }) => void (printed[origin] ??= []).push(String(data)));
    Object.assign(globalThis, { printed });
  });
  return server;
}

/** The lines that a file prints to the console of a page, which is a frame with an origin of its own. */
export async function outputInPage(browser: Browser, file: string, expected: number): Promise<string[]> {
  const built = file.replace(/\.ts$/, ".js");
  await bundle(file, built, "browser");
  const code = await readFile(built, "utf8");
  const server = await startMigrationServer(
    (port) =>
      `console.log = (...words) => parent.postMessage(words.join(" "), "*");
       ${code.replaceAll(DOCUMENTED_PORT, String(port))}`,
  );
  const origin = `http://127.0.0.1:${server.port}`;
  const printed = (): Promise<string[]> =>
    browser.evaluate(
      (origin) => (globalThis as unknown as { printed: Record<string, string[]> }).printed[origin] ?? [],
      origin,
    );
  try {
    await browser.evaluate((src) => {
      document.body.append(Object.assign(document.createElement("iframe"), { src }));
    }, `${origin}/`);
    await settled(async () => (await printed()).length, expected);
    return await printed();
  } finally {
    await browser.evaluate((src) => document.querySelector(`iframe[src="${src}"]`)?.remove(), `${origin}/`);
    await server.close();
  }
}

async function bundle(file: string, outfile: string, platform: "node" | "browser"): Promise<void> {
  await build({
    entryPoints: [file],
    outfile,
    bundle: true,
    platform,
    format: "esm",
    target: "es2022",
    logLevel: "silent",
    ...(platform === "node" && { packages: "external" }),
  });
}

/** Waits until there are as many lines as expected, and then whether there are more. */
async function settled(
  count: () => Promise<number>,
  expected: number,
  gone: Promise<unknown> = new Promise(() => {}),
): Promise<void> {
  let isGone = false;
  void gone.then(() => (isGone = true));
  const deadline = Date.now() + PATIENCE_MS;
  while ((await count()) < expected && Date.now() < deadline && !isGone) await pause(50);
  await Promise.race([pause(SURPLUS_MS), gone]);
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.trimEnd().split("\n");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
