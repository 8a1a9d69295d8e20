/**
 * Node's own ways with bytes, several times as fast as a streaming TextDecoder. The entries for Node import this file for
 * what it does.
 * Chunks are cut at their last line end. A line end never falls within a character, so that whole lines are decoded in one
 * call without state: ASCII copied as Latin-1, longer text transcoded to UTF-16, and the rest left to TextDecoder. What
 * follows the last line end waits, as bytes, for its own.
 */
import { isAscii, isUtf8, transcode } from "node:buffer";
import { LimitError } from "../wire/limit-error.ts";
import { platform } from "../wire/platform.ts";

platform.createChunkDecoder = (take, maxLineBytes = 2 ** 20) => {
  // The line that no line end followed yet. A copy, since the chunk is its owner's again when `push` returns.
  let rest = new Uint8Array(0);
  let restLength = 0;

  return { push, end: takeRest };

  function push(chunk: Uint8Array): void {
    const { length } = chunk;
    let end = lastIndexOf.call(chunk, LF) + 1;
    if (indexOf.call(chunk, CR, end) >= 0) end = lastIndexOf.call(chunk, CR) + 1;
    let at = 0;
    if (end > 0 && restLength > 0) {
      // A small chunk is copied behind the rest whole, and decoded with it in one call.
      at = length > SMALL ? indexOf.call(chunk, LF) + 1 || end : end;
      keep(chunk, 0, at);
      takeRest();
    }
    while (at < end) {
      const stop = end - at > BLOCK ? lineEndNear(chunk, at, end) : end;
      pass(chunk, at, stop);
      at = stop;
    }
    if (end < length) {
      keep(chunk, end, length);
      // A BOM, which is no part of its line, may be among them. The text is measured again, exactly.
      if (restLength - 3 > maxLineBytes) throw new LimitError("line", maxLineBytes);
    }
  }

  /** Hands on whole lines, with their units as far as they are at hand. */
  function pass(bytes: Uint8Array, from: number, to: number): void {
    const part = to - from === bytes.length ? bytes : bytes.subarray(from, to);
    if (isAscii(part)) {
      take(latin1Slice.call(bytes, from, to), bytes, from);
    } else if (to - from >= LONG && isUtf8(part)) {
      const utf16 = transcode(part, "utf8", "utf16le");
      take(utf16.toString("utf16le"), new Uint16Array(utf16.buffer, utf16.byteOffset, utf16.length / 2));
    } else {
      // Under `stream` the decoder takes a faster way. Behind an ASCII byte, such as a line end, it has nothing to keep.
      take(decoder.decode(part, { stream: bytes[to - 1]! < 0x80 }));
    }
  }

  function takeRest(): void {
    if (restLength === 0) return;
    const bytes = rest;
    const length = restLength;
    restLength = 0;
    if (rest.length > LARGEST_KEPT) rest = new Uint8Array(0);
    pass(bytes, 0, length);
  }

  function keep(chunk: Uint8Array, from: number, to: number): void {
    const needed = restLength + to - from;
    if (needed > rest.length) {
      const longer = new Uint8Array(Math.max(needed, rest.length * 2, SMALL));
      longer.set(rest.subarray(0, restLength));
      rest = longer;
    }
    rest.set(to - from === chunk.length ? chunk : chunk.subarray(from, to), restLength);
    restLength = needed;
  }
};

/** Where a block of whole lines ends: as near to BLOCK as there is one. */
function lineEndNear(chunk: Uint8Array, at: number, end: number): number {
  const before = lastIndexOf.call(chunk, LF, at + BLOCK) + 1;
  return before > at ? before : indexOf.call(chunk, LF, at + BLOCK) + 1 || end;
}

// Of the prototype, since the chunks that fetch gives are Uint8Arrays and no Buffers.
const { indexOf, lastIndexOf, latin1Slice } = Buffer.prototype;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const LF = 10;
const CR = 13;
const SMALL = 1024;
/** The text of a block stays in memory as long as any slice of it does. */
const BLOCK = 8192;
/** From this many bytes on, a transcoder pays for its own making. */
const LONG = 1024;
const LARGEST_KEPT = 2 ** 16;
