/**
 * That documents which are wrong are found out: a harness that passes everything would look like documents that are right.
 */
import { basename } from "node:path";
import { expect, test } from "vitest";
import { pairsOf } from "./before-and-after.ts";
import { codeBlocks } from "./code-blocks.ts";
import { runFile, typeErrors, writeBlocks } from "./run-typescript.ts";
import { exchangesOf, printed } from "./transcript.ts";

const markdown = (...lines: string[]): string => lines.join("\n");

test("blocks are found by their mark, with what stands beside them unseen", () => {
  const text = markdown(
    "# Title",
    "```ts",
    "not this one",
    "```",
    "<!-- before",
    "const a = 1;",
    "-->",
    "```ts test",
    "const b = a;",
    "```",
    "<!-- after",
    "assert.equal(b, 1);",
    "-->",
    "```sh test",
    "$ true",
    "```",
  );
  expect(codeBlocks("a.md", text)).toEqual([
    {
      name: "a.md:8",
      language: "ts",
      flag: "test",
      before: "const a = 1;",
      text: "const b = a;\n",
      after: "assert.equal(b, 1);",
    },
    { name: "a.md:14", language: "sh", flag: "test", before: "", text: "$ true\n", after: "" },
  ]);
});

test("a mark on a language that cannot be run is refused", () => {
  expect(() => codeBlocks("a.md", markdown("```python test", "pass", "```"))).toThrow(
    "its language is python",
  );
});

test("a block that calls what is not there does not compile", async () => {
  const blocks = codeBlocks(
    "a.md",
    markdown("```ts test", 'import { encoed } from "tidings";', "encoed();", "```"),
  );
  const { folder, files } = await writeBlocks("harness", blocks);
  const errors = await typeErrors(folder);
  expect(errors.get(basename(files[0] ?? ""))?.join()).toContain("encoed");
});

test("a block with a right use compiles, and one beside it with a wrong one does not spoil it", async () => {
  const blocks = codeBlocks(
    "a.md",
    markdown(
      "```ts test",
      'import { encode } from "tidings";',
      'assert.equal(encode({ data: "1" }), "data: 1\\n\\n");',
      "```",
      "```ts test",
      "const wrong: string = 1;",
      "```",
    ),
  );
  const { folder, files } = await writeBlocks("harness", blocks);
  expect([...(await typeErrors(folder)).keys()]).toEqual([basename(files[1] ?? "")]);
  expect(await runFile(files[0] ?? "")).toBe("");
});

test("a block whose assertion fails, fails", async () => {
  const { files } = await writeBlocks(
    "harness",
    codeBlocks("a.md", markdown("```ts test", "assert.equal(1, 2);", "```")),
  );
  await expect(runFile(files[0] ?? "")).rejects.toThrow("1 !== 2");
});

test("a block that rejects unheard, fails", async () => {
  const block = markdown("```ts test", 'void Promise.reject(new Error("unheard"));', "```");
  const { files } = await writeBlocks("harness", codeBlocks("a.md", block));
  await expect(runFile(files[0] ?? "")).rejects.toThrow("unheard");
});

test("a transcript is its commands and what they print, times apart", async () => {
  const [first, second] = exchangesOf("$ echo at 10:00:00\nat 23:59:59\n$ printf 'a\\n' \\\n  | cat\nb\n");
  expect(await printed(first?.command ?? "")).toBe(first?.shown);
  expect(await printed(second?.command ?? "")).toBe("a");
  expect(second?.shown).toBe("b");
});

test("a command that fails is not taken for one that prints nothing", async () => {
  await expect(printed("echo half; exit 3")).rejects.toThrow("exit 3");
});

const pair = (...prints: string[]): string =>
  markdown("```ts old", "1;", "```", "```ts new", "2;", "```", ...prints);

test("a pair is code before, code after, and what both print, or each", () => {
  const [both] = pairsOf("a.md", pair("```text both print", "one", "two", "```"));
  expect([both?.old.prints, both?.new.prints]).toEqual([
    ["one", "two"],
    ["one", "two"],
  ]);
  const [each] = pairsOf(
    "a.md",
    pair("```text old prints", "one", "```", "```text new prints", "two", "```"),
  );
  expect([each?.old.prints, each?.new.prints]).toEqual([["one"], ["two"]]);
});

test("a pair that does not say what it prints is refused", () => {
  expect(() => pairsOf("a.md", pair())).toThrow("its blocks are old, new, expected");
});
