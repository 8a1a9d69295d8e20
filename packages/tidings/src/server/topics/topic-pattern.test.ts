import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keptByAutomata } from "./pattern-automaton.ts";
import { compileTopicPattern, compileTopicPatterns } from "./topic-pattern.ts";

const matches = (pattern: string, topic: string) => compileTopicPattern(pattern)(topic);

describe("compileTopicPattern()", () => {
  it.each([
    ["book/1", "book/1", true],
    ["book/1", "book/12", false],
    ["book/:id", "book/1", true],
    ["book/:id", "book/", false],
    ["book/:id", "book/1/page", false],
    ["book/:id/page/:n", "book/a b/page/7", true],
    ["book/:id/page/:n", "book//page/7", false],
    ["book/*", "book/", true],
    ["book/*", "book/1/page", true],
    ["book/*", "book", false],
    ["*", "", true],
    ["*", "anything/at/all", true],
    ["*/end", "a/b/end", true],
    ["*/end", "a/b/end/", false],
    ["book-:id.json", "book-7.json", true],
    ["book-:id.json", "book-a.json.json", true],
    ["book-:id.json", "book-.json", false],
    [":a/*/:b", "x//y", true],
    [":a/*/:b", "x/y", false],
    ["書/:名", "書/一", true],
    ["urn\\:isbn\\::id", "urn:isbn:1", true],
    ["a\\*b", "a*b", true],
    ["a\\*b", "axb", false],
    ["a.c", "abc", false],
  ])("%s on %s is %s", (pattern, topic, expected) => {
    expect(matches(pattern, topic)).toBe(expected);
  });

  it.each(["", "a{b}", "a(b)", ":id+", ":id?", "a:", "a\\", "**", ":a:b", ":a*", "*a".repeat(17)])(
    "refuses %j with a reason",
    (pattern) => {
      expect(() => compileTopicPattern(pattern)).toThrow(/^Cannot compile topic pattern: .*expected/);
    },
  );

  it("agrees with the regular expression that URL Pattern would make", () => {
    const piece = fc.constantFrom("a", "/", "b/", ":x", "*", "ab");
    const topic = fc
      .array(fc.constantFrom("a", "b", "/", "ab"), { maxLength: 10 })
      .map((parts) => parts.join(""));
    const pattern = fc
      .array(piece, { minLength: 1, maxLength: 8 })
      .map((pieces) => pieces.filter((p, i) => !(/[:*]/.test(p) && i > 0 && /[:*]/.test(pieces[i - 1]!))))
      // A name swallows the letters behind it.
      .filter((pieces) => !pieces.some((p, i) => p === ":x" && /^[ab]/.test(pieces[i + 1] ?? "")));
    fc.assert(
      fc.property(pattern, topic, (pieces, topic) => {
        const regexp = pieces.map((p) => (p === ":x" ? "[^/]+" : p === "*" ? ".*" : p)).join("");
        expect(matches(pieces.join(""), topic)).toBe(new RegExp(`^${regexp}$`).test(topic));
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes linear time where a backtracking matcher would not end", () => {
    const matcher = compileTopicPattern("*a".repeat(16));
    expect(matcher(`${"a".repeat(1_000)}b`)).toBe(false);
    expect(matcher("a".repeat(1_000))).toBe(true);
  });

  it("matches many patterns together as it would one after the other", () => {
    const piece = fc.constantFrom("a", "/", "b/", ":x/", "*/", "ab", "*");
    const pattern = fc
      .array(piece, { minLength: 1, maxLength: 6 })
      .map((pieces) => pieces.join(""))
      .filter((text) => !/\*[:*]|:x\/?:|\/\/:/.test(text));
    const topic = fc
      .array(fc.constantFrom("a", "b", "/", "ab", "é"), { maxLength: 12 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        fc.array(pattern, { minLength: 1, maxLength: 8 }),
        fc.array(topic, { maxLength: 20 }),
        (patterns, topics) => {
          const { matches: together } = compileTopicPatterns(patterns);
          for (const one of topics) {
            expect(together(one)).toBe(patterns.some((text) => matches(text, one)));
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("keeps a bounded number of states, and answers the same when it starts anew", () => {
    const patterns = Array.from({ length: 15 }, (_, i) => `*${"ab".repeat(i + 1)}*c*${i}`);
    const { matches: together } = compileTopicPatterns(patterns);
    let seed = 1;
    for (let n = 0; n < 2_000; n += 1) {
      let topic = "";
      for (let i = 0; i < 40; i += 1) {
        seed = (seed * 48_271) % 2_147_483_647;
        topic += "abc0123456789"[seed % 13]!;
      }
      expect(together(topic)).toBe(patterns.some((text) => matches(text, topic)));
    }
  });

  it("keeps a bounded number of states of all patterns together: each stream may bring some of its own", () => {
    const pattern = (i: number): string => `:a/*${i}*/p*${i}`;
    const together = Array.from({ length: 3_000 }, (_, i) => compileTopicPatterns([pattern(i), `*x${i}`]));
    const topics = Array.from({ length: 20 }, (_, i) => `shop/${i * 37}/price/${i * 37}`);
    let different = 0;
    for (const topic of topics) {
      for (const [i, { matches: one }] of together.entries()) {
        different += Number(one(topic) !== matches(pattern(i), topic));
      }
    }
    expect(different).toBe(0);
    expect(keptByAutomata()).toBeLessThanOrEqual(2_000_000);
    expect(keptByAutomata()).toBeGreaterThan(0);
  });

  it("refuses more wildcards than are matched together", () => {
    const patterns = Array.from({ length: 17 }, (_, i) => `${"*a".repeat(15)}*${i}`);
    expect(() => compileTopicPatterns(patterns)).toThrow(/have 272 wildcards together, expected 256/);
  });
});
