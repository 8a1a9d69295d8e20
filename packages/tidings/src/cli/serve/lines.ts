/**
 * Lines out of bytes that are cut anywhere.
 */

/** In characters, of three bytes at most: below what a hub and clients take as one message. A longer line is cut into several. */
const LONGEST_LINE = 2 ** 18;

export interface Lines {
  push(bytes: Uint8Array): void;
  /** The last line had no end. */
  end(): void;
}

export function splitLines(onLine: (line: string) => void): Lines {
  const decoder = new TextDecoder();
  let rest = "";
  return {
    push(bytes) {
      rest += decoder.decode(bytes, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(cut(line.replace(/\r$/, "")));
      rest = cut(rest);
    },
    end() {
      rest = cut(rest + decoder.decode());
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };

  /** Hands on what is too long. @returns What is left, which is not. */
  function cut(line: string): string {
    let from = 0;
    while (line.length - from > LONGEST_LINE) {
      let to = from + LONGEST_LINE;
      // Not in the midst of a character.
      if (/[\ud800-\udbff]/.test(line[to - 1]!)) to -= 1;
      onLine(line.slice(from, to));
      from = to;
    }
    return line.slice(from);
  }
}
