import { describe, test } from "vitest";
import { loadVectors } from "../../../../vectors/load.ts";
import { createPlainParser } from "./plain-parser.oracle.ts";
import type { ParserHandlers } from "./handlers.ts";
import { type AnyParser, expectEqual, observe } from "./observe.oracle.ts";
import { createCompactParser } from "./compact-parser.ts";
import { createParser } from "./parser.ts";
import { createParser as createParserOfMiniPrograms } from "../mini-program/parser.ts";
import { createUtf8Decoder } from "./utf8.ts";

const vectors = loadVectors().map((vector) => [`${vector.file}: ${vector.name}`, vector] as const);
const ofText = vectors.filter(([, { text }]) => text !== undefined);

describe.each([
  ["createParser", createParser],
  ["createCompactParser", createCompactParser],
  ["createPlainParser, the oracle", createPlainParser],
  ["createParser with createUtf8Decoder", createParserWithoutTextDecoder],
  ["createParser of mini programs", createParserOfMiniPrograms],
])("%s, from bytes cut at every byte", (_, create) => {
  test.each(vectors)("%s", (_, { bytes, expected }) => {
    const cuts = [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))];
    for (let at = 1; at < bytes.length; at++) cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
    for (const cut of cuts) expectEqual(observe(create, cut), expected, sizes(cut));
  });
});

describe.each([
  ["createParser", createParser],
  ["createCompactParser", createCompactParser],
  ["createPlainParser, the oracle", createPlainParser],
])("%s, from text cut at every character, and within surrogate pairs", (_, create) => {
  test.each(ofText)("%s", (_, { text, expected }) => {
    const cuts = [[text!], text!.split("")];
    for (let at = 1; at < text!.length; at++) cuts.push([text!.slice(0, at), text!.slice(at)]);
    for (const cut of cuts) expectEqual(observe(create, cut), expected, sizes(cut));
  });
});

function sizes(chunks: { length: number }[]): number[] {
  return chunks.map(({ length }) => length);
}

function createParserWithoutTextDecoder(handlers: ParserHandlers): AnyParser<Uint8Array> {
  const decoder = createUtf8Decoder();
  return createParser(
    handlers,
    {},
    (bytes, from, to) => decoder.decode(bytes.subarray(from, to)) + decoder.end(),
  );
}
