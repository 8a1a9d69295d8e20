/**
 * `npm run bench answers [-- tokens | resume | memory | faults]`: answers beside a bare openStream and beside resumable-stream over the same Redis.
 * Needs redis-server, and `npm ci` in test/answers.
 *
 *     npm run bench answers -- faults --answers 2000
 */
import { execSync } from "node:child_process";
import { parseArgs } from "node:util";
import { measureFaults } from "./faults.mjs";
import { measureMemory } from "./memory.mjs";
import { measureResume } from "./resume.mjs";
import { measureTokens } from "./tokens.mjs";

const PARTS = { tokens: measureTokens, resume: measureResume, memory: measureMemory, faults: measureFaults };

export async function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { answers: { type: "string", default: "0" } },
  });
  execSync("npm run build --silent --workspace tidings", { stdio: ["ignore", "ignore", "inherit"] });
  for (const [name, measure] of Object.entries(PARTS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const section = await measure(Number(values.answers));
    process.stdout.write(`\n${section.title}\n\n${section.text}\n\n${section.table}\n`);
  }
}
