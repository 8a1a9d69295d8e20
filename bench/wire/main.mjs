/**
 * `npm run bench wire`: the parser and the encoder beside their peers, one process, one core, and the figures that the
 * project holds them to.
 *
 *     npm run bench wire -- [--only=bytes,strings,others,streams,encode,memory,sizes,chromium] [--rounds=15] [--write]
 *
 * Every parser's messages are compared with what they must be before it is timed; one that gets them wrong is not.
 * `--write` puts the tables into docs/performance.md.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, platform, release } from "node:os";
import { prepare } from "./prepare.mjs";

const ROOT = new URL("../../", import.meta.url).pathname;
/** Loaded when they are asked for: they import the peers, which `prepare` installs. */
const PARTS = {
  bytes: async () => (await import("./parsing.mjs")).fromBytes,
  strings: async () => (await import("./parsing.mjs")).fromStrings,
  others: async () => (await import("./parsing.mjs")).others,
  streams: async () => (await import("./streams.mjs")).streams,
  encode: async () => (await import("./encoders.mjs")).encoders,
  memory: async () => (await import("./memory.mjs")).memory,
  sizes: async () => (await import("./sizes.mjs")).sizes,
  chromium: async () => (await import("./chromium.mjs")).chromium,
};

export async function main(args) {
  const options = Object.fromEntries(args.map((arg) => arg.replace(/^--/, "").split("=")));
  const names = (options.only ?? Object.keys(PARTS).join()).split(",");
  const unknown = names.find((name) => !(name in PARTS));
  if (unknown !== undefined)
    throw new RangeError(
      `Cannot run benchmark wire: --only has ${unknown}, expected some of ${Object.keys(PARTS).join()}`,
    );
  prepare();
  const tidings = await import(`${ROOT}packages/tidings/dist/node/index.js`);
  const report = [
    `Made by \`npm run bench wire -- --write\`, ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${platform()} ${release()}, Node ${process.versions.node}. Load of the machine at the start: ${loadavg()[0].toFixed(1)}.`,
    "",
  ];
  const figures = [];
  for (const name of names) {
    process.stderr.write(`${name} …\n`);
    const measurePart = await PARTS[name]();
    const part = await measurePart({ tidings, rounds: Number(options.rounds ?? 15) });
    report.push(...part.lines, "");
    figures.push(...part.figures);
  }
  report.push("### Figures", "", ...figureTable(figures));
  const text = report.join("\n");
  process.stdout.write(`${text}\n`);
  if ("write" in options) writeSection(text);
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
