/**
 * Node's own ways to check text and to write UTF-8. The entries for Node import this file for what it does.
 *
 * From Node 26 on, the engine and Node are fast with all text. Before, they are fast with Latin-1, which needs no check for
 * surrogates either; other text is left to WebAssembly.
 */
import { replaceWriter, SHORT, type WriteLong, writeShort } from "../wire/encode-bytes.ts";
import { hasLineBreak, type IsLine, isLine as isAnyLine, replaceLineCheck } from "../wire/encode.ts";
import { createWideText, LONGEST_WIDE, type WideText } from "./wide-text.ts";

const { utf8Write } = Buffer.prototype as unknown as {
  readonly utf8Write: (this: Uint8Array, text: string, at: number) => number;
};

const FIRST_WITH_FAST_TEXT = 26;
/** Before, a loop that writes bytes takes twice as long for each character. */
const FIRST_WITH_FAST_LOOP = 24;
const SHORT_IN_SLOW_LOOP = 16;
/** Before, calls out of JavaScript take so long that the loop is the faster one with text beyond Latin-1. */
const FIRST_WITH_FAST_CALLS = 22;
/** For less, the call takes as long as the check. */
const SHORTEST_WIDE = 100;
/** An engine that holds a text as Latin-1 answers this without a look at it. */
const BEYOND_LATIN1 = /[\u0100-\uffff]/;

/** What every platform has. */
const isPlainlyLine = isAnyLine;

const { isLine, writeLong, longFrom } = textWaysFor(Number.parseInt(process.versions.node, 10));
replaceLineCheck(isLine);
replaceWriter(writeLong, longFrom);

interface TextWays {
  readonly isLine: IsLine;
  readonly writeLong: WriteLong;
  /** In characters. */
  readonly longFrom: number;
}

/** For the tests, which run on one version and look at both. */
export function textWaysFor(nodeVersion: number): TextWays {
  if (nodeVersion >= FIRST_WITH_FAST_TEXT)
    return {
      longFrom: SHORT,
      isLine: isPlainlyLine,
      writeLong: (text, into, at) => (isPlainlyLine(text) ? utf8Write.call(into, text, at) : -1),
    };

  // Made for the first text that needs it; null if it cannot be made.
  let wide: WideText | null | undefined;
  const wideFor = (text: string): WideText | null => {
    if (text.length > LONGEST_WIDE) return null;
    if (wide === undefined) {
      try {
        wide = createWideText();
      } catch {
        wide = null;
      }
    }
    return wide;
  };
  return {
    longFrom: nodeVersion < FIRST_WITH_FAST_LOOP ? SHORT_IN_SLOW_LOOP : SHORT,
    isLine(text) {
      if (text.length < SHORTEST_WIDE || !BEYOND_LATIN1.test(text)) return isPlainlyLine(text);
      return wideFor(text)?.isLine(text) ?? isPlainlyLine(text);
    },
    writeLong(text, into, at) {
      if (!BEYOND_LATIN1.test(text)) return hasLineBreak(text) ? -1 : utf8Write.call(into, text, at);
      if (nodeVersion < FIRST_WITH_FAST_CALLS && text.length < SHORT) {
        const end = writeShort(text, into, at);
        return end < 0 ? end : end - at;
      }
      const writer = wideFor(text);
      if (writer !== null) return writer.writeLine(text, into, at);
      return isPlainlyLine(text) ? utf8Write.call(into, text, at) : -1;
    },
  };
}
