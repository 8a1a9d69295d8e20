/**
 * Node's own ways with bytes, several times as fast as a streaming TextDecoder. The entries for Node import this file for
 * what it does.
 * ASCII is copied as Latin-1. Long chunks of other text are cut at their last line end, which never falls within a
 * character: whole lines are transcoded in one call without state, and what follows them waits, as bytes, for its own
 * line end. For the rest, small chunks above all, TextDecoder is the fastest.
 */
import { isAscii, isUtf8, transcode } from "node:buffer";
import { LimitError } from "../wire/limit-error.ts";
import { platform } from "../wire/platform.ts";
import { createFastLane } from "./fast-lane.ts";

platform.createDecoder = (pushText, parser, handlers, limits) => {
  const { maxLineBytes = 2 ** 20 } = limits;
  const lane = createFastLane(pushText, parser, handlers, limits);
  const streaming = new TextDecoder("utf-8", { ignoreBOM: true });
  // Whether `streaming` may be within a character.
  let open = false;
  // The start of a line. A copy, since the chunk is its owner's again when `push` returns.
  let rest = new Uint8Array(0);
  let restLength = 0;
  // Whether the line before went over several chunks, as the next one then may.
  let longLines = false;
  let stopped = false;

  return { push, end, stop };

  function push(chunk: Uint8Array): void {
    const { length } = chunk;
    if (length === 0) return;
    if (open || (length < SMALL && restLength === 0)) return stream(chunk);
    let at = 0;
    if (restLength > 0) {
      at = indexOf.call(chunk, LF) + 1 || indexOf.call(chunk, CR) + 1;
      keep(chunk, 0, at || length);
      if (at === 0) return;
      longLines = restLength > LONG;
      const lines = takeRest();
      takeLines(lines, 0, lines.length);
      if (at === length || stopped) return;
    }
    const part = at === 0 ? chunk : chunk.subarray(at);
    if (isAscii(part)) {
      while (at < length && !stopped) {
        const to = endOfBlock(chunk, at, length);
        const start = at;
        lane.take(latin1Slice.call(chunk, at, to), chunk, at, (from, to) =>
          latin1Slice.call(chunk, start + from, start + to),
        );
        at = to;
      }
    } else if (length < LONG && !longLines && indexOf.call(part, LF) >= 0) {
      stream(part);
    } else {
      const lf = lastIndexOf.call(chunk, LF) + 1;
      const end = indexOf.call(chunk, CR, lf) < 0 ? lf : lastIndexOf.call(chunk, CR) + 1;
      while (at < end && !stopped) {
        const to = endOfBlock(chunk, at, end);
        takeLines(chunk, at, to);
        at = to;
      }
      if (at < length && !stopped) keep(chunk, at, length);
    }
  }

  function end(): void {
    lane.push(streaming.decode(takeRest()));
    stop();
  }

  function stop(): void {
    stopped = true;
    lane.stop();
  }

  function stream(chunk: Uint8Array): void {
    open = chunk[chunk.length - 1]! >= 0x80;
    lane.push(streaming.decode(chunk, { stream: true }));
  }

  function takeLines(bytes: Uint8Array, from: number, to: number): void {
    const lines = to - from === bytes.length ? bytes : bytes.subarray(from, to);
    if (lines.length > SMALL && isUtf8(lines)) {
      const utf16 = transcode(lines, "utf8", "utf16le");
      const units = new Uint16Array(utf16.buffer, utf16.byteOffset, utf16.length >> 1);
      lane.take(utf16.toString("utf16le"), units, 0, (from, to) =>
        utf16.toString("utf16le", 2 * from, 2 * to),
      );
    } else {
      lane.push(streaming.decode(lines, { stream: true }));
    }
  }

  function takeRest(): Uint8Array {
    const bytes = rest.subarray(0, restLength);
    restLength = 0;
    if (rest.length > LARGEST_KEPT) rest = new Uint8Array(0);
    return bytes;
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
    // A BOM, which is no part of its line, may be among them. The text is measured again, exactly.
    if (restLength - 3 > maxLineBytes) throw new LimitError("line", maxLineBytes);
  }
};

// Of a pool of memory that is not written again.
platform.encode = (text) => Buffer.from(text);

/** Where a block of whole lines ends: as near to BLOCK as there is one. */
function endOfBlock(chunk: Uint8Array, at: number, end: number): number {
  if (end - at <= BLOCK) return end;
  const before = lastIndexOf.call(chunk, LF, at + BLOCK) + 1;
  return before > at ? before : indexOf.call(chunk, LF, at + BLOCK) + 1 || end;
}

// Of the prototype, since the chunks that fetch gives are Uint8Arrays and no Buffers.
const { indexOf, lastIndexOf, latin1Slice } = Buffer.prototype;

const LF = 10;
const CR = 13;
const SMALL = 512;
/** From this many bytes on, a transcoder pays for its own making, however much of the text is ASCII. */
const LONG = 4096;
/** The text of a block stays in memory as long as any slice of it does. */
const BLOCK = 8192;
const LARGEST_KEPT = 2 ** 16;
