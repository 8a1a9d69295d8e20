/**
 * `npm test`: everything, from a fresh clone with nothing but Node and npm.
 * Installs what is missing, builds, checks, runs every test, and ends with the line `N passed, N failed`.
 * A test that was skipped or left to do counts as failed: a suite that skips looks like one that passes.
 */
import "./node-version.mjs";
import { isInstalled, lockedFolders } from "./installs.mjs";
import { fetchNewerNats, hasNewerNats } from "./newer-nats.mjs";
import { run } from "./run.mjs";
import { installWithApt, missingParts } from "./system-parts.mjs";

const startedAt = performance.now();
const suites = [];

function say(text) {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(
    `[${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, "0")}] ${text}`,
  );
}

/** Runs something that passes or fails as a whole, as the single test of its suite. */
async function step(suite, name, runStep) {
  const { code, output, seconds } = await runStep();
  say(`${code === 0 ? "ok  " : "FAIL"} ${name} (${seconds.toFixed(1)} s)`);
  if (code !== 0) console.log(output.trim());
  const failed = code === 0 ? 0 : 1;
  const known = suites.find((other) => other.name === suite);
  const row = known ?? { name: suite, passed: 0, failed: 0, skipped: 0, seconds: 0, problems: [] };
  if (known === undefined) suites.push(row);
  row.passed += 1 - failed;
  row.failed += failed;
  row.seconds += seconds;
  if (failed === 1) row.problems.push(name);
  return code === 0;
}

async function install() {
  for (const folder of lockedFolders()) {
    if (isInstalled(folder)) continue;
    say(`npm ci in ${folder}`);
    // The tests' own installs are of programs that need no scripts of theirs; ours needs none but lmdb's, which is prebuilt.
    const installed = await step("install", `npm ci in ${folder}`, () =>
      run("npm ci --ignore-scripts --no-audit --no-fund", { cwd: folder }),
    );
    if (!installed && folder === ".") return false;
  }
  const missing = missingParts();
  if (missing.names.length > 0) {
    say(`installing ${missing.packages.join(" ")}`);
    await step("install", `the system has ${missing.names.join(", ")}`, async () => {
      const beganAt = performance.now();
      const output = await installWithApt(missing.packages);
      const stillMissing = missingParts().names;
      return {
        code: stillMissing.length === 0 ? 0 : 1,
        output: `Cannot run all tests: ${stillMissing.join(", ")} missing; ${output ?? "apt-get did not bring it"}`,
        seconds: (performance.now() - beganAt) / 1000,
      };
    });
  }
  if (!hasNewerNats()) {
    // Where they cannot be had, the tests of the log in NATS run on the system's server alone.
    const failure = await fetchNewerNats();
    say(failure === undefined ? "fetched newer servers of NATS" : `no newer servers of NATS: ${failure}`);
  }
  return true;
}

async function test() {
  if (!(await install())) return;
  // Only now is there a node_modules that these may need.
  const { build, checks } = await import("./checks.mjs");
  const { runVitest } = await import("./vitest.mjs");
  if (!(await step("checks", build.name, build.run))) return;
  for (const check of checks) await step("checks", check.name, check.run);
  say("unit tests");
  suites.push(...(await runVitest("unit", { show: true })).suites);
  say("system tests, and beside them those of engines, and then of programs");
  const besides = runOneByOne(runVitest, ["engines", "programs"]);
  suites.push(...(await runVitest("system", { show: true })).suites);
  for (const { project, output, suites: ran } of await besides) {
    say(`tests of ${project}`);
    console.log(output.trim());
    suites.push(...ran);
  }
}

async function runOneByOne(runVitest, projects) {
  const ran = [];
  for (const project of projects) ran.push({ project, ...(await runVitest(project, { show: false })) });
  return ran;
}

function summary() {
  const sum = (key) => suites.reduce((total, suite) => total + suite[key], 0);
  const rows = suites.map(({ name, passed, failed, skipped, seconds }) => [
    name,
    passed,
    failed,
    skipped,
    seconds.toFixed(1),
  ]);
  const total = [
    "all",
    sum("passed"),
    sum("failed"),
    sum("skipped"),
    ((performance.now() - startedAt) / 1000).toFixed(1),
  ];
  const width = Math.max(...rows.map(([name]) => name.length), 5);
  const line = ([name, ...cells]) =>
    name.padEnd(width) + cells.map((cell) => String(cell).padStart(9)).join("");
  console.log(`\n${line(["suite", "passed", "failed", "skipped", "seconds"])}`);
  for (const row of [...rows, total]) console.log(line(row));
  const problems = suites.flatMap((suite) => suite.problems.map((problem) => `  ${suite.name}: ${problem}`));
  if (problems.length > 0)
    console.log(`\nNot passed (a skipped test counts as failed):\n${problems.join("\n")}`);
  return { passed: sum("passed"), failed: sum("failed") + sum("skipped") };
}

try {
  await test();
} catch (error) {
  suites.push({ name: "scripts", passed: 0, failed: 1, skipped: 0, seconds: 0, problems: [String(error)] });
  console.error(error);
}
const { passed, failed } = summary();
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
