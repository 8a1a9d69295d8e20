/**
 * Node's own ways with bytes, several times as fast as a streaming TextDecoder. The entries for Node import this file for
 * what it does.
 * ASCII is copied as Latin-1. Other text is transcoded in one call without state, up to its last whole character, where that
 * is faster: where there is much of it, or it is far from ASCII. The rest is left to TextDecoder, and so is broken UTF-8.
 */
import { isAscii, isUtf8, transcode } from "node:buffer";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { type Parser, replaceCreateParser } from "../wire/parser.ts";
import { createTextParser, type ParserHandlers, type ParserLimits } from "../wire/text-parser.ts";
import { createFastLane } from "./fast-lane.ts";

replaceCreateParser(createNodeParser);

function createNodeParser(handlers: ParserHandlers, limits?: ParserLimits): Parser {
  const lane = createFastLane(() => parser.lastEventId, handlers, limits);
  const { maxLineBytes = 2 ** 20 } = limits ?? {};
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  // Whether `decoder` may be within a character.
  let open = false;
  // How many small chunks in a row were not ASCII, or not asked whether they are.
  let wide = 0;
  // Whether the last chunk that TextDecoder read was within a line, as the next one then may be.
  let longLine = false;
  // The start of a long line, to be decoded with the rest of it.
  let gathered = new Uint8Array(0);
  let gatheredLength = 0;
  // Bytes since a line end was seen: no fewer than the line that is not ended yet has.
  let unended = 0;
  // Whether the last chunk ended with two LF, at which no block is open whatever was before them.
  let atBlank = false;
  const parser = createTextParser<string | Uint8Array>(handlers, limits, decode);
  return parser;

  function decode(chunk?: string | Uint8Array, read?: (text: string) => void): string {
    if (typeof chunk === "string") return chunk;
    if (chunk === undefined || read === undefined) {
      lane.resets++;
      const rest = gatheredLength === 0 ? "" : decoder.decode(takeGathered(), { stream: true });
      open = atBlank = longLine = false;
      unended = 0;
      return rest + decoder.decode();
    }
    const { length } = chunk;
    const small = length < SMALL || (length < LONG && wide % 64 !== 0 && !longLine);
    if (small && gatheredLength === 0) return decodeSmall(chunk);
    const before = lane.resets;
    let at = 0;
    for (; length - at > BLOCK; at += BLOCK) {
      read(decodeBlock(chunk.subarray(at, at + BLOCK), read));
      if (lane.resets > before) return "";
    }
    return decodeBlock(at === 0 ? chunk : chunk.subarray(at), read);
  }

  /** Where the work around the decoding is what costs: nothing more is done than must be. */
  function decodeSmall(bytes: Uint8Array): string {
    const { length } = bytes;
    atBlank = false;
    unended += length;
    // Once the stream was not ASCII it is asked now and then, since asking costs more than it then saves.
    if (wide % 64 === 0 && !open && isAscii(bytes)) {
      wide = 0;
      return latin1Slice.call(bytes, 0, length);
    }
    wide++;
    if (length > 0) open = bytes[length - 1]! >= 0x80;
    const text = decoder.decode(bytes, { stream: true });
    longLine = length >= SMALL && text.indexOf("\n") < 0;
    return text;
  }

  function decodeBlock(bytes: Uint8Array, read: (text: string) => void): string {
    const { length } = bytes;
    unended += length;
    if (gatheredLength === 0 && (!longLine || length < SMALL)) return decodeBytes(bytes, read);
    const lineEnd = indexOf.call(bytes, LF) + 1 || indexOf.call(bytes, CR) + 1;
    if (lineEnd === 0 && gather(bytes)) return "";
    if (gatheredLength === 0) return decodeBytes(bytes, read);
    append(lineEnd === 0 ? bytes : bytes.subarray(0, lineEnd));
    const line = takeGathered();
    if (lineEnd === 0 || lineEnd === length) return decodeBytes(line, read);
    const before = lane.resets;
    read(decodeBytes(line, read));
    if (lane.resets > before) return "";
    const last = decodeBytes(bytes.subarray(lineEnd), read);
    longLine = line.length > LONG;
    return last;
  }

  /** Gives the last part of the text, having read the others. */
  function decodeBytes(bytes: Uint8Array, read: (text: string) => void): string {
    if (open) {
      if (bytes.length < LONG) return stream(bytes);
      let at = 0;
      while (at < bytes.length && isContinuation(bytes[at]!)) at++;
      const character = decoder.decode(bytes.subarray(0, at), { stream: true });
      bytes = bytes.subarray(at);
      // No byte but a continuation could follow; the character that is broken off comes out before the next.
      if (character === "") return stream(bytes);
      open = false;
      const before = lane.resets;
      read(character);
      if (lane.resets > before) return "";
    }
    const { length } = bytes;
    const wasAtBlank = atBlank;
    atBlank = bytes[length - 1] === LF && bytes[length - 2] === LF;
    if (isAscii(bytes)) {
      wide = 0;
      longLine = false;
      const text = latin1Slice.call(bytes, 0, length);
      return lane.take(text, bytes, wasAtBlank, read, (from, to) => latin1Slice.call(bytes, from, to));
    }
    wide++;
    if (length > LONG) {
      const lineEnd = lastIndexOf.call(bytes, LF) + 1;
      if (length - lineEnd > LONG && gather(bytes.subarray(lineEnd))) bytes = bytes.subarray(0, lineEnd);
    }
    if (bytes.length < LONG) return stream(bytes);
    const end = endOfCharacters(bytes);
    const whole = end === bytes.length ? bytes : bytes.subarray(0, end);
    if (!isUtf8(whole)) return stream(bytes);
    const utf16 = transcode(whole, "utf8", "utf16le");
    const units = new Uint16Array(utf16.buffer, utf16.byteOffset, utf16.length >> 1);
    const text = ucs2Slice.call(utf16, 0, utf16.length);
    if (text.indexOf("\n") >= 0) unended = length;
    const before = lane.resets;
    const last = lane.take(text, units, wasAtBlank, read, (from, to) =>
      ucs2Slice.call(utf16, 2 * from, 2 * to),
    );
    free(utf16);
    if (end === bytes.length || lane.resets > before) return last;
    read(last);
    return lane.resets > before ? "" : stream(bytes.subarray(end));
  }

  function stream(bytes: Uint8Array): string {
    const { length } = bytes;
    if (length === 0) return "";
    open = bytes[length - 1]! >= 0x80;
    const text = decoder.decode(bytes, { stream: true });
    longLine = text.indexOf("\n") < 0;
    if (!longLine) unended = length;
    return text;
  }

  /** Keeps bytes that end no line, and so no message. A copy, since the chunk is its owner's again when `push` returns. */
  function gather(bytes: Uint8Array): boolean {
    if (gatheredLength + bytes.length > BLOCK || unended > maxLineBytes) return false;
    if (indexOf.call(bytes, LF) >= 0 || indexOf.call(bytes, CR) >= 0) return false;
    append(bytes);
    return true;
  }

  function append(bytes: Uint8Array): void {
    const needed = gatheredLength + bytes.length;
    if (needed > gathered.length) {
      const longer = new Uint8Array(Math.max(needed, 2 * gathered.length));
      longer.set(gathered.subarray(0, gatheredLength));
      gathered = longer;
    }
    gathered.set(bytes, gatheredLength);
    gatheredLength = needed;
  }

  function takeGathered(): Uint8Array {
    const bytes = gathered.subarray(0, gatheredLength);
    gatheredLength = 0;
    return bytes;
  }
}

