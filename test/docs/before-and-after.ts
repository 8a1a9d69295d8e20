/**
 * Finds the pairs of a migration guide: code for another client, code that does the same here, and what they print.
 *
 *     ```ts old        ```ts new        ```text both print
 *     …                …                …
 *
 * Where they print different things, which is then what the pair is about, there are two blocks: `old prints` and `new prints`.
 */
import { type CodeBlock, codeBlocks } from "./code-blocks.ts";

export interface Pair {
  /** The file, and the line where the old code begins. */
  readonly name: string;
  readonly old: Side;
  readonly new: Side;
}

export interface Side {
  readonly code: CodeBlock;
  /** The lines that it prints, and no others. */
  readonly prints: readonly string[];
}

const FLAGS = ["old", "new", "both print", "old prints", "new prints"];

export function pairsOf(file: string, markdown: string): Pair[] {
  const blocks = codeBlocks(file, markdown, FLAGS);
  const pairs: Pair[] = [];
  while (blocks.length > 0) {
    const [old, replacement, first, second] = blocks;
    const flags = blocks.slice(0, 4).map(({ flag }) => flag);
    const isAlike = flags.slice(0, 3).join() === "old,new,both print";
    if (!isAlike && flags.join() !== "old,new,old prints,new prints") {
      throw new TypeError(
        `Cannot read pair at ${old?.name}: its blocks are ${flags.join(", ")}, expected old, new, both print; or old, new, old prints, new prints`,
      );
    }
    pairs.push({
      name: old!.name,
      old: { code: old!, prints: linesOf(first!) },
      new: { code: replacement!, prints: linesOf(isAlike ? first! : second!) },
    });
    blocks.splice(0, isAlike ? 3 : 4);
  }
  return pairs;
}

function linesOf({ text }: CodeBlock): string[] {
  return text.trimEnd().split("\n");
}
