import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LimitError } from "./limit-error.ts";
import { expectEqual, observe } from "./observe.oracle.ts";
import { PARSERS } from "./parsers.oracle.ts";
import { createPlainParser } from "./plain-parser.oracle.ts";
import { bytes, cut, cuts, longBytes, texts } from "./streams.oracle.ts";
import { createUtf8Decoder } from "./utf8.ts";

describe.each(PARSERS)("random streams, with $name", ({ createParser }) => {
  test("from text mean to the parser what they mean to the plain one, wherever they are cut", () => {
    fc.assert(
      fc.property(texts, cuts, (text, parts) => {
        expectEqual(observe(createParser, cut(text, parts)), observe(createPlainParser, [text]), parts);
      }),
      { numRuns: 5000 },
    );
  });

  test("from bytes mean to the parser what they mean to the plain one, wherever they are cut", () => {
    fc.assert(
      fc.property(bytes, cuts, (stream, parts) => {
        expectEqual(observe(createParser, cut(stream, parts)), observe(createPlainParser, [stream]), parts);
      }),
      { numRuns: 5000 },
    );
  });

  test("with lines longer than their chunks mean to the parser what they mean to the plain one", () => {
    fc.assert(
      fc.property(
        longBytes,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 500, max: 900 }),
        (stream, small, size) => {
          const chunks: Uint8Array[] = [];
          for (let at = 0; at < stream.length;) {
            const end = at + (chunks.length % 4 === 3 ? small : size);
            chunks.push(stream.slice(at, end));
            at = end;
          }
          expectEqual(observe(createParser, chunks), observe(createPlainParser, [stream]), [small, size]);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("mean the same cut at every byte", () => {
    fc.assert(
      fc.property(bytes, (stream) => {
        const expected = observe(createPlainParser, [stream]);
        for (let at = 0; at <= stream.length; at++) {
          expectEqual(observe(createParser, [stream.subarray(0, at), stream.subarray(at)]), expected, at);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("exceed their limits where they do with the plain one", () => {
    const limits = { maxMessageBytes: 24 };
    const outcome = (create: typeof createPlainParser, chunks: readonly string[]) => {
      const seen: unknown[] = [];
      const parser = create(
        { onMessage: (message) => seen.push(message), onId: (id) => seen.push(id) },
        limits,
      );
      try {
        for (const chunk of chunks) parser.push(chunk);
      } catch (error) {
        seen.push((error as LimitError).code);
      }
      return seen;
    };
    fc.assert(
      fc.property(texts, cuts, (text, parts) => {
        // What comes behind the limit in the same chunk is lost, so that the cuts must be the same.
        const whole = `${Buffer.from(text).toString()}\n\n`;
        expect(outcome(createParser, cut(whole, parts))).toEqual(
          outcome(createPlainParser, cut(whole, parts)),
        );
        expect(outcome(createParser, [whole])).toEqual(outcome(createPlainParser, [whole]));
      }),
      { numRuns: 3000 },
    );
  });
});

test("random streams are decoded without TextDecoder as with it", () => {
  fc.assert(
    fc.property(fc.oneof(bytes, fc.uint8Array({ maxLength: 64 })), cuts, (stream, parts) => {
      const decoder = createUtf8Decoder();
      const text =
        cut(stream, parts)
          .map((chunk) => decoder.decode(chunk))
          .join("") + decoder.end();
      expect(text).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(stream));
    }),
    { numRuns: 5000 },
  );
});
