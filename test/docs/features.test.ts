/**
 * The feature table says what is so: each yes has a test that is there, both languages have the table of the source, and a no has none.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./run-typescript.ts";

type Words = Readonly<Record<"en" | "zh-CN", string>>;

interface Claim {
  readonly value: string;
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

interface Comparison {
  readonly columns: readonly unknown[];
  readonly rows: readonly {
    readonly feature: Words;
    readonly tidings: Claim;
    readonly others: readonly string[];
  }[];
}

interface Features {
  readonly clients: Comparison;
  readonly decoders: Comparison;
  readonly ten: readonly ({ readonly feature: Words } & Claim)[];
  readonly answers: readonly ({ readonly feature: Words } & Claim)[];
}

const { PAGES, readFeatures, withTables } = (await import(join(ROOT, "scripts/features.mjs"))) as {
  PAGES: Readonly<Record<string, string>>;
  readFeatures: () => Features;
  withTables: (markdown: string, features: Features, language: string) => string;
};

const features = readFeatures();
const compared = [...features.clients.rows, ...features.decoders.rows];
const claims = [
  ...compared.map(({ feature, tidings }) => ({ feature: feature.en, ...tidings })),
  ...[...features.ten, ...features.answers].map(({ feature, value, tests }) => ({
    feature: feature.en,
    value,
    tests,
  })),
];
const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

test.each(claims)("$feature: $value", ({ value, tests }) => {
  // What is not there needs no test; whatever else is said of Tidings does.
  expect(tests.length > 0).toBe(value !== "N");
  const missing = tests.filter(({ file, name }) => !hasTest(file, name));
  expect(missing, "these tests are not in these files: correct docs/features.json").toEqual([]);
});

test("every row says something of every client", () => {
  for (const { columns, rows } of [features.clients, features.decoders]) {
    expect(rows.filter(({ others }) => others.length !== columns.length || others.includes(""))).toEqual([]);
  }
});

test("the sizes that the table says are those of docs/sizes.md", () => {
  const measured = [
    ...textOf("docs/sizes.md").matchAll(
      /^\| `(EventSource|connect)` \| tidings\/client \|.*?\| ([\d,]+) \|/gm,
    ),
  ].map(([, name, bytes = ""]) => `\`${name}\` ${(Number(bytes.replace(",", "")) / 1000).toFixed(1)} kB`);
  expect(compared.map(({ tidings }) => tidings.value)).toContain(measured.join(", "));
});

describe.each(Object.entries(PAGES))("in %s", (language, page) => {
  test("the tables are those of the source", () => {
    expect(textOf(page), "run node scripts/features.mjs").toBe(withTables(textOf(page), features, language));
  });

  test("there are tables to compare", () => {
    expect(textOf(page).match(/^\| /gm)?.length).toBeGreaterThan(features.clients.rows.length);
  });
});

/** A test of this name in a test file, or a vector of this name, which the tests of the wire run. */
function hasTest(file: string, name: string): boolean {
  if (!existsSync(join(ROOT, file))) return false;
  const literal = [`"${name}"`, `'${name}'`, `\`${name}\``];
  if (/^vectors\/.*\.json$/.test(file)) return textOf(file).includes(`"name": "${name}"`);
  return /\.test\.tsx?$/.test(file) && literal.some((text) => textOf(file).includes(text));
}
