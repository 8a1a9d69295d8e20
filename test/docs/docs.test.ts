/**
 * Documents that are run: every block marked `test` in every Markdown file, every relative link, every path of the reading order.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { codeBlocks } from "./code-blocks.ts";
import { type DemoServer, startDemoServer } from "./demo-server.ts";
import { DOCUMENTED_PORT, ROOT, runFile, typeErrors, writeBlocks } from "./run-typescript.ts";
import { exchangesOf, printed } from "./transcript.ts";

const documents = markdownFiles(".");
const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const translations = documents.filter((file) => originalOf(file) !== file);
// The code of a translation is that of its original, which a test below holds, so it need not be run again.
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

describe("translations", () => {
  const codeOf = (file: string): string[] =>
    codeBlocks(file, textOf(file)).map(({ text }) => text.replaceAll(/ *\/\/ .*$/gm, ""));
  const headingsOf = (file: string): number => textOf(file).match(/^#+ /gm)?.length ?? 0;

  test("there is one of the README", () => {
    expect(translations).toContain("README.zh-CN.md");
  });

  test.each(translations)(
    "%s has the code of its original, but for comments, and as many headings",
    (file) => {
      const original = originalOf(file);
      expect(codeOf(file)).toEqual(codeOf(original));
      expect(headingsOf(file)).toBe(headingsOf(original));
    },
  );
});

describe("links", () => {
  const links = documents.flatMap((file) =>
    [...textOf(file).matchAll(/(?:\]\(|(?:src|href|srcset)=")(?<target>[^)\s"#]+)/g)]
      .map((match) => match.groups?.["target"] ?? "")
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => [file, target] as const),
  );
  test.each(links)("%s leads to %s, which is there", (file, target) => {
    expect(existsSync(join(ROOT, dirname(file), target))).toBe(true);
  });
});

function originalOf(file: string): string {
  return file.replace(".zh-CN.md", ".md").replace("zh-CN/", "");
}

function markdownFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name.endsWith("dist")) return [];
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}
