/** Runs the program of the sweep in a runtime: one of test/runtimes, the Node that runs this, or a Chromium of this machine. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { build } from "esbuild";

const HERE = new URL(".", import.meta.url).pathname;
const ROOT = new URL("../../../", import.meta.url).pathname;
const INSTALLED = `${ROOT}test/runtimes/node_modules/`;
const DENO = ["run", "--allow-env", "--allow-sys", "--no-remote", "--no-npm"];
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** What a program says while it measures. */
const PROGRESS = /^progress \d+\/\d+$/;

/** By name: the condition by which the package is imported, and how a file is run. */
export const RUNTIMES = {
  node20: { title: "Node 20", condition: "node", command: [`${INSTALLED}node20/bin/node`] },
  node22: { title: "Node 22", condition: "node", command: [`${INSTALLED}node22/bin/node`] },
  node24: { title: "Node 24", condition: "node", command: [`${INSTALLED}node24/bin/node`] },
  node26: { title: "Node 26", condition: "node", command: [`${INSTALLED}node26/bin/node`] },
  bun: { title: "Bun", condition: "bun", command: [`${INSTALLED}@oven/bun-linux-x64/bin/bun`, "run"] },
  deno: { title: "Deno", condition: "deno", command: [`${INSTALLED}@deno/linux-x64-glibc/deno`, ...DENO] },
  chromium: { title: "Chromium", condition: "browser", command: [CHROMIUM.find((path) => existsSync(path))] },
};

/** @returns What runs plans in the runtime, and must be closed; undefined if it is not installed. */
export async function openRuntime(name) {
  const { condition, command } = RUNTIMES[name];
  if (command[0] === undefined || !existsSync(command[0])) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "tidings-sweep-"));
  const file = join(folder, "program.mjs");
  await build({
    entryPoints: [join(HERE, "program.mjs")],
    outfile: file,
    bundle: true,
    format: "esm",
    // `process` in the entries for Node, and nothing else of it.
    platform: "neutral",
    external: condition === "browser" ? [] : ["node:*"],
    conditions: [condition],
    mainFields: ["module", "main"],
    target: "es2022",
    logLevel: "error",
    plugins: [
      {
        name: "package",
        setup: (plugin) =>
          plugin.onResolve({ filter: /^tidings$/ }, () => ({ path: entryFor(condition), sideEffects: true })),
      },
      ...(condition === "browser" ? [nodeForPages] : []),
    ],
  });
  const opened = await (name === "chromium" ? openChromium(command[0], file) : openProcesses(command, file));
  return {
    ...opened,
    async close() {
      await opened.close?.();
      rmSync(folder, { recursive: true });
    },
  };
}

/** What better-sse imports of Node, beside the encoder that is measured. */
const nodeForPages = {
  name: "node for pages",
  setup(plugin) {
    plugin.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "node" }));
    plugin.onLoad({ filter: /./, namespace: "node" }, () => ({
      contents: NODE_NAMES.map((name) => `export class ${name} {}`).join("\n"),
    }));
  },
};
const NODE_NAMES = [
  "EventEmitter",
  "Readable",
  "IncomingMessage",
  "ServerResponse",
  "Http2ServerRequest",
  "Http2ServerResponse",
  "setImmediate",
];

function entryFor(condition) {
  return `${ROOT}packages/tidings/dist/${condition === "node" ? "node/index.js" : "index.js"}`;
}

/** A process for each plan. */
async function openProcesses([program, ...args], file) {
  const run = promisify(execFile);
  const options = { env: { PATH: process.env.PATH, HOME: process.env.HOME } };
  const { stdout } = await run(program, ["--version"], options);
  return {
    version: /\d+\.\d+\.\d+/.exec(stdout)[0],
    roundMs: 1,
    async measure(plan, showLine = () => {}) {
      const child = spawn(program, [...args, file, JSON.stringify(plan)], {
        env: options.env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let results = "";
      let errors = "";
      child.stdout.setEncoding("utf8").on("data", (text) => (results += text));
      createInterface({ input: child.stderr }).on("line", (line) => {
        if (PROGRESS.test(line)) showLine(line);
        else errors += `${line}\n`;
      });
      const [code, signal] = await once(child, "close");
      if (code !== 0) throw new Error(`Cannot measure: ${program} ended with ${code ?? signal}\n${errors}`);
      return JSON.parse(results);
    },
  };
}

/** A page for each plan; isolated from others, since only then the clock is finer than a tenth of a millisecond. */
async function openChromium(executablePath, file) {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  const script = readFileSync(file, "utf8");
  const headers = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  };
  return {
    version: browser.version(),
    roundMs: 2,
    async measure(plan, showLine = () => {}) {
      const page = await browser.newPage();
      page.on("console", (message) => {
        if (PROGRESS.test(message.text())) showLine(message.text());
      });
      try {
        page.setDefaultTimeout(0);
        await page.route("**/*", (route) =>
          route.fulfill({ headers, contentType: "text/html", body: "<!doctype html>" }),
        );
        await page.goto("https://sweep.localhost/");
        await page.addScriptTag({ type: "module", content: script });
        await page.waitForFunction(() => globalThis.measured !== undefined);
        return await page.evaluate((plan) => globalThis.measured(plan), plan);
      } finally {
        await page.close();
      }
    },
    close: () => browser.close(),
  };
}
