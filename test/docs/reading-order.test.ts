/**
 * The reading order names files and what to look for in them. Both are there, and its walks are as long as it says.
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
const sections = new Map(
  markdown.split(/^## /m).map((text) => [text.slice(0, text.indexOf("\n")), text] as const),
);

/** At most so many files, and so many steps back: what a reader can hold in mind. */
const WALKS: [name: string, mostFiles: number, mostReturns: number][] = [
  ["From publish to handler", 16, 2],
  ["From request to open stream", 14, 2],
  ["A slow reader, and back", 9, 2],
];

describe.each(WALKS)("%s", (name, mostFiles, mostReturns) => {
  const section = sections.get(name)!;
  const walk = stepsOf(section);
  const files = new Set(walk);
  const returns = walk.length - files.size;

  test("is as long as the page says, and no longer than it may be", () => {
    const said = /(?<files>\d+) files, (?<returns>\d+) returns?\./.exec(section)?.groups;
    expect(said).toMatchObject({ files: String(files.size), returns: String(returns) });
    expect(files.size).toBeLessThanOrEqual(mostFiles);
    expect(returns).toBeLessThanOrEqual(mostReturns);
  });

  test("no step stays in the file before", () => {
    expect(walk.filter((path, index) => path === walk[index - 1])).toEqual([]);
  });
});

test("a message passes every stage, in one direction", () => {
  const stages = stepsOf(sections.get("From publish to handler")!).map((path) => path.split("/")[0]);
  const way = stages.filter((stage, index) => stage !== stages[index - 1]);
  expect(way).toEqual(["server", "wire", "log", "server", "client", "wire", "client"]);
});

describe("what each stop names is there", () => {
  const stops = stopsOf(markdown);
  test.each(stops.map((stop, index) => [`${index + 1}. ${stop.path}`, stop] as const))(
    "%s",
    (_, { path, names }) => {
      const text = readFileSync(join(ROOT, path), "utf8");
      expect(names.filter((name) => !text.includes(name))).toEqual([]);
    },
  );
});

/** The files of a numbered list: the first link of each item. */
function stepsOf(section: string): string[] {
  return [...section.matchAll(/^\d+\. \[[^\]]+\]\(\.\.\/packages\/tidings\/src\/(?<path>[^)]+)\)/gm)].map(
    (match) => match.groups!["path"]!,
  );
}

function stopsOf(markdown: string): Stop[] {
  return markdown
    .split("](../")
    .slice(1)
    .map((part) => ({
      path: part.slice(0, part.indexOf(")")),
      names: [...part.split(/^## |^\d+\. /m)[0]!.matchAll(/`(?<name>[^`]+)`/g)].map(
        (match) => match.groups?.["name"] ?? "",
      ),
    }));
}
