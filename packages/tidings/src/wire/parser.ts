/**
 * Turns an event stream into messages: bytes or strings in, cut anywhere.
 *
 * Bytes are cut behind their last line end, before they become text: whole lines are whole UTF-8, so each piece is decoded by
 * itself, and what is left over stays bytes. (Not so for lines longer than chunks, where bytes are searched slowly: `decodeNext`.)
 * Text comes in blocks of whole lines. A block is short as long as small fields are
 * in it, since a field that is stored keeps its whole block alive.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */
import { checkArguments, type ParserHandlers, type ParserLimits } from "./handlers.ts";
import { LimitError } from "./limit-error.ts";
import { createLines, FIELD_NAME, NOWHERE, type ParserEnd, SHORT_TEXT } from "./lines.ts";

export type { ParserEnd };

export interface Parser {
  /** The last event ID: what a client sends as `Last-Event-ID` when it returns. Writable, to start from a stored cursor. */
  lastEventId: string;
  /**
   * Takes the next part of the stream, cut anywhere. A stream is all bytes or all strings. A chunk of bytes may be used for
   * something else when `push` has returned.
   * @throws {LimitError} If a line or a message is too long. After this, or an error thrown by a handler, the rest of the
   * chunk is lost and the parser needs `reset()`.
   */
  push(this: void, chunk: Uint8Array | string): void;
  /**
   * Ends the stream. "Once the end of the file is reached, any pending data must be discarded."
   * @returns Whether a message was cut off: a line or a field had come that no blank line followed. And what there was of it.
   */
  end(this: void): ParserEnd;
  /**
   * Forgets the unfinished message and waits for a new stream; within a handler, the rest of the chunk is not read.
   * The last event ID stays, as it does over reconnects.
   */
  reset(this: void): void;
}

/** Turns the bytes between two places into text, as the standard's decoder does, but for a BOM, which stays. */
export type DecodeUtf8 = (bytes: Uint8Array, from: number, to: number) => string;

/** What a platform does for a parser. The searches are those of `Uint8Array`. */
export interface Platform {
  decodeUtf8: DecodeUtf8;
  indexOf: (bytes: Uint8Array, byte: number, from: number) => number;
  lastIndexOf: (bytes: Uint8Array, byte: number, from: number) => number;
  /** Whether bytes are searched as fast as text is. */
  searchesBytes: boolean;
}

let decoder: TextDecoder | undefined;
declare const Bun: unknown;

