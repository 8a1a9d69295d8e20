/**
 * That a translation which drifted is found out.
 */
import { expect, test } from "vitest";
import { anchorsOf } from "./documents.ts";
import { type Outline, outlineOf } from "./outline.ts";

const page = (lines: Record<string, string> = {}): Outline =>
  outlineOf(
    [
      lines["heading"] ?? "## One",
      "Prose.",
      "<!-- before",
      'const unseen = "x";',
      "-->",
      "```ts test",
      lines["comment"] ?? "// above",
      lines["code"] ?? 'open("http://127.0.0.1/"); // beside',
      "```",
      "| option | |",
      "|---|---|",
      lines["row"] ?? "| `retry` | words with `code` |",
      `See [this](${lines["link"] ?? "https://example.org/a"}).`,
    ].join("\n"),
  );

test("a page is the same as itself with other words, other comments, and nothing unseen", () => {
  expect(
    page({
      heading: "## 一",
      comment: "// 上面",
      code: 'open("http://127.0.0.1/"); // 旁边',
      row: "| `retry` | 词 |",
    }),
  ).toEqual(page());
});

test.each([
  ["headings", { heading: "### One" }],
  ["code", { code: 'open("http://127.0.0.2/"); // beside' }],
  ["rows", { row: "| `retries` | words with `code` |" }],
  ["links", { link: "https://example.org/b" }],
] as const)("other %s are another outline", (part, lines) => {
  expect(page(lines)[part]).not.toEqual(page()[part]);
});

test("a heading in a code block is none", () => {
  expect(outlineOf("```md\n# Not one\n```\n# One\n").headings).toEqual(["#"]);
});

test("anchors are GitHub's", () => {
  expect([...anchorsOf("# `connect(url, options)`\n## The end\n## The end\n## 一条 不丢\n")]).toEqual([
    "connecturl-options",
    "the-end",
    "the-end-1",
    "一条-不丢",
  ]);
});