/**
 * Gives memory back at once, which the next transcoding then takes while it is warm. Left to the collector, each would have
 * memory that the process has to ask of the system anew: where page faults are dear, that costs several times the work itself.
 * What is transferred to a port that is closed belongs to nobody.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer.byteLength !== byteLength) return;
  if (nobody === undefined) {
    nobody = new MessageChannel().port1;
    nobody.close();
  }
  nobody.postMessage(undefined, [buffer as ArrayBuffer]);
}

let nobody: MessagePort | undefined;

/** Where the last character ends that may be whole. */
function endOfCharacters(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let at = length - 1; at >= length - 3 && at >= 0; at--) {
    const byte = bytes[at]!;
    if (isContinuation(byte)) continue;
    // How long the character is that it starts.
    const needed = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length - at < needed ? at : length;
  }
  return length;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

// Of the prototype, since the chunks that fetch gives are Uint8Arrays and no Buffers.
const { indexOf, lastIndexOf, latin1Slice, ucs2Slice } = Buffer.prototype;

const LF = 10;
const CR = 13;
/** Below this many bytes, all that is done beside the decoding costs more than it saves. */
const SMALL = 512;
/** From this many bytes on, a transcoder pays for its own making, however much of the text is ASCII. */
const LONG = 4096;
/** The text of a block stays in memory as long as any long slice of it does. */
const BLOCK = 2 ** 16;