const platform: Platform = {
  decodeUtf8(bytes, from, to) {
    if (decoder === undefined) decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return decoder.decode(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  },
  indexOf: (bytes, byte, from) => bytes.indexOf(byte, from),
  lastIndexOf: (bytes, byte, from) => bytes.lastIndexOf(byte, from),
  searchesBytes: typeof Bun !== "undefined",
};

/** For the entry of a platform that has faster ways with bytes. */
export function replacePlatform(own: Platform): void {
  Object.assign(platform, own);
}

/**
 * A parser that calls `handlers` while it reads.
 * @param decode - For a platform without `TextDecoder`.
 * @throws {TypeError} If `handlers` is not an object, or a limit not a positive number.
 */
export function createParser(
  handlers: ParserHandlers,
  limits?: ParserLimits,
  decode: DecodeUtf8 = platform.decodeUtf8,
): Parser {
  const maxMessageBytes = checkArguments(handlers, limits);
  const longestLine = maxMessageBytes + FIELD_NAME + BOM_BYTES;
  const { indexOf, lastIndexOf, searchesBytes } = platform;
  const parser: Parser = { lastEventId: "", push, end, reset };
  const lines = createLines(parser, handlers, maxMessageBytes);
  // The line that no line end followed yet: the first `keptLength` of these bytes, or, of a stream of strings, `rest`.
  let kept = new Uint8Array(0);
  let keptLength = 0;
  let rest = "";
  // Whether `push` is at work, or was left by an error.
  let busy = false;
  return parser;

  function push(chunk: Uint8Array | string): void {
    if (busy) throw new Error("Cannot parse event stream: expected reset() first");
    busy = true;
    const { turn } = lines;
    if (typeof chunk === "string") pushText(keptLength > 0 ? takeKept() + chunk : chunk, turn);
    else pushBytes(chunk, turn);
    if (lines.turn === turn) busy = false;
  }

  function pushBytes(bytes: Uint8Array, turn: number): void {
    const length = bytes?.length;
    if (typeof length !== "number")
      throw new TypeError("Cannot parse event stream: a chunk is neither a string nor a Uint8Array");
    if (
      rest !== "" ||
      (keptLength >= LONG_CHUNK && length >= LONG_CHUNK && !searchesBytes && !lines.hasSmall)
    )
      return pushText(decodeNext(bytes), turn);
    const stop = behindLineEnd(bytes, 0, length);
    let at = 0;
    if (keptLength > 0 && stop > 0) {
      // A chunk that is not long is read with what was kept as one text; of a long one, its first lines.
      at =
        stop <= LONGEST_JOINED
          ? stop
          : behindLineEnd(bytes, 0, BLOCK) || Math.min(stop, indexOf(bytes, LF, BLOCK) + 1 || stop);
      keep(bytes, 0, at);
      const end = keptLength;
      keptLength = 0;
      readBytes(kept, 0, end, turn);
    }
    if (lines.turn === turn && at < stop) readBytes(bytes, at, stop, turn);
    if (lines.turn === turn && stop < length) {
      keep(bytes, stop, length);
      limitLine(keptLength);
    }
  }

  /** For lines longer than chunks, where text is searched faster than bytes are. The start of a character stays kept. */
  function decodeNext(bytes: Uint8Array): string {
    const { length } = bytes;
    if (keptLength === 0 && bytes[length - 1]! < 0x80) return decode(bytes, 0, length);
    keep(bytes, 0, length);
    let end = keptLength;
    for (let at = end - 1; at >= 0 && at > end - 4; at--) {
      const byte = kept[at]!;
      if (byte < 0x80) break;
      if (byte < 0xc0) continue;
      if (at + (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) > end) end = at;
      break;
    }
    const text = decode(kept, 0, end);
    kept.copyWithin(0, end, keptLength);
    keptLength -= end;
    return text;
  }

  /** Reads whole lines. */
  function readBytes(bytes: Uint8Array, at: number, stop: number, turn: number): void {
    // Where bytes are searched faster than text, they are searched for a CR once. Wide text has bytes of a CR that are none.
    const crAt = searchesBytes ? indexOf(bytes, CR, at) : at;
    while (at < stop && lines.turn === turn) {
      let end = stop;
      const most = at + (lines.hasSmall ? BLOCK : LONG_BLOCK);
      if (most < stop) {
        end = behindLineEnd(bytes, at, most);
        if (end === at) end = indexOf(bytes, LF, most) + 1 || stop;
        // With its blank line, a message is read at once.
        else if (bytes[end] === LF) end++;
        if (end > stop) end = stop;
      }
      const text = decode(bytes, at, end);
      const { length } = text;
      const cr = crAt >= 0 && crAt < stop ? nextCr(text, 0) : NOWHERE;
      // Where there are as many characters as bytes, each stands where its byte does.
      if (length === end - at) {
        at += lines.read(text, 0, length, cr, bytes, at);
      } else {
        for (let from = 0; from < length && lines.turn === turn;) from = lines.read(text, from, length, cr);
        at = end;
      }
    }
  }

  /** Where the last line in a part of the bytes ends, its end included; or where the part begins. */
  function behindLineEnd(bytes: Uint8Array, from: number, to: number): number {
    const near = to - NEAR > from ? to - NEAR : from;
    let at = to;
    while (at > near) {
      const byte = bytes[--at];
      if (byte === LF || byte === CR) return at + 1;
    }
    if (at === from) return from;
    const end = Math.max(from, lastIndexOf(bytes, LF, at - 1) + 1);
    // Behind the last LF there is the start of a line, in which a CR is looked for: it must not wait for what comes next.
    const cr = to < bytes.length ? -1 : indexOf(bytes, CR, end);
    return cr < 0 ? end : lastIndexOf(bytes, CR, at - 1) + 1;
  }

  /** A copy, since the chunk is its owner's again when `push` returns. */
  function keep(bytes: Uint8Array, from: number, to: number): void {
    const length = keptLength + to - from;
    if (length > kept.length) {
      const longer = new Uint8Array(Math.max(length, Math.min(2 * kept.length, longestLine), BLOCK));
      longer.set(kept.subarray(0, keptLength));
      kept = longer;
    }
    if (to - from < NEAR) for (let at = from, into = keptLength; at < to;) kept[into++] = bytes[at++]!;
    else kept.set(bytes.subarray(from, to), keptLength);
    keptLength = length;
  }

  function takeKept(): string {
    const text = decode(kept, 0, keptLength);
    keptLength = 0;
    return text;
  }

  function pushText(text: string, turn: number): void {
    let at = 0;
    if (rest !== "") {
      at = lines.begin(text, 0);
      if (text.indexOf("\n") < 0 && text.indexOf("\r") < 0) {
        rest += text;
        return limitLine(rest.length);
      }
      // Joined as an array is: the sum of two strings is one more kind of string to engines, and slows all else down.
      const end = text.length > LONGEST_JOINED ? text.indexOf("\n", BLOCK) + 1 : 0;
      const joined = [rest, end > 0 ? text.slice(at, end) : text.slice(at)].join("");
      rest = "";
      if (end > 0) {
        readText(joined, 0, turn);
        at = end;
      } else {
        text = joined;
        at = 0;
      }
    }
    if (lines.turn === turn)
      at =
        text.length <= SHORT_TEXT
          ? lines.read(text, at, text.length, nextCr(text, at))
          : readText(text, at, turn);
    if (lines.turn === turn && at < text.length) {
      rest = text.slice(at);
      limitLine(rest.length);
    }
  }

  /** Reads a text too long for a small field to keep alive. @returns Where the line begins that has no end. */
  function readText(text: string, at: number, turn: number): number {
    const { length } = text;
    let cr = nextCr(text, at);
    while (at < length && lines.turn === turn) {
      if (cr < at) cr = nextCr(text, at);
      let end = 0;
      if (lines.hasSmall) {
        // The last line end within a block; mostly found by a search forward, which is faster.
        end = at + BLOCK < length ? text.indexOf("\n", at + BLOCK) + 1 : 0;
        if (end === 0 || end > at + SHORT_TEXT) end = text.lastIndexOf("\n", at + BLOCK) + 1;
      }
      if (end > at) {
        if (end < length && text.charCodeAt(end) === LF) end++;
        const middle = at + ((end - at) >> 1);
        const block = [text.slice(at, middle), text.slice(middle, end)].join("");
        lines.read(block, 0, block.length, cr < end ? nextCr(block, 0) : NOWHERE);
        at = end;
      } else {
        // Long lines: fields are slices of the chunk itself.
        end = at + LONG_BLOCK < length ? text.indexOf("\n", at + LONG_BLOCK) + 1 || length : length;
        const stopped = lines.read(text, at, end, cr);
        if (stopped < end && !lines.hasSmall) return stopped;
        at = stopped;
      }
    }
    return at;
  }

  function end(): ParserEnd {
    let result: ParserEnd = { truncated: true };
    try {
      if (busy) push("");
      let last = rest + takeKept();
      last = last.slice(lines.begin(last, 0));
      const { truncated } = lines.end();
      // The start of any other line might be anything.
      if (last.indexOf("data:") === 0) lines.read(last + "\n", 0, last.length + 1, NOWHERE);
      result = { truncated: truncated || last !== "", unfinished: lines.end().unfinished };
    } catch {
      // An error came before, or what there is of the message is too long to be shown.
    }
    reset();
    return result;
  }

  function reset(): void {
    lines.reset();
    rest = "";
    keptLength = 0;
    busy = false;
    if (kept.length > LONG_BLOCK) kept = new Uint8Array(0);
  }

  function limitLine(length: number): void {
    if (length > longestLine) throw new LimitError(maxMessageBytes);
  }
}

/** Where the next CR is; past the text if there is none. */
function nextCr(text: string, from: number): number {
  return text.indexOf("\r", from) & NOWHERE;
}

const LF = 10;
const CR = 13;
const BOM_BYTES = 3;
/** How far a loop is faster than a call out of JavaScript. */
const NEAR = 16;
/** What a small field may keep alive, in bytes. */
const BLOCK = 2048;
const LONG_BLOCK = 32_768;
const LONGEST_JOINED = 8192;
/** Below this, a call out of JavaScript to decode costs more than keeping the bytes. */
const LONG_CHUNK = 512;
