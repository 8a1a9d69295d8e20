import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createWideText, LONGEST_WIDE } from "./wide-text.ts";

const wide = createWideText();
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?:^|[^\ud800-\udbff])[\udc00-\udfff]/;

/** Runs of one kind, as each way through the vectors needs, with what must be found among them. */
const text = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.string({ maxLength: 40, unit: fc.constantFrom("a", " ", "\0", "\x7f") }) },
      { weight: 4, arbitrary: fc.string({ maxLength: 40, unit: fc.constantFrom("信", "\u0800", "\uffff") }) },
      { weight: 2, arbitrary: fc.string({ maxLength: 12, unit: fc.constantFrom("é", "\x80", "\u07ff") }) },
      {
        weight: 2,
        arbitrary: fc.string({ maxLength: 9, unit: fc.constantFrom("😀", "\u{10000}", "\u{10ffff}") }),
      },
      { weight: 1, arbitrary: fc.string({ maxLength: 9, unit: "binary" }) },
      { weight: 1, arbitrary: fc.constantFrom("\ud83d", "\udbff", "\udc00", "\ude00", "\n", "\r") },
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

function expectRight(text: string): void {
  const isLine = !/[\r\n]/.test(text) && !LONE.test(text);
  expect(wide.isLine(text)).toBe(isLine);
  const utf8 = new TextEncoder().encode(text);
  const into = new Uint8Array(utf8.length + 8).fill(0xff);
  expect(wide.writeLine(text, into, 3)).toBe(isLine ? utf8.length : -1);
  if (!isLine) return;
  expect(Buffer.compare(into.subarray(3, 3 + utf8.length), utf8)).toBe(0);
  expect([...into.subarray(0, 3), ...into.subarray(3 + utf8.length)]).toEqual(
    Array.from({ length: 8 }, () => 0xff),
  );
}

describe("text by WebAssembly", () => {
  test("is a line, and becomes UTF-8, as JavaScript says", () => {
    fc.assert(fc.property(text, expectRight), { numRuns: 5000 });
  });

  test.each(["\n", "\r", "\ud83d", "\ude00", "😀", "é", "信", "\uffff"])(
    "finds %j wherever it is, whatever the text before was",
    (part) => {
      for (const around of ["a", "信", "é"]) {
        for (let before = 0; before < 26; before++) {
          for (const behind of [0, 1, 7, 8, 17]) {
            expect(wide.isLine("\ud83d".repeat(40))).toBe(false);
            expectRight(around.repeat(before) + part + around.repeat(behind));
          }
        }
      }
    },
  );

  test.each(["a", "é", "信", "\uffff"])("takes the longest of %s", (part) => {
    expectRight(part.repeat(LONGEST_WIDE));
    expectRight(part.repeat(LONGEST_WIDE - 1) + "\ud83d");
  });
});
