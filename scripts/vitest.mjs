/**
 * Runs one vitest project and sums up what it says in JSON, so that nothing is counted by reading prose.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT, run } from "./run.mjs";

/**
 * @param {"unit" | "system" | "engines" | "programs"} project
 * @param {{ show: boolean }} options - With `show` the runner's own progress is seen.
 * @returns {Promise<{ suites: Suite[], code: number, output: string, seconds: number }>} One suite per folder of tests.
 *
 * @typedef {{ name: string, passed: number, failed: number, skipped: number, seconds: number, problems: string[] }} Suite
 */
export async function runVitest(project, { show }) {
  const folder = ".cache/test-results";
  const file = join(ROOT, folder, `${project}.json`);
  mkdirSync(join(ROOT, folder), { recursive: true });
  rmSync(file, { force: true });
  const reporters = `--reporter=default --reporter=json --outputFile.json=${folder}/${project}.json`;
  const ran = await run(`vitest run --project ${project} ${reporters}`, { show });
  const suites = summarise(project, resultsIn(file));
  // An unhandled rejection, or a runner that died, fails no test and yet is a failure.
  if (ran.code !== 0 && suites.every(({ failed }) => failed === 0)) {
    suites.push(suiteOf(project, { failed: 1, problems: [`vitest ended with ${ran.code}; see its output`] }));
  }
  if (suites.length === 0) suites.push(suiteOf(project, { failed: 1, problems: ["there is no test"] }));
  return { ...ran, suites };
}

function resultsIn(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).testResults;
  } catch {
    return [];
  }
}

/** Counts what vitest's JSON says of each file. A file that could not be loaded is one failure: none of its tests was run. */
export function summarise(project, testResults) {
  const suites = new Map();
  for (const { name, status, message, startTime, endTime, assertionResults } of testResults) {
    const path = relative(ROOT, name);
    const folder = project === "unit" ? "unit" : path.split("/").slice(0, 2).join("/");
    const suite = suites.get(folder) ?? suiteOf(folder);
    suites.set(folder, suite);
    suite.seconds += Math.max(0, endTime - startTime) / 1000;
    if (status === "failed" && assertionResults.every((test) => test.status !== "failed")) {
      suite.failed++;
      suite.problems.push(`${path}: ${message || "could not be loaded"}`);
    }
    for (const test of assertionResults) {
      if (test.status === "passed") suite.passed++;
      else if (test.status === "failed") suite.failed++;
      else suite.skipped++;
      if (test.status === "passed") continue;
      // A failed test has no message of its own when what was to be done before it failed: then the file has it.
      const why = test.status === "failed" ? test.failureMessages?.[0] || message : "";
      const line = why.split("\n", 1)[0];
      suite.problems.push(`${test.status}: ${path}: ${test.fullName}${line === "" ? "" : `\n    ${line}`}`);
    }
  }
  return [...suites.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}

function suiteOf(name, known = {}) {
  return { name, passed: 0, failed: 0, skipped: 0, seconds: 0, problems: [], ...known };
}
