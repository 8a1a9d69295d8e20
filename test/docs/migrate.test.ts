/**
 * Code before and after, as the migration guides show it: each half is compiled and run against the same script, the old one with
 * the real package, and prints what the guide says, line for line.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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

const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

const fileOf = (guide: string): string => `docs/migrate/${guide}.md`;

let browser: Browser;
let page: { close(): Promise<void> };
beforeAll(async () => {
  browser = await engines.find(({ engine }) => engine === "chromium")!.start();
  page = await openFrames(browser);
});
afterAll(async () => {
  await browser.close();
  await page.close();
});

describe.each(
  GUIDES.filter(({ guide }) => existsSync(join(ROOT, fileOf(guide)))).map(
    (each) => [fileOf(each.guide), each] as const,
  ),
)("%s", (file, { guide, name, version, place }) => {
  const pairs = pairsOf(file, textOf(file));
  const sides = pairs.flatMap(({ old, new: replacement }) => [old, replacement]);
  let files: string[];
  let errors: Map<string, string[]>;
  beforeAll(async () => {
    const written = await writeBlocks(
      guide,
      sides.map(({ code }) => code),
      "test/migrate/.cache",
    );
    files = written.files;
    errors = await typeErrors(written.folder);
  });

  const outputOf = (side: Side): Promise<string[]> => {
    const path = files[sides.indexOf(side)]!;
    const lines = side.prints.length;
    return place === "node" ? outputInNode(path, lines) : outputInPage(browser, path, lines);
  };

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
      const path = files[sides.indexOf(side)]!;
      expect(errors.get(basename(path)) ?? []).toEqual([]);
      expect(await outputOf(side)).toEqual(side.prints);
    },
  );
});
