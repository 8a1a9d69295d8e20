import { expect, test } from "vitest";
import { splitLines } from "./lines.ts";

function linesOf(...parts: readonly (string | Uint8Array)[]): string[] {
  const found: string[] = [];
  const lines = splitLines((line) => found.push(line));
  for (const part of parts) lines.push(typeof part === "string" ? new TextEncoder().encode(part) : part);
  lines.end();
  return found;
}

test("lines end with LF or CRLF, wherever the bytes are cut, and the last one may have no end", () => {
  expect(linesOf("a\r", "\nb", "\n\nc")).toEqual(["a", "b", "", "c"]);
  const [first, second] = [Uint8Array.of(0xe5, 0xa5), Uint8Array.of(0xbd, 0x0a)];
  expect(linesOf(first, second)).toEqual(["好"]);
});

test.each<[string, string, string[]]>([
  ["has no end", "x".repeat(3_000_000), []],
  ["ends", "x".repeat(3_000_000), ["next"]],
  ["is of three bytes a character", "好".repeat(1_000_000), ["next"]],
  ["is of characters that are two code units", `a${"😀".repeat(400_000)}`, []],
])("a line that is too long for a message is cut into several: one that %s", (_name, line, rest) => {
  const all = linesOf([line, ...rest].join("\n"));
  const found = all.slice(0, all.length - rest.length);
  expect(all.slice(found.length)).toEqual(rest);
  expect(found.length).toBeGreaterThan(2);
  expect(found.join("") === line).toBe(true);
  for (const part of found) {
    expect(Buffer.byteLength(part)).toBeLessThan(2 ** 20);
    expect(Buffer.from(part).toString() === part).toBe(true);
  }
});
