/**
 * Turns messages into the bytes of an event stream, several at a time.
 *
 * The fields of a plain message are written to where they belong, with no text of the whole, which an engine would have to put
 * together first. What is not plain, `encode` writes, or refuses.
 * This module is browser compatible.
 */
import { encode, isLine } from "./encode.ts";
import type { Message } from "./message.ts";

/**
 * The bytes of one message, or of several in one array. Their memory is their own: a byte stream or `postMessage` may take it away.
 * @throws What {@link encode} throws, and then nothing of it was encoded.
 */
export function encodeBytes(messages: Message | readonly Message[]): Uint8Array {
  // Taken away while it is used: to read a message may run code of its owner, which may encode as well.
  const room = scratch ?? new Uint8Array(SCRATCH);
  scratch = undefined;
  const end = Array.isArray(messages)
    ? writeAll(messages as readonly Message[], room)
    : writePlain(messages as Message, room, 0);
  scratch = room;
  return end < 0 ? encoder().encode(encodeText(messages)) : room.slice(0, end);
}

/**
 * Writes messages into a buffer, as many as fit whole: none is cut.
 * @returns How many messages were read from the list, and how many bytes were written for them.
 * @throws What {@link encode} throws; what the buffer then holds is undefined.
 */
export function encodeInto(
  messages: readonly Message[],
  destination: Uint8Array,
): { read: number; written: number } {
  let read = 0;
  let written = 0;
  for (const message of messages) {
    let end = writePlain(message, destination, written);
    if (end < 0) {
      const bytes = encoder().encode(encode(message));
      end = written + bytes.length;
      if (end > destination.length) break;
      destination.set(bytes, written);
    }
    written = end;
    read++;
  }
  return { read, written };
}

/** The text of one message, or of several. */
function encodeText(messages: Message | readonly Message[]): string {
  if (!Array.isArray(messages)) return encode(messages as Message);
  let text = "";
  for (const message of messages as readonly Message[]) text += encode(message);
  return text;
}

/** @returns Where the last ends; or -1 if one is not plain, or might not fit. */
function writeAll(messages: readonly Message[], into: Uint8Array): number {
  let at = 0;
  for (const message of messages) {
    at = writePlain(message, into, at);
    if (at < 0) break;
  }
  return at;
}

/**
 * Writes a message of one line of data and, if any, a short event type and a short ID.
 * @returns Where it ends; or -1 if it is not of this form, or might not fit.
 */
function writePlain(message: Message, into: Uint8Array, at: number): number {
  if (typeof message !== "object" || message === null) return -1;
  const { event, data, id, retry } = message;
  if (retry !== undefined || typeof data !== "string") return -1;
  let units = data.length;
  if (event !== undefined) {
    if (typeof event !== "string" || event === "" || event.length >= SHORT) return -1;
    units += event.length;
  }
  if (id !== undefined) {
    if (typeof id !== "string" || id.length >= SHORT) return -1;
    units += id.length;
  }
  // A UTF-16 unit is three bytes of UTF-8 at most.
  if (NAMES + 3 * units > into.length - at) return -1;
  if (event !== undefined) at = writeLine("event: ", event, into, at);
  if (id !== undefined && at >= 0) at = writeLine(ID, id, into, at);
  if (at >= 0) at = writeLine("data: ", data, into, at);
  if (at >= 0) into[at++] = LF;
  return at;
}

/** @returns Where the line ends; or -1 if the value does not fit one. */
function writeLine(name: string, value: string, into: Uint8Array, at: number): number {
  for (let n = 0; n < name.length; n++) into[at++] = name.charCodeAt(n);
  // U+0000, which an ID must not have, is found by the loop alone.
  if (value.length < longFrom || name === ID) at = writeShort(value, into, at);
  else {
    const written = writeLong(value, into, at);
    at = written < 0 ? written : at + written;
  }
  if (at >= 0) into[at++] = LF;
  return at;
}

/** @returns Where the text ends; or -1 if it has NUL, a line break or a lone surrogate, or a control character that is rare. */
export function writeShort(text: string, into: Uint8Array, at: number): number {
  const CR = 13;
  const TAB = 9;
  const { length } = text;
  for (let n = 0; n < length; n++) {
    let unit = text.charCodeAt(n);
    if (unit < 0x80) {
      if (unit <= CR && unit !== TAB) return -1;
      into[at++] = unit;
    } else if (unit < 0x800) {
      into[at++] = 0xc0 | (unit >> 6);
      into[at++] = 0x80 | (unit & 0x3f);
    } else {
      if (unit >= 0xd800 && unit <= 0xdfff) {
        const low = unit < 0xdc00 && n + 1 < length ? text.charCodeAt(++n) : 0;
        if (low < 0xdc00 || low > 0xdfff) return -1;
        const codePoint = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        into[at++] = 0xf0 | (codePoint >> 18);
        into[at++] = 0x80 | ((codePoint >> 12) & 0x3f);
        unit = codePoint;
      } else {
        into[at++] = 0xe0 | (unit >> 12);
      }
      into[at++] = 0x80 | ((unit >> 6) & 0x3f);
      into[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at;
}

/** Writes text to where it fits. @returns How many bytes; or -1 if it has a line break or a lone surrogate. */
export type WriteLong = (text: string, into: Uint8Array, at: number) => number;

let writeLong: WriteLong = (text, into, at) =>
  isLine(text) ? encoder().encodeInto(text, into.subarray(at)).written : -1;

/**
 * For the entry of a platform that has a faster way.
 * @param from - From this many characters on, the writer takes less time than the loop.
 */
export function replaceWriter(own: WriteLong, from: number): void {
  writeLong = own;
  longFrom = from;
}

let textEncoder: TextEncoder | undefined;
function encoder(): TextEncoder {
  return (textEncoder ??= new TextEncoder());
}

const LF = 10;
/** Below this many characters, calling out of JavaScript costs more than going through them. */
export const SHORT = 40;
/** From this many characters on, a call out of JavaScript takes less time than the loop. It is cheap in Bun, and dear in browsers. */
let longFrom = typeof Bun !== "undefined" ? SHORT : typeof Deno !== "undefined" ? 80 : 256;
declare const Bun: unknown;
declare const Deno: unknown;
const ID = "id: ";
/** The names and the line ends of a message. */
const NAMES = 22;
/** Where messages are written before their length is known. */
const SCRATCH = 65_536;
let scratch: Uint8Array | undefined;
