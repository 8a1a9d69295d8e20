/**
 * `npm run bench wire`: the parser and the encoder beside their peers, and the figures that the project holds them to.
 *
 *     npm run bench wire -- [--only=sweep,encode,streams,others,frameworks,memory,sizes]
 *                           [--runtimes=node20,node22,node24,node26,bun,deno,chromium] [--rounds=15] [--quick] [--no-fresh] [--write]
 *
 * In each runtime: `sweep` measures the parser over lengths, texts, sizes of chunks and streams as real servers send them, `encode` the
 * encoders over the same lengths and texts, `streams` what reads a web stream. What each parser and encoder makes is compared with what
 * it must be before it is timed. The other parts run in this Node. `--quick` takes fewer lengths, `--no-fresh` leaves out the process
 * for each cell. `--write` puts what was measured into docs/performance.md, in place of what an earlier run measured of the same; and
 * draws the heat maps. It takes some six minutes a runtime, and more than half of it for the processes.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, platform, release } from "node:os";
import { PART_NAMES } from "./part.mjs";
import { prepare } from "./prepare.mjs";
import { RUNTIMES } from "./sweep/runtimes.mjs";
import { SWEEP_NAMES, sweepIn } from "./sweep/sweep.mjs";

const ROOT = new URL("../../", import.meta.url).pathname;
const PAGE = `${ROOT}docs/performance.md`;

export async function main(args) {
  const options = Object.fromEntries(args.map((arg) => arg.replace(/^--/, "").split("=")));
  const parts = listed("only", options.only, [...SWEEP_NAMES, ...PART_NAMES]);
  const runtimes = listed("runtimes", options.runtimes, Object.keys(RUNTIMES));
  const rounds = Number(options.rounds ?? 15);
  prepare();
  const plan = { rounds, isQuick: "quick" in options, isFresh: !("no-fresh" in options) };
  for (const part of parts) {
    if (!SWEEP_NAMES.includes(part)) await finish(part, await runPart(part, rounds), options);
    else
      for (const name of runtimes) await finish(`${part} ${name}`, await sweepIn(part, name, plan), options);
  }
}

function listed(option, value, known) {
  const names = value?.split(",") ?? known;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new RangeError(
      `Cannot run benchmark wire: --${option} has ${unknown}, expected some of ${known.join()}`,
    );
  return names;
}

async function runPart(name, rounds) {
  const child = fork(new URL("part.mjs", import.meta.url), [name, String(rounds)], {
    execArgv: process.execArgv,
  });
  let part;
  child.on("message", (message) => (part = message));
  const [code] = await once(child, "exit");
  if (part === undefined || code !== 0)
    throw new Error(`Cannot run benchmark wire: its part ${name} ended with exit code ${code}`);
  return part;
}

async function finish(name, { lines, figures, images = {} }, options) {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${platform()} ${release()}`;
  const text = [
    ...lines,
    "",
    ...(figures.length === 0 ? [] : [...figureTable(figures), ""]),
    `<sub>${new Date().toISOString().slice(0, 10)}, ${machine}, load ${loadavg()[0].toFixed(1)} at the end.</sub>`,
  ].join("\n");
  process.stdout.write(`${text}\n\n`);
  if (!("write" in options)) return;
  writeSection(name, text);
  for (const [path, image] of Object.entries(images)) writeFileSync(`${ROOT}docs/${path}`, image);
}

function figureTable(figures) {
  const rows = figures.map(({ what, wanted, got }) => {
    const isReached = wanted.atMost === undefined ? got >= wanted.atLeast : got <= wanted.atMost;
    const unit = wanted.unit ?? "×";
    const bound = wanted.atMost === undefined ? `≥ ${wanted.atLeast} ${unit}` : `≤ ${wanted.atMost} ${unit}`;
    return `| ${what} | ${bound} | ${Number(got.toFixed(2))} ${unit} | ${isReached ? "reached" : "**not reached**"} |`;
  });
  return ["| figure | wanted | measured | |", "|---|---|---|---|", ...rows];
}

/** Replaces what stands between two marks of the page. */
function writeSection(name, text) {
  const page = readFileSync(PAGE, "utf8");
  const begin = `<!-- ${name} -->`;
  const end = `<!-- end of ${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < 0) throw new Error(`Cannot write docs/performance.md: it has no marks for ${name}`);
  writeFileSync(PAGE, `${page.slice(0, from)}${begin}\n${text}\n${page.slice(to)}`);
  process.stderr.write(`Wrote ${name} into docs/performance.md\n`);
}
