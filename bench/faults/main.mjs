/**
 * Correctness at size: a hub over a log on disk under random faults, until so many messages were delivered. Nothing that was
 * accepted may be lost, come twice or out of order; what a subscriber does not get it must have been told of.
 *
 *     npm run bench faults -- --deliveries 10000000 --seed 1
 *
 * Ends with 1 when anything went wrong. The same seed brings the same faults to the same readers.
 */
import { execSync } from "node:child_process";
import { cpus } from "node:os";
import { parseArgs } from "node:util";

export async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      deliveries: { type: "string", default: "1000000" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1e6)) },
      readers: { type: "string", default: "200" },
    },
  });
  const [deliveries, seed, readers] = ["deliveries", "seed", "readers"].map((name) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw new RangeError(`Cannot run faults: --${name} is ${values[name]}, expected a whole number above 0`);
  });
  execSync("npm run build --silent --workspace tidings", { stdio: ["ignore", "ignore", "inherit"] });
  const { run } = await import("./world.mjs");
  console.log(`seed ${seed}, ${readers} readers, until ${deliveries.toLocaleString("en")} deliveries`);
  const result = await run({ deliveries, seed, readers, onProgress: progressOf(deliveries) });
  report(result);
  const { lost, doubled, "out of order": disordered, unhandled, other } = result.verdict;
  process.exitCode = lost + doubled + disordered + unhandled + other > 0 || !result.heap.isFlat ? 1 : 0;
}

function progressOf(deliveries) {
  const { isTTY } = process.stdout;
  const everyMs = isTTY ? 500 : 10_000;
  const startedMs = performance.now();
  let nextMs = startedMs + everyMs;
  return (now) => {
    const ms = performance.now();
    if (ms < nextMs) return;
    nextMs = ms + everyMs;
    const done = now.deliveries / deliveries;
    const left = ((ms - startedMs) / 1_000) * (1 / Math.max(done, 1e-6) - 1);
    const happened = Object.entries(now.happened).map(([name, count]) => `${count} ${name}`);
    const line = `${(done * 100).toFixed(1).padStart(5)} %, ${left.toFixed(0)} s left: ${happened.join(", ")}`;
    process.stdout.write(isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  };
}

function report({ verdict, heap, ...result }) {
  const { examples, ...counts } = verdict;
  const number = (value) => (Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(1));
  console.log(`\n\nNode ${process.version}, ${cpus().length} × ${cpus()[0].model}\n`);
  console.log("| | |\n|---|--:|");
  for (const [name, value] of Object.entries({ ...result, ...counts }))
    console.log(`| ${name} | ${number(value)} |`);
  console.log("\nHeap of the server's last process, each time behind a full collection:\n");
  console.log(
    "| deliveries | heap, MiB | beside it, MiB | of that for slow readers, MiB | streams | waiting for their peers | groups |",
  );
  console.log("|--:|--:|--:|--:|--:|--:|--:|");
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
  for (const sample of heap.samples) {
    const {
      deliveries,
      returned,
      heapUsed,
      external,
      blockedBytes,
      streams,
      blockedStreams,
      subscriberGroups,
    } = sample;
    const cells = [
      number(deliveries),
      mib(heapUsed),
      mib(external),
      mib(blockedBytes),
      returned ? streams : `${streams}, others still returning`,
      blockedStreams,
      subscriberGroups,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  console.log(
    heap.judgedFrom === undefined
      ? "\nNot judged: the readers have not all returned to this process"
      : `\nJudged from ${number(heap.judgedFrom)} deliveries on, when all readers had returned to this process.`,
  );
  const grew = ({ first, last }) => `${mib(first)} MiB in the first third, ${mib(last)} MiB in the last`;
  console.log(
    `Medians: heap ${grew(heap.heap)}; beside it ${grew(heap.beside)}: ${heap.isFlat ? "flat" : "NOT FLAT"}`,
  );
  for (const example of examples) console.log(`\n${example}`);
}
