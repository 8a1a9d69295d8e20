/**
 * The reading order names files and what to look for in them. Both are there, and no file is sent for twice.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./run-typescript.ts";

interface Stop {
  readonly path: string;
  /** What stands in code between this link and the next. */
  readonly names: readonly string[];
}

const markdown = readFileSync(join(ROOT, "docs/reading-order.md"), "utf8");
const stops = stopsOf(markdown);

test("the way leads from publish to handler through every stage", () => {
  const unbroken = stopsOf(markdown.slice(0, markdown.indexOf("## When it breaks")));
  const stages = unbroken.map(({ path }) => path.replace("packages/tidings/src/", "").split("/")[0]);
  const way = stages.filter((stage, index) => stage !== stages[index - 1]);
  expect(way).toEqual(["wire", "server", "wire", "log", "server", "deploy", "client", "wire", "client"]);
});

test("nobody is sent back to a file", () => {
  const paths = stops.map(({ path }) => path);
  expect(paths).toEqual([...new Set(paths)]);
});

describe("what each stop names is there", () => {
  test.each(stops.map((stop) => [stop.path, stop] as const))("%s", (path, { names }) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    expect(names.filter((name) => !text.includes(name))).toEqual([]);
  });
});

function stopsOf(markdown: string): Stop[] {
  return markdown
    .split("](../")
    .slice(1)
    .map((part) => ({
      path: part.slice(0, part.indexOf(")")),
      names: [...part.split(/^## /m)[0]!.matchAll(/`(?<name>[^`]+)`/g)].map(
        (match) => match.groups?.["name"] ?? "",
      ),
    }));
}
