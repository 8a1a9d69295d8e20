/**
 * That documents which are wrong are found out: a harness that passes everything would look like documents that are right.
 */
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { pairsOf } from "./before-and-after.ts";
import { codeBlocks, unmarked } from "./code-blocks.ts";
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

describe("a block of code", () => {
  const block = (info: string, ...before: string[]): string =>
    markdown(...before, `\`\`\`${info}`, "1;", "```");

  test.each(["ts", "ts tests", "tsx", "js", "ts old", "typescript", "javascript"])(
    "marked as `%s` is not left out",
    (info) => {
      expect(unmarked("a.md", block(info, "# Title"))).toEqual([
        expect.stringContaining(`a.md:2: \`${info}\``),
      ]);
    },
  );

  test("that is indented or quoted, so that no test would find it, is not left out", () => {
    for (const indent of ["  ", "> "]) {
      const [wrong] = unmarked("a.md", block("ts test").replaceAll(/^/gm, indent));
      expect(wrong).toContain("indented");
    }
  });

  test("with a mark of its page is right, and so is code in a block of Markdown", () => {
    expect(
      unmarked("a.md", markdown(block("ts test"), block("js compiles"), block("sh"), block("json"))),
    ).toEqual([]);
    expect(unmarked("docs/migrate/from-eventsource.md", block("ts old"))).toEqual([]);
    expect(unmarked("a.md", markdown("````md", block("ts"), "````"))).toEqual([]);
  });

  test("that is not checked says why, in the original", () => {
    expect(unmarked("a.md", block("ts unchecked"))).toEqual([expect.stringContaining("does not say why")]);
    expect(unmarked("a.md", block("ts unchecked", "<!-- unchecked: wrong on purpose -->"))).toEqual([]);
    expect(unmarked("a.md", block("ts unchecked"), true)).toEqual([]);
  });
});

test("a block has the types of a library that one of the tests has installed", async () => {
  const blocks = ["REDIS", "url"].map(
    (name) =>
      codeBlocks(
        `${name}.md`,
        markdown(
          "```ts compiles",
          'import { createClient } from "redis";',
          `createClient({ ${name}: "redis://a" });`,
          "```",
        ),
        ["compiles"],
      )[0]!,
  );
  const { folder, files } = await writeBlocks("harness", blocks);
  expect([...(await typeErrors(folder)).keys()]).toEqual([basename(files[0]!)]);
});

test("a compiler that does not get to the blocks is not taken for one that finds nothing", async () => {
  const { folder } = await writeBlocks("harness", []);
  await expect(typeErrors(folder)).rejects.toThrow("Cannot check types");
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
