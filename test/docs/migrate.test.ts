/**
 * Code before and after, as the migration guides show it: each half is compiled and run against the same script, the old one with
 * the real package, and prints what the guide says, line for line.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Browser, engines } from "../browsers/index.ts";
import { pairsOf, type Side } from "./before-and-after.ts";
import { openFrames, outputInNode, outputInPage } from "./run-client.ts";
import { ROOT, typeErrors, writeBlocks } from "./run-typescript.ts";

/** Each guide, its package, and where the code of that package runs. */
const GUIDES = [
  { guide: "from-eventsource", name: "eventsource", version: "5.1.5", place: "node" },
  { guide: "from-eventsource-client", name: "eventsource-client", version: "1.2.0", place: "node" },
  {
    guide: "from-fetch-event-source",
    name: "@microsoft/fetch-event-source",
    version: "2.0.1",
    place: "page",
  },
  { guide: "from-event-source-polyfill", name: "event-source-polyfill", version: "1.0.31", place: "page" },
] as const;

// They wait for streams that wait, and hardly compute.
vi.setConfig({ maxConcurrency: 4 });

const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const guides = GUIDES.map((each) => {
  const file = `docs/migrate/${each.guide}.md`;
  const pairs = pairsOf(file, textOf(file));
  return { ...each, file, pairs, sides: pairs.flatMap(({ old, new: replacement }) => [old, replacement]) };
});

let browser: Browser;
let page: { close(): Promise<void> };
let paths: Map<Side, string>;
let errors: Map<string, string[]>;
beforeAll(async () => {
  browser = await engines.find(({ engine }) => engine === "chromium")!.start();
  page = await openFrames(browser);
  const sides = guides.flatMap(({ sides }) => sides);
  const blocks = sides.map(({ code }) => code);
  const { folder, files } = await writeBlocks("blocks", blocks, "test/migrate/.cache");
  paths = new Map(sides.map((side, index) => [side, files[index]!]));
  errors = await typeErrors(folder);
});
afterAll(async () => {
  await browser.close();
  await page.close();
});

describe.each(guides.map((guide) => [guide.file, guide] as const))("%s", (file, guide) => {
  const { name, version, place, pairs, sides } = guide;

  test(`is about the version that is installed, ${version}`, () => {
    const installed = JSON.parse(textOf(`test/migrate/node_modules/${name}/package.json`)) as {
      version: string;
    };
    expect(installed.version).toBe(version);
    expect(textOf(file)).toContain(version);
  });

  test("uses the old client before, and this one after", () => {
    expect(pairs.length).toBeGreaterThan(4);
    for (const { old, new: replacement } of pairs) {
      expect(old.code.text).toContain(`from "${name}"`);
      expect(replacement.code.text).toMatch(/from "tidings\/client"|import "tidings\/client\/polyfill"/);
    }
  });

  test.concurrent.each(sides.map((side) => [side.code.name, side] as const))(
    "%s compiles, and prints what is shown",
    async (_, side) => {
      const path = paths.get(side)!;
      expect(errors.get(basename(path)) ?? []).toEqual([]);
      const lines = side.prints.length;
      const output = place === "node" ? outputInNode(path, lines) : outputInPage(browser, path, lines);
      expect(await output).toEqual(side.prints);
    },
  );
});
