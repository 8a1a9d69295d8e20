/**
 * `npm run bench wire`: the parser and the encoder beside their peers, a process a table, one core, and the figures that the
 * project holds them to.
 *
 *     npm run bench wire -- [--only=bytes,strings,others,streams,encode,memory,sizes,chromium] [--rounds=15] [--write]
 *
 * Every parser's messages are compared with what they must be before it is timed; one that gets them wrong is not.
 * `--write` puts the tables into docs/performance.md.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, platform, release } from "node:os";
import { PART_NAMES } from "./part.mjs";
import { prepare } from "./prepare.mjs";

const ROOT = new URL("../../", import.meta.url).pathname;

export async function main(args) {
  const options = Object.fromEntries(args.map((arg) => arg.replace(/^--/, "").split("=")));
  const names = (options.only ?? PART_NAMES.join()).split(",");
  const unknown = names.find((name) => !PART_NAMES.includes(name));
  if (unknown !== undefined)
    throw new RangeError(
      `Cannot run benchmark wire: --only has ${unknown}, expected some of ${PART_NAMES.join()}`,
    );
  prepare();
  const report = [
    `Made by \`npm run bench wire -- --write\`, ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${platform()} ${release()}, Node ${process.versions.node}. Load of the machine at the start: ${loadavg()[0].toFixed(1)}. A table is measured in a process of its own, in rounds of at least 20 ms for each, once the code is warm.`,
    "",
  ];
  const figures = [];
  for (const name of names) {
    process.stderr.write(`${name} …\n`);
    const part = await runPart(name, options.rounds ?? "15");
    report.push(...part.lines, "");
    figures.push(...part.figures);
  }
  report.push("### Figures", "", ...figureTable(figures));
  const text = report.join("\n");
  process.stdout.write(`${text}\n`);
  if ("write" in options) writeSection(text);
}

async function runPart(name, rounds) {
  const child = fork(new URL("part.mjs", import.meta.url), [name, rounds], { execArgv: process.execArgv });
  let part;
  child.on("message", (message) => (part = message));
  const [code] = await once(child, "exit");
  if (part === undefined || code !== 0)
    throw new Error(`Cannot run benchmark wire: its part ${name} ended with exit code ${code}`);
  return part;
}

function figureTable(figures) {
  const rows = figures.map(({ what, wanted, got }) => {
    const reached = wanted.atMost === undefined ? got >= wanted.atLeast : got <= wanted.atMost;
    const unit = wanted.unit ?? "×";
    const bound = wanted.atMost === undefined ? `≥ ${wanted.atLeast} ${unit}` : `≤ ${wanted.atMost} ${unit}`;
    return `| ${what} | ${bound} | ${got.toFixed(2)} ${unit} | ${reached ? "reached" : "**not reached**"} |`;
  });
  return ["| figure | wanted | measured | |", "|---|---|---|---|", ...rows];
}

/** Replaces what stands between the two marks of docs/performance.md, or adds it at the end. */
function writeSection(text) {
  const path = `${ROOT}docs/performance.md`;
  const begin = "<!-- wire:begin -->";
  const end = "<!-- wire:end -->";
  const before = existsSync(path) ? readFileSync(path, "utf8") : "# Performance\n";
  const section = `${begin}\n${text}\n${end}`;
  const at = before.indexOf(begin);
  const after =
    at < 0
      ? `${before.trimEnd()}\n\n## Wire\n\n${section}\n`
      : before.slice(0, at) + section + before.slice(before.indexOf(end) + end.length);
  writeFileSync(path, after);
  process.stderr.write("Wrote docs/performance.md\n");
}
