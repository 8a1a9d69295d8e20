/**
 * What the limits cost: each is filled as far as its default allows, or a known part of it, in a process of its own, and what the
 * process then holds is counted, heap and buffers, behind collections of garbage. The table of docs/limits.md has these figures. And what
 * readers cost that read everything or nothing, which docs/hub.md has.
 *
 *     npm run bench memory [-- CASE…]
 *
 * The exit code is 1 if a reader that reads nothing costs more than 8 kB beside what all share.
 */
import { execSync, fork } from "node:child_process";
import { once } from "node:events";
import { cases, readers } from "./cases.mjs";

const MOST_BYTES_OF_READER = 8_000;

export async function main(args) {
  execSync("npm run build --silent --workspace tidings", { stdio: ["ignore", "ignore", "inherit"] });
  const all = [...Object.keys(readers), ...Object.keys(cases)];
  const unknown = args.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`Cannot measure: ${unknown} is no case, expected one of ${all.join(", ")}`);
  }
  const wanted = args.length === 0 ? all : args;
  console.log(`Node ${process.version}`);
  await measureReaders(wanted.filter((name) => name in readers));
  await measureLimits(wanted.filter((name) => name in cases));
}

async function measureReaders(names) {
  if (names.length === 0) return;
  console.log(
    "\n| 300 | read everything: bytes of each | read nothing: bytes of each | pages they share, bytes |",
  );
  console.log("|---|--:|--:|--:|");
  for (const name of names) {
    const stream = await run("readers.mjs", ["reads", ...readers[name]]);
    const silent = await run("readers.mjs", ["silent", ...readers[name]]);
    const figures = [stream.each, silent.each, silent.pages].map((bytes) =>
      Math.round(bytes).toLocaleString("en"),
    );
    console.log(`| ${name} | ${figures.join(" | ")} |`);
    if (silent.each <= MOST_BYTES_OF_READER) continue;
    console.log(
      `\n${name}: ${Math.round(silent.each)} bytes of each, expected at most ${MOST_BYTES_OF_READER}`,
    );
    process.exitCode = 1;
  }
}

async function measureLimits(names) {
  if (names.length === 0) return;
  console.log("\n| limit | filled with | bytes of each | MiB at the default |");
  console.log("|---|---|--:|--:|");
  for (const name of names) {
    const { filled, each, atDefault } = await run("fill.mjs", [name]);
    console.log(
      `| ${name} | ${filled} | ${each.toLocaleString("en", { maximumSignificantDigits: 3 })} | ${(atDefault / 2 ** 20).toFixed(1)} |`,
    );
  }
}

async function run(program, args) {
  const child = fork(new URL(program, import.meta.url), args, {
    execArgv: ["--expose-gc", "--max-old-space-size=4096"],
    env: { ...process.env, NODE_ENV: "production" },
  });
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`Cannot measure: ${program} ${args.join(" ")} ended with ${code}`);
  });
  const [figures] = await Promise.race([once(child, "message"), failed]);
  failed.catch(() => undefined);
  return figures;
}
