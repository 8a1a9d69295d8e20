/**
 * What a parser shows of a stream, in the form of the vectors. For tests; in no build.
 */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { Expected } from "../../../../vectors/load.ts";
import type { ParserHandlers } from "./handlers.ts";
import type { ParserEnd } from "./parser.ts";

export interface AnyParser<Chunk> {
  lastEventId: string;
  push(chunk: Chunk): void;
  end(): ParserEnd;
}

export function observe<Chunk>(
  create: (handlers: ParserHandlers) => AnyParser<Chunk>,
  chunks: readonly Chunk[],
): Expected {
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

/** As `toEqual`, which is slow where thousands of equal values are compared: it is asked only to say what differs. */
export function expectEqual(seen: unknown, expected: unknown, about: unknown): void {
  if (!isDeepStrictEqual(seen, expected)) expect({ about, seen }).toEqual({ about, seen: expected });
}
