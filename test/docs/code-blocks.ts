/**
 * Finds what a Markdown file asks to have run: fenced blocks marked `ts test`, transcripts marked `sh test`, and whatever else is
 * asked for by its mark.
 * A block may be an excerpt. What a reader need not see stands beside it in comments that no page shows:
 *
 *     <!-- before            <!-- after
 *     const app = …;         assert.equal(…);
 *     -->                    -->
 */

export interface CodeBlock {
  /** The file, from the repository's root, and the line where its fence stands, from 1. */
  readonly name: string;
  readonly language: "ts" | "sh" | "text";
  /** What stands after the language. */
  readonly flag: string;
  /** What a reader sees. */
  readonly text: string;
  readonly before: string;
  readonly after: string;
}

const FENCE =
  /^(?<before><!-- before\n(?<setup>[^]*?)\n-->\n\n?)?^```(?<info>[^\n`]*)\n(?<text>[^]*?)^```$(?<rest>\n\n?<!-- after\n(?<check>[^]*?)\n-->$)?/gm;

/** @param flags - The marks to look for. */
export function codeBlocks(file: string, markdown: string, flags: readonly string[] = ["test"]): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (const match of markdown.matchAll(FENCE)) {
    const { before = "", setup = "", info = "", text = "", check = "" } = match.groups ?? {};
    const [language, ...words] = info.trim().split(/\s+/);
    const flag = words.join(" ");
    if (!flags.includes(flag)) continue;
    if (language !== "ts" && language !== "sh" && language !== "text") {
      throw new TypeError(
        `Cannot test a block of ${file}: its language is ${language}, expected ts, sh or text`,
      );
    }
    const line = markdown.slice(0, match.index + before.length).split("\n").length;
    blocks.push({ name: `${file}:${line}`, language, flag, text, before: setup, after: check });
  }
  return blocks;
}
