/**
 * Hands over the commonest messages, one short line of data and nothing else, without the text parser: their characters are
 * read from the array that the text was decoded from, which costs an engine a fraction of asking the string for them.
 * It takes over at a blank line, where nothing is open, and steps back for everything that is not of this one form.
 */
import { ownCopy, type ParserHandlers, type ParserLimits, type TextParser } from "../wire/text-parser.ts";

export interface FastLane {
  /** Text for the parser alone. */
  push(text: string): void;
  /**
   * @param units - What the text was decoded from, one element a character, `offset` elements before the first.
   * @param decode - Decodes a part of it anew. A slice would be one more kind of string to engines, and slow the parser down.
   */
  take(
    text: string,
    units: ArrayLike<number>,
    offset: number,
    decode: (from: number, to: number) => string,
  ): void;
  /** A handler has reset the parser, or it has ended: nothing more is handed over. */
  stop(): void;
}

export function createFastLane(
  pushText: TextParser["push"],
  parser: { readonly lastEventId: string },
  handlers: ParserHandlers,
  { maxLineBytes = 2 ** 20, maxMessageBytes = 2 ** 23 }: ParserLimits,
): FastLane {
  const longest = Math.min(LONGEST, maxLineBytes / 3, maxMessageBytes / 3);
  // Whether the parser stands right behind two LF, at which no block is open whatever was before them.
  let atBlank = false;
  let stopped = false;

  return { push, take, stop: () => void (stopped = true) };

  function push(text: string): void {
    if (text === "") return;
    atBlank = text.endsWith("\n\n");
    pushText(text);
  }

  function take(
    text: string,
    units: ArrayLike<number>,
    offset: number,
    decode: (from: number, to: number) => string,
  ): void {
    // Here, where an engine knows them for constants, which it does not beyond the function.
    const LF = 10;
    const SPACE = 32;
    const COLON = 58;
    const LETTER_A = 97;
    const LETTER_D = 100;
    const LETTER_T = 116;
    // Lines that CR ends are the parser's, and in a stream that has them most are.
    if (text.indexOf("\r") >= 0) return push(text);
    let at = 0;
    if (!atBlank) {
      at = text.indexOf("\n\n") + 2;
      // Messages as long as this gain nothing.
      if (at < 2 || at > LONGEST) return push(text);
      push(decode(0, at));
    }
    const { length } = text;
    while (
      at + 6 < length &&
      !stopped &&
      units[offset + at] === LETTER_D &&
      units[offset + at + 1] === LETTER_A &&
      units[offset + at + 2] === LETTER_T &&
      units[offset + at + 3] === LETTER_A &&
      units[offset + at + 4] === COLON
    ) {
      const from = units[offset + at + 5] === SPACE ? at + 6 : at + 5;
      const end = text.indexOf("\n", from);
      if (end < 0 || end + 1 >= length || units[offset + end + 1] !== LF || end - at > longest) break;
      const data = ownCopy(text.slice(from, end), end - from, length);
      at = end + 2;
      handlers.onMessage?.({ event: "message", data, id: parser.lastEventId });
    }
    if (stopped) return;
    if (at === 0) push(text);
    else if (at < length) push(decode(at, length));
  }
}

const LONGEST = 128;
