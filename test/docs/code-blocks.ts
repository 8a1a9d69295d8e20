/**
 * Finds what a Markdown file asks to have run: fenced blocks marked `ts test`, transcripts marked `sh test`, and whatever else is
 * asked for by its mark. A block of TypeScript or JavaScript always has one of MARKS.
 * A block may be an excerpt. What a reader need not see stands beside it in comments that no page shows:
 *
 *     <!-- before            <!-- after
 *     const app = …;         assert.equal(…);
 *     -->                    -->
 */

export interface CodeBlock {
  /** The file, from the repository's root, and the line where its fence stands, from 1. */
  readonly name: string;
  readonly language: "ts" | "js" | "sh" | "text";
  /** What stands after the language. */
  readonly flag: string;
  /** What a reader sees. */
  readonly text: string;
  readonly before: string;
  readonly after: string;
}

const FENCE =
  /^(?<before><!-- before\n(?<setup>[^]*?)\n-->\n\n?)?^```(?<info>[^\n`]*)\n(?<text>[^]*?)^```$(?<rest>\n\n?<!-- after\n(?<check>[^]*?)\n-->$)?/gm;

/** What may stand after the language of a block of TypeScript or JavaScript, and the pages where a test looks for it. */
const MARKS: ReadonlyMap<string, { readonly pages: RegExp; readonly means: string }> = new Map([
  ["test", { pages: /./, means: "it is type-checked and run" }],
  ["compiles", { pages: /./, means: "it is type-checked" }],
  ["unchecked", { pages: /./, means: "no test reads it; <!-- unchecked: … --> in the line before says why" }],
  ["old", { pages: /^docs\/migrate\/from-(?:event|fetch)/, means: "the old half of a pair" }],
  ["new", { pages: /^docs\/migrate\/from-(?:event|fetch)/, means: "the new half of a pair" }],
  ["file-log", { pages: /^docs\/logs\/writing\.md$/, means: "a part of the log of that page" }],
  ["renders", { pages: /^docs\/react\.md$/, means: "test/ui type-checks and renders it" }],
  ["file", { pages: /^docs\/mini-program\.md$/, means: "the text of a file that test/mini-program runs" }],
  ...["nest", "next", "bun", "deno", "worker"].map(
    (host) => [host, { pages: /^docs\/frameworks\.md$/, means: `it runs on ${host}` }] as const,
  ),
]);
const CODE = /^(?:[cm]?[jt]sx?|javascript|typescript)$/i;

/**
 * Finds blocks of TypeScript and JavaScript that no test would look at.
 * @param page - The file. That of a translation is the original's.
 * @param isTranslation - Whether reasons stand in another file. Default: false.
 * @returns What is wrong with each, with its line.
 */
export function unmarked(page: string, markdown: string, isTranslation = false): string[] {
  const wrong: string[] = [];
  let fence: string | undefined;
  const lines = markdown.split("\n");
  for (const [index, line] of lines.entries()) {
    const { opened, info = "" } = /^[\s>]*(?<opened>`{3,}|~{3,})(?<info>[^`]*)$/.exec(line)?.groups ?? {};
    if (opened === undefined) continue;
    if (fence !== undefined) {
      if (info.trim() === "" && opened.startsWith(fence)) fence = undefined;
      continue;
    }
    fence = opened;
    const [language = "", ...words] = info.trim().split(/\s+/);
    if (!CODE.test(language)) continue;
    const mark = words.join(" ");
    const at = `${page}:${index + 1}: \`${info.trim()}\``;
    if (line !== `\`\`\`${info.trim()}`)
      wrong.push(`${at} is indented or fenced otherwise, so no test finds it`);
    else if (MARKS.get(mark)?.pages.test(page) !== true)
      wrong.push(`${at} has no mark of this page. ${marksOf(page)}`);
    else if (
      mark === "unchecked" &&
      !isTranslation &&
      !/^<!-- unchecked: .+ -->$/.test(lines[index - 1] ?? "")
    )
      wrong.push(`${at} does not say why: <!-- unchecked: … --> in the line before`);
  }
  return wrong;
}

function marksOf(page: string): string {
  const marks = [...MARKS].filter(([, { pages }]) => pages.test(page));
  return `Write one after its language: ${marks.map(([mark, { means }]) => `${mark} (${means})`).join(", ")}`;
}

/** @param flags - The marks to look for. */
export function codeBlocks(file: string, markdown: string, flags: readonly string[] = ["test"]): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (const match of markdown.matchAll(FENCE)) {
    const { before = "", setup = "", info = "", text = "", check = "" } = match.groups ?? {};
    const [language, ...words] = info.trim().split(/\s+/);
    const flag = words.join(" ");
    if (!flags.includes(flag)) continue;
    if (language !== "ts" && language !== "js" && language !== "sh" && language !== "text") {
      throw new TypeError(
        `Cannot test a block of ${file}: its language is ${language}, expected ts, js, sh or text`,
      );
    }
    const line = markdown.slice(0, match.index + before.length).split("\n").length;
    blocks.push({ name: `${file}:${line}`, language, flag, text, before: setup, after: check });
  }
  return blocks;
}
