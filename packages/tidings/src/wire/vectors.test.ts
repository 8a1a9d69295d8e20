import { describe, expect, test } from "vitest";
import { loadVectors, type Expected, type Vector } from "../../../../vectors/load.ts";
import { createParser } from "./parser.ts";
import { createTextParser, type ParserHandlers } from "./text-parser.ts";
import { createUtf8Decoder } from "./utf8.ts";

interface AnyParser<Chunk> {
  lastEventId: string;
  push(chunk: Chunk): void;
  end(): { truncated: boolean };
}

const vectors = loadVectors();

describe.each([
  ["createParser", onBytes(createParser)],
  ["createTextParser behind createUtf8Decoder", onBytes(createTextParserOfBytes)],
])("%s, from bytes", (_, run) => {
  test.each(vectors.map((vector) => [`${vector.file}: ${vector.name}`, vector] as const))("%s", (_, vector) =>
    run(vector),
  );
});

describe.each([
  ["createParser", onText(createParser)],
  ["createTextParser", onText(createTextParser)],
])("%s, from text", (_, run) => {
  const ofText = vectors.filter(({ text }) => text !== undefined);
  test.each(ofText.map((vector) => [`${vector.file}: ${vector.name}`, vector] as const))("%s", (_, vector) =>
    run(vector),
  );
});

/** Whole, one by one, and in two pieces cut at every byte. */
function onBytes(create: (handlers: ParserHandlers) => AnyParser<Uint8Array>) {
  return ({ bytes, expected }: Vector): void => {
    expect(parse(create, [bytes])).toEqual(expected);
    expect(
      parse(
        create,
        Array.from(bytes, (byte) => Uint8Array.of(byte)),
      ),
    ).toEqual(expected);
    for (let at = 1; at < bytes.length; at++) {
      expect(parse(create, [bytes.subarray(0, at), bytes.subarray(at)]), `cut at byte ${at}`).toEqual(
        expected,
      );
    }
  };
}

/** The same with characters; a cut falls between the halves of a surrogate pair too. */
function onText(create: (handlers: ParserHandlers) => AnyParser<string>) {
  return ({ text, expected }: Vector): void => {
    expect(parse(create, [text!])).toEqual(expected);
    expect(parse(create, text!.split(""))).toEqual(expected);
    for (let at = 1; at < text!.length; at++) {
      expect(parse(create, [text!.slice(0, at), text!.slice(at)]), `cut at unit ${at}`).toEqual(expected);
    }
  };
}

function parse<Chunk>(create: (handlers: ParserHandlers) => AnyParser<Chunk>, chunks: Chunk[]): Expected {
  const messages: Expected["messages"][number][] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  const ids: string[] = [];
  const parser = create({
    onMessage: (message) => messages.push(message),
    onRetry: (ms) => retries.push(ms),
    onComment: (text) => comments.push(text),
    onId: (id) => ids.push(id),
  });
  for (const chunk of chunks) parser.push(chunk);
  const { truncated } = parser.end();
  return { messages, retries, comments, ids, lastEventId: parser.lastEventId, truncated };
}

function createTextParserOfBytes(handlers: ParserHandlers): AnyParser<Uint8Array> {
  const decoder = createUtf8Decoder();
  const parser = createTextParser(handlers);
  return {
    get lastEventId() {
      return parser.lastEventId;
    },
    push: (bytes) => parser.push(decoder.decode(bytes)),
    end() {
      parser.push(decoder.end());
      return parser.end();
    },
  };
}
