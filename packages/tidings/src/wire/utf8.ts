/**
 * Turns UTF-8 bytes into text where the platform has no TextDecoder, as mini programs do not.
 * Whatever the cuts and however broken the bytes, the text is what the standard's decoder gives: one U+FFFD for each
 * maximal run that starts a character and cannot finish it. A BOM is passed on: the parser decides.
 * Standard: https://encoding.spec.whatwg.org/#utf-8-decoder
 * This module is browser compatible.
 */

export interface Utf8Decoder {
  /** The text of these bytes, but for a character that they leave unfinished. */
  decode(bytes: Uint8Array): string;
  /** Ends the stream. @returns U+FFFD if it ended inside a character, else `""`. */
  end(): string;
}

export function createUtf8Decoder(): Utf8Decoder {
  let codePoint = 0;
  let needed = 0;
  let lower = 0x80;
  let upper = 0xbf;

  return { decode, end };

  function decode(bytes: Uint8Array): string {
    let text = "";
    let units: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (needed > 0) {
        if (byte < lower || byte > upper) {
          needed = 0;
          lower = 0x80;
          upper = 0xbf;
          units.push(REPLACEMENT);
          at--; // "Restore byte to ioQueue": it may start a character of its own.
          continue;
        }
        lower = 0x80;
        upper = 0xbf;
        codePoint = (codePoint << 6) | (byte & 0x3f);
        if (--needed === 0) {
          if (codePoint < 0x10000) units.push(codePoint);
          else units.push(0xd800 + ((codePoint - 0x10000) >> 10), 0xdc00 + ((codePoint - 0x10000) & 0x3ff));
        }
      } else if (byte < 0x80) {
        units.push(byte);
      } else if (byte >= 0xc2 && byte <= 0xdf) {
        needed = 1;
        codePoint = byte & 0x1f;
      } else if (byte >= 0xe0 && byte <= 0xef) {
        if (byte === 0xe0) lower = 0xa0; // shorter forms exist
        if (byte === 0xed) upper = 0x9f; // surrogates
        needed = 2;
        codePoint = byte & 0x0f;
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        if (byte === 0xf0) lower = 0x90; // shorter forms exist
        if (byte === 0xf4) upper = 0x8f; // past U+10FFFF
        needed = 3;
        codePoint = byte & 0x07;
      } else {
        units.push(REPLACEMENT);
      }
      if (units.length >= BLOCK) {
        text += String.fromCharCode.apply(null, units);
        units = [];
      }
    }
    return text + String.fromCharCode.apply(null, units);
  }

  function end(): string {
    const unfinished = needed > 0;
    needed = 0;
    lower = 0x80;
    upper = 0xbf;
    return unfinished ? "\ufffd" : "";
  }
}

const REPLACEMENT = 0xfffd;
// Arguments travel on the stack, which on the smallest JavaScriptCore holds some 65,000 of them.
const BLOCK = 4096;
