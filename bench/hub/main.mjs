/**
 * The fan-out benchmark: Tidings' hub and its peers under the same load, in one run. `npm run bench hub -- --help` tells how.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { isInstalled } from "../../scripts/installs.mjs";
import { judge } from "./figures.mjs";
import { startGenerator } from "./generator.mjs";
import { describeMachine, openFilesLimit, raiseBacklog } from "./machine.mjs";
import { planSteps, SERVERS } from "./plans.mjs";
import { figureLines, makePlots, page, tables } from "./report.mjs";
import { createSamples } from "./samples.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

const HELP = `npm run bench hub -- [options]

  (none)            the figures, in a few minutes
  --full            every size and every peer, about three quarters of an hour, with the plots
  --gate            exit code 1 when a ratio is below 80 % of its figure, or beyond what figures.mjs lets through
  --docs            write docs/performance-hub.md and its plots
  --only a,b        these servers alone: ${Object.keys(SERVERS).join(", ")}
  --scenario a,b    these alone: fan-out, idle, heartbeat, opening, replay, stopped-readers, linear
  --rounds n        rounds of each
  --part k/n        the k-th of n parts: a full run in 8 parts stays below 8 minutes each, on a quiet machine
  --from a,b        no run: join and judge the samples of earlier ones (bench/hub/.cache/samples-*.json)
`;

export async function main(args) {
  const { values: options } = parseArgs({
    args,
    options: {
      help: { type: "boolean" },
      full: { type: "boolean" },
      gate: { type: "boolean" },
      docs: { type: "boolean" },
      only: { type: "string" },
      scenario: { type: "string" },
      rounds: { type: "string" },
      part: { type: "string" },
      from: { type: "string" },
    },
  });
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const { samples, notes } = options.from ? readRuns(options.from.split(",")) : await run(options);
  const plots = makePlots(samples);
  const judged = judge(samples);

  print(`\n${tables(samples).join("\n\n").replaceAll("**", "").replaceAll("\\*", "*")}\n`);
  for (const note of notes) print(`- ${note}`);
  print("");
  const lines = figureLines(judged);
  const width = Math.max(0, ...lines.map(({ what }) => what.length));
  for (const { what, limit, value, verdict } of lines) {
    print(`${what.padEnd(width)}  ${limit.padStart(14)}  ${value.padStart(9)}  ${verdict}`);
  }
  if (options.docs) writeDocs({ judged, samples, plots, notes });
  const failed = judged.filter(({ passesGate }) => !passesGate);
  if (options.gate && (failed.length > 0 || judged.length === 0)) {
    print(
      `\nGate: ${failed.length} of ${judged.length} figures below 80 %, or beyond what is let through: ${failed.map(({ what }) => what).join("; ")}`,
    );
    process.exitCode = 1;
  } else if (options.gate) {
    print(`\nGate: passed, ${judged.length} figures`);
  }
}

async function run(options) {
  const isFull = options.full === true;
  installPeers();
  buildTidings();
  const servers = chooseServers(options.only?.split(","));
  const steps = planSteps({
    isFull,
    servers,
    rounds: options.rounds === undefined ? undefined : Number(options.rounds),
    scenarios: options.scenario?.split(","),
    part: options.part === undefined ? undefined : readPart(options.part),
  });
  const machine = describeMachine();
  const backlog = raiseBacklog();
  // The servers and the generator end with this process; the setting of the system would not.
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      backlog.restore();
      process.exit(1);
    });
  }
  const samples = createSamples();
  let load;
  try {
    load = await startGenerator();
    const started = Date.now();
    for (const [index, { scenario, name, run }] of steps.entries()) {
      const say = (_server, place, round) =>
        print(
          `${elapsed(started)}  ${index + 1}/${steps.length}  ${scenario} ${place}, round ${round}: ${name}`,
        );
      await run({ load, samples, say });
    }
  } finally {
    load?.stop();
    backlog.restore();
  }
  const notes = [
    `${machine.machine}; Node ${machine.node}; ${new Date().toISOString().slice(0, 10)}; ${isFull ? "full" : "quick"} run`,
    `Load average at the start ${machine.loadAtStart}; ${(machine.stolen() * 100).toFixed(1)} % of the processor time was taken by other machines on the host`,
    backlog.note,
    versions(servers),
  ];
  mkdirSync(`${here}.cache`, { recursive: true });
  const file = `${here}.cache/samples-${new Date().toISOString().replaceAll(":", "-").slice(0, 19)}.json`;
  writeFileSync(file, JSON.stringify({ notes, records: samples.records }));
  print(`\nSamples: ${file}`);
  return { samples, notes };
}

function readPart(text) {
  const [number, of] = text.split("/").map(Number);
  if (!(Number.isInteger(number) && Number.isInteger(of) && number >= 1 && number <= of)) {
    throw new RangeError(`Cannot run the benchmark: part is "${text}", expected one like 2/8`);
  }
  return { number, of };
}

function chooseServers(wanted = Object.keys(SERVERS)) {
  const unknown = wanted.find((name) => !(name in SERVERS));
  if (unknown !== undefined) {
    throw new RangeError(
      `Cannot run the benchmark: server is "${unknown}", expected ${Object.keys(SERVERS).join(", ")}`,
    );
  }
  return wanted.filter((name) => {
    if (!existsSync(`${here}servers/${name}.mjs`)) return false;
    if (name !== "nchan" || existsSync("/usr/lib/nginx/modules/ngx_nchan_module.so")) return true;
    print(
      "Nchan is left out: its module for nginx is not installed (Debian: apt-get install nginx libnginx-mod-nchan)",
    );
    return false;
  });
}

function installPeers() {
  if (isInstalled("bench/hub")) return;
  print("Installing the peers (npm ci in bench/hub) …");
  const { status } = spawnSync("npm", ["ci", "--no-fund", "--no-audit"], { cwd: here, stdio: "inherit" });
  if (status !== 0) throw new Error("Cannot install the peers: npm ci failed in bench/hub");
}

function buildTidings() {
  if (process.env.BENCH_TIDINGS) return;
  const { status } = spawnSync("npm", ["run", "--silent", "build", "--workspace", "tidings"], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("Cannot measure tidings: its build failed");
}

function versions(servers) {
  const { dependencies } = JSON.parse(readFileSync(`${here}package.json`, "utf8"));
  const peers = Object.entries(dependencies).map(([name, version]) => `${name} ${version}`);
  return `Peers: ${peers.join(", ")}${servers.includes("nchan") ? ", Nchan and nginx of the system" : ""}; limit of open files ${openFilesLimit().toLocaleString("en")}`;
}

/** Several runs are read as one of more rounds: ratios stay within each. */
function readRuns(files) {
  const runs = files.map((file) => JSON.parse(readFileSync(file, "utf8")));
  const records = runs.flatMap(({ records }, index) =>
    records.map((record) => ({ ...record, round: record.round + index * 1000 })),
  );
  return { notes: [...new Set(runs.flatMap(({ notes }) => notes))], samples: createSamples(records) };
}

function writeDocs(found) {
  mkdirSync(`${root}docs/images`, { recursive: true });
  for (const [file, svg] of Object.entries(found.plots)) writeFileSync(`${root}docs/images/${file}`, svg);
  writeFileSync(`${root}docs/performance-hub.md`, page(found));
  print("\nWritten: docs/performance-hub.md");
}

function elapsed(started) {
  const seconds = Math.round((Date.now() - started) / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, "0")}`;
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
