/**
 * Documents that are run: every block marked `test` in every Markdown file is, those marked `compiles` are type-checked, none is without a
 * mark, and every relative link leads somewhere.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { codeBlocks, unmarked } from "./code-blocks.ts";
import { anchorsOf, documents, originalOf } from "./documents.ts";
import { type DemoServer, startDemoServer } from "./demo-server.ts";
import { DOCUMENTED_PORT, ROOT, runFile, typeErrors, writeBlocks } from "./run-typescript.ts";
import { exchangesOf, printed } from "./transcript.ts";

const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const translations = documents.filter((file) => originalOf(file) !== file);
// The code of a translation is that of its original, which pairs.test.ts holds, so it need not be run again.
const blocks = documents
  .filter((file) => !translations.includes(file))
  .flatMap((file) => codeBlocks(file, textOf(file)));

describe("TypeScript", () => {
  const typescript = blocks.filter(({ language }) => language === "ts");
  let files: string[];
  let errors: Map<string, string[]>;
  beforeAll(async () => {
    const written = await writeBlocks("blocks", typescript);
    files = written.files;
    errors = await typeErrors(written.folder);
  });

  test("there are blocks to run in the README", () => {
    expect(typescript.filter(({ name }) => name.startsWith("README.md:")).length).toBeGreaterThan(2);
  });

  test.each(typescript.map(({ name }, index) => [name, index] as const))(
    "%s compiles and runs",
    async (_, index) => {
      const file = files[index] ?? "";
      expect(errors.get(basename(file)) ?? []).toEqual([]);
      await expect(runFile(file)).resolves.toEqual(expect.any(String));
    },
  );
});

describe("code that is not run", () => {
  const compiled = documents
    .filter((file) => !translations.includes(file))
    .flatMap((file) => codeBlocks(file, textOf(file), ["compiles"]));
  let files: string[];
  let errors: Map<string, string[]>;
  beforeAll(async () => {
    // The page about it writes a module over many blocks, and then uses it.
    const parts = codeBlocks("docs/logs/writing.md", textOf("docs/logs/writing.md"), ["file-log"]);
    const fileLog = { ...parts[0]!, name: "file-log", text: parts.map(({ text }) => text).join("\n") };
    const written = await writeBlocks("compiled", [...compiled, fileLog]);
    files = written.files;
    errors = await typeErrors(written.folder);
  });

  test.each(compiled.map(({ name }, index) => [name, index] as const))("%s compiles", (_, index) => {
    expect(errors.get(basename(files[index]!)) ?? []).toEqual([]);
  });

  test("no block is without a mark", () => {
    const wrong = documents.flatMap((file) =>
      unmarked(originalOf(file), textOf(file), translations.includes(file)),
    );
    expect(wrong).toEqual([]);
  });
});

describe("transcripts", () => {
  const transcripts = blocks.filter(({ language }) => language === "sh");
  let server: DemoServer;
  beforeAll(async () => {
    server = await startDemoServer();
  });
  afterAll(() => server.stop());

  const exchanges = transcripts.flatMap(({ name, text }) =>
    exchangesOf(text).map(({ command, shown }) => [name, command, shown] as const),
  );
  test("each way to ask the demo server is shown", () => {
    const commands = exchanges.map(([, command]) => command).join("\n");
    expect(commands).toContain("/api/sse");
    expect(commands).toContain("/api/chat");
  });

  test.each(exchanges)("%s: %s", async (_, command, shown) => {
    expect(await printed(command.replaceAll(DOCUMENTED_PORT, server.port))).toBe(shown);
  });
});

describe("links", () => {
  const links = documents.flatMap((file) =>
    [
      ...textOf(file).matchAll(
        /(?:\]\(|(?:src|href|srcset)=")(?<target>[^)\s"#]*)(?:#(?<anchor>[^)\s"]+))?[)"]/g,
      ),
    ]
      .map(({ groups = {} }) => ({ target: groups["target"] ?? "", anchor: groups["anchor"] ?? "" }))
      .filter(({ target }) => !/^[a-z]+:/.test(target))
      .map(({ target, anchor }) => ({
        file,
        path: target === "" ? file : join(dirname(file), target),
        anchor,
      })),
  );
  test.each(links)("$file leads to $path, which is there", ({ path }) => {
    expect(existsSync(join(ROOT, path))).toBe(true);
  });

  const anchored = links.filter(({ anchor }) => anchor !== "");
  test.each(anchored)("$file leads to $path#$anchor, which is a heading there", ({ path, anchor }) => {
    expect([...anchorsOf(textOf(path))]).toContain(decodeURIComponent(anchor));
  });
});
