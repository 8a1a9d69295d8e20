/**
 * How `npm test` counts: nothing that did not pass may look as if it had.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../docs/run-typescript.ts";

interface Suite {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly problems: readonly string[];
}
type Summarise = (project: string, testResults: unknown[]) => Suite[];

// Plain JavaScript, since it runs before there is a compiler.
const { summarise } = (await import(join(ROOT, "scripts/vitest.mjs"))) as { summarise: Summarise };

const file = (path: string, status: string, ...statuses: string[]): unknown => ({
  name: join(ROOT, path),
  status,
  message: "",
  startTime: 1000,
  endTime: 3000,
  assertionResults: statuses.map((status) => ({ status, fullName: `that is ${status}` })),
});

test("tests are counted by the folder they are in", () => {
  const suites = summarise("system", [
    file("test/docs/a.test.ts", "passed", "passed", "passed"),
    file("deploy/nginx/b.test.ts", "passed", "passed"),
    file("test/docs/c.test.ts", "failed", "passed", "failed"),
  ]);
  expect(suites).toMatchObject([
    { name: "deploy/nginx", passed: 1, failed: 0, skipped: 0, seconds: 2, problems: [] },
    { name: "test/docs", passed: 3, failed: 1, skipped: 0, seconds: 4 },
  ]);
  expect(suites[1]?.problems).toEqual(["failed: test/docs/c.test.ts: that is failed"]);
});

test("whatever did not run is skipped, by whatever name, and is said", () => {
  const [suite] = summarise("unit", [
    file("a.test.ts", "passed", "passed", "skipped", "pending", "todo", "disabled"),
  ]);
  expect(suite).toMatchObject({ name: "unit", passed: 1, failed: 0, skipped: 4 });
  expect(suite?.problems).toHaveLength(4);
});

test("a file that could not be loaded is a failure, though none of its tests is", () => {
  const [suite] = summarise("unit", [file("a.test.ts", "failed")]);
  expect(suite).toMatchObject({ passed: 0, failed: 1, problems: ["a.test.ts: could not be loaded"] });
});
