import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { ParsedMessage } from "../wire/message.ts";
import { createParser as createWireParser } from "../wire/parser.ts";
import { createParser } from "./parser.ts";

type Create = typeof createParser;

/** What a parser says of these chunks, and of the same again after a reset. */
function parse(create: Create, chunks: Uint8Array[]): unknown[] {
  const told: unknown[] = [];
  const parser = create({
    onMessage: (message: ParsedMessage) => void told.push(message),
    onComment: (text) => void told.push({ comment: text }),
    onRetry: (ms) => void told.push({ retry: ms }),
    onId: (id) => void told.push({ id }),
  });
  chunks.forEach((chunk) => parser.push(chunk));
  parser.reset();
  chunks.forEach((chunk) => parser.push(chunk));
  told.push(parser.end(), parser.lastEventId);
  return told;
}

describe("createParser() of mini programs", () => {
  test("says of any bytes, cut anywhere, what the wire's parser says", () => {
    const piece = fc.constantFrom(
      "data: 你好😀",
      "id: 1",
      "event: m",
      "retry: 7",
      ": c",
      "\n",
      "\r\n",
      "\r",
      "\n\n",
      "\ufeff",
    );
    const stream = fc
      .array(
        fc.oneof(
          piece.map((text) => new TextEncoder().encode(text)),
          fc.uint8Array({ maxLength: 4 }),
        ),
      )
      .map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, n) => new Uint8Array(bytes.subarray(at[n], end)));
        expect(parse(createParser, chunks)).toEqual(parse(createWireParser, chunks));
      }),
      { numRuns: 500 },
    );
  });

  test("takes text where the host has decoded it", () => {
    const told: string[] = [];
    const parser = createParser({ onMessage: ({ data }) => void told.push(data) });
    parser.push("data: 你");
    parser.push("好\n\n");
    expect(told).toEqual(["你好"]);
  });

  test("keeps to the limits", () => {
    const parser = createParser({}, { maxMessageBytes: 10 });
    expect(() => parser.push("data: 12345678901234567890")).toThrow(/10/);
  });

  test("resumes from a stored id", () => {
    const parser = createParser({});
    parser.lastEventId = "e7.1";
    expect(parser.lastEventId).toBe("e7.1");
  });

  test("can be ended after an error, as the wire's parser can", () => {
    for (const create of [createWireParser, createParser]) {
      const parser = create({}, { maxMessageBytes: 3 });
      expect(() => parser.push("data: abcdefg")).toThrow("longer than 3 bytes");
      expect(parser.end()).toEqual({ truncated: true, unfinished: undefined });
    }
  });
});
