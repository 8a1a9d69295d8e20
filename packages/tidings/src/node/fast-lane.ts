/**
 * Hands over the commonest messages, one short line of data and nothing else, without the text parser: their characters are
 * read from the array that the text was decoded from, which costs an engine a fraction of asking the string for them.
 * It takes over at a blank line, where nothing is open, and steps back for everything that is not of this one form.
 */
import { ownCopy, type ParserHandlers, type ParserLimits } from "../wire/text-parser.ts";

export interface FastLane {
  /** How many times the parser was reset or has ended. A handler may do it: nothing more of the text is handed over then. */
  resets: number;
  /**
   * @param units - What the text was decoded from, one element a character.
   * @param atBlank - Whether the parser stands right behind two LF, at which no block is open whatever was before them.
   * @param read - The parser's: takes what comes before the first blank line.
   * @param decode - Decodes a part of it anew. A slice would be one more kind of string to engines, and slow the parser down.
   * @returns What is left for the parser.
   */
  take(
    text: string,
    units: ArrayLike<number>,
    atBlank: boolean,
    read: (text: string) => void,
    decode: (from: number, to: number) => string,
  ): string;
}

export function createFastLane(
  lastEventId: () => string,
  handlers: ParserHandlers,
  { maxLineBytes = 2 ** 20, maxMessageBytes = 2 ** 23 }: ParserLimits = {},
): FastLane {
  const longest = Math.min(LONGEST, maxLineBytes / 3, maxMessageBytes / 3);
  const lane: FastLane = { resets: 0, take };
  return lane;

  function take(
    text: string,
    units: ArrayLike<number>,
    atBlank: boolean,
    read: (text: string) => void,
    decode: (from: number, to: number) => string,
  ): string {
    // Here, where an engine knows them for constants, which it does not beyond the function.
    const LF = 10;
    const SPACE = 32;
    const COLON = 58;
    const LETTER_A = 97;
    const LETTER_D = 100;
    const LETTER_T = 116;
    // Lines that CR ends are the parser's, and in a stream that has them most are.
    if (text.indexOf("\r") >= 0) return text;
    const { resets } = lane;
    let at = 0;
    if (!atBlank) {
      at = text.indexOf("\n\n") + 2;
      // Messages as long as this gain nothing.
      if (at < 2 || at > LONGEST) return text;
      read(decode(0, at));
    }
    const { length } = text;
    while (
      at + 6 < length &&
      lane.resets === resets &&
      units[at] === LETTER_D &&
      units[at + 1] === LETTER_A &&
      units[at + 2] === LETTER_T &&
      units[at + 3] === LETTER_A &&
      units[at + 4] === COLON
    ) {
      const from = units[at + 5] === SPACE ? at + 6 : at + 5;
      const end = text.indexOf("\n", from);
      if (end < 0 || end + 1 >= length || units[end + 1] !== LF || end - at > longest) break;
      const data = ownCopy(text.slice(from, end), length);
      at = end + 2;
      handlers.onMessage?.({ event: "message", data, id: lastEventId() });
    }
    if (at === 0) return text;
    return at < length && lane.resets === resets ? decode(at, length) : "";
  }
}

const LONGEST = 128;
