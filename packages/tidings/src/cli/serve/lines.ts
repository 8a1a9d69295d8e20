/**
 * Lines out of bytes that are cut anywhere.
 */

/** A longer line is cut into several. */
const LONGEST_LINE = 2 ** 20;

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
      for (const line of lines) onLine(line.replace(/\r$/, ""));
      while (rest.length > LONGEST_LINE) {
        onLine(rest.slice(0, LONGEST_LINE));
        rest = rest.slice(LONGEST_LINE);
      }
    },
    end() {
      rest += decoder.decode();
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
