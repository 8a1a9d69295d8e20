/**
 * Writes the tables of docs/features.md and its translation from docs/features.json, which is where they are changed:
 *
 *     node scripts/features.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./run.mjs";

/** What is known of each client, and which tests stand behind what is said of Tidings. */
export function readFeatures() {
  return JSON.parse(readFileSync(join(ROOT, "docs/features.json"), "utf8"));
}

/** The pages, by language. */
export const PAGES = { en: "docs/features.md", "zh-CN": "docs/zh-CN/features.md" };

const WORDS = {
  en: { feature: "Feature", note: "Here" },
  "zh-CN": { feature: "功能", note: "说明" },
};

/** Each table of a page in one language, by the name that its place has. */
export function tablesOf(features, language) {
  const { answers, clients, decoders, notes, ten } = features;
  return {
    clients: comparison(clients, language),
    decoders: comparison(decoders, language),
    notes: notes.map((note, index) => `- ${superscript(index + 1)} ${note[language]}`).join("\n"),
    ten: claims(ten, language),
    answers: claims(answers, language),
  };
}

/** A page with its tables as they should be. Each stands between `<!-- name -->` and `<!-- /name -->`. */
export function withTables(markdown, features, language) {
  return Object.entries(tablesOf(features, language)).reduce(
    (text, [name, table]) =>
      text.replace(
        new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`),
        (_, before, after) => `${before}\n${table}\n\n${after}`,
      ),
    markdown,
  );
}

function claims(rows, language) {
  return lines(
    ["", WORDS[language].feature, "Tidings", WORDS[language].note],
    rows.map(({ feature, note, ...tidings }, index) => [
      `${index + 1}`,
      feature[language],
      claim(tidings, language),
      note[language],
    ]),
  );
}

function comparison({ columns, rows }, language) {
  return lines(
    [
      WORDS[language].feature,
      "Tidings",
      ...columns.map(({ name, version }) => [name[language] ?? name, version].filter(Boolean).join(" ")),
    ],
    rows.map(({ feature, tidings, others }) => [feature[language], claim(tidings, language), ...others]),
  );
}

function lines(head, rows) {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** What is said of Tidings, which leads to the test behind it, and to more of them. */
function claim({ value, tests }, language) {
  return tests.length === 0
    ? value
    : tests.map((test, index) => linkTo(test, index === 0 ? value : "+", language)).join(" ");
}

function linkTo({ file, name }, text, language) {
  const path = relative(join(PAGES[language], ".."), file);
  return `[${text}](${path} "${name.replaceAll('"', "'")}")`;
}

function superscript(number) {
  return String(number).replaceAll(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [language, page] of Object.entries(PAGES)) {
    const path = join(ROOT, page);
    writeFileSync(path, withTables(readFileSync(path, "utf8"), readFeatures(), language));
  }
}
