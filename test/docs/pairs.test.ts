/**
 * Every page of the documents stands in English and in Chinese, and the two cannot drift apart unseen.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { documents, originalOf, translationOf } from "./documents.ts";
import { outlineOf } from "./outline.ts";
import { ROOT } from "./run-typescript.ts";

/** Pages in English alone, and why. */
const ENGLISH_ALONE = new Map([
  ["docs/performance.md", "written by npm run bench wire"],
  ["docs/performance-hub.md", "written by npm run bench hub"],
  ["docs/scoreboard.md", "written by npm run bench wire"],
  ["docs/cli/doctor-table.md", "written by node scripts/doctor-table.mjs"],
  ["docs/sizes.md", "written by npm run bench sizes"],
  ["docs/reading-order.md", "leads through code, whose comments are English"],
]);

const SAME = {
  headings: "as many, as deep, in the same order",
  code: "the same blocks, but for comments",
  rows: "as many rows in each table, with the same code in their first cells",
  links: "the same links to other sites, in any order",
};

const pages = documents.filter((file) => /^(README|docs\/(?!zh-CN\/).*)\.md$/.test(file));
const paired = pages.filter((file) => !ENGLISH_ALONE.has(file));
const translated = paired.filter((file) => documents.includes(translationOf(file)));
const outlineOfFile = (file: string) => outlineOf(readFileSync(join(ROOT, file), "utf8"));

test("pages that stand in English alone are there, and have no translation", () => {
  const wrong = [...ENGLISH_ALONE.keys()].filter(
    (file) => !pages.includes(file) || documents.includes(translationOf(file)),
  );
  expect(wrong, "take these out of ENGLISH_ALONE").toEqual([]);
});

test("the index leads to every page", () => {
  const index = readFileSync(join(ROOT, "docs/README.md"), "utf8");
  const left = pages.filter(
    (file) => /^docs\/.*(?<!README)\.md$/.test(file) && !index.includes(`](${file.slice(5)})`),
  );
  expect(
    left,
    "put these where a reader will look for them, in docs/README.md and docs/zh-CN/README.md",
  ).toEqual([]);
});

test("no translation has lost its original", () => {
  const lost = documents.filter((file) => originalOf(file) !== file && !documents.includes(originalOf(file)));
  expect(lost).toEqual([]);
});

test.each(paired)("%s stands in Chinese", (file) => {
  const translation = translationOf(file);
  expect(
    translated.includes(file),
    `${translation} is not there. Write it with the same headings, code blocks and table rows as ${file}: ` +
      `only prose and the comments in code are translated, and what stands in <!-- --> is left out. ` +
      `Take your words from README.zh-CN.md and docs/zh-CN. ` +
      `A page that is to stand in English alone goes into ENGLISH_ALONE, with the reason.`,
  ).toBe(true);
});

describe.each(translated)("%s and its translation", (file) => {
  test.each(["headings", "code", "rows", "links"] as const)("have the same %s", (part) => {
    const translation = translationOf(file);
    expect(
      outlineOfFile(translation)[part],
      `The ${part} of ${translation} are not those of ${file} (${SAME[part]}). Make the same change in both.`,
    ).toEqual(outlineOfFile(file)[part]);
  });
});
