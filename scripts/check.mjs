/**
 * `npm run check`: what is worth running before every commit, in less than a minute.
 * Prints a line for each step, and the output of those that failed.
 */
import "./node-version.mjs";
import { build, checks } from "./checks.mjs";
import { runVitest } from "./vitest.mjs";

const unitTests = {
  name: "unit tests",
  async run() {
    const { suites, code, output, seconds } = await runVitest("unit", { show: false });
    const count = (key) => suites.reduce((sum, suite) => sum + suite[key], 0);
    const clean = code === 0 && count("failed") + count("skipped") === 0;
    return { code: clean ? 0 : 1, output, seconds, note: `${count("passed")} passed` };
  },
};

const failed = [];

async function runStep(step) {
  const { code, output, seconds, note } = await step.run();
  const mark = code === 0 ? "ok  " : "FAIL";
  console.log(
    `${mark} ${step.name.padEnd(24)} ${seconds.toFixed(1).padStart(6)} s${note ? `  ${note}` : ""}`,
  );
  if (code !== 0) failed.push({ name: step.name, output });
}

const startedAt = performance.now();
await runStep(build);
if (failed.length === 0) {
  // Two at a time: several of these keep a core busy for seconds.
  const waiting = [unitTests, ...checks];
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) await runStep(step);
  };
  await Promise.all([worker(), worker()]);
}
for (const { name, output } of failed) console.log(`\n--- ${name}\n${output.trim()}`);
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  `\n${failed.length === 0 ? "All is well" : `Failed: ${failed.map(({ name }) => name).join(", ")}`} (${seconds.toFixed(0)} s)`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
