/**
 * Node's own way from messages to bytes: the fields of a plain message are written to where they belong, with no text of the
 * whole, which an engine would have to put together first. What is not plain, `encode` writes, or refuses.
 * The entries for Node import this file for what it does.
 */
import { encodeText, replaceEncoders } from "../wire/encode-bytes.ts";
import { encode } from "../wire/encode.ts";
import type { Message } from "../wire/message.ts";

replaceEncoders(encodeBytes, encodeInto);

function encodeBytes(messages: Message | readonly Message[]): Uint8Array {
  if (Array.isArray(messages)) return Buffer.from(encodeText(messages as readonly Message[]));
  const message = messages as Message;
  if (typeof message !== "object" || message === null) return Buffer.from(encode(message));
  const room = roomFor(message.data);
  if (room > SLAB) return Buffer.from(encode(message));
  if (room > slab.length - used) {
    slab = Buffer.allocUnsafeSlow(SLAB);
    used = 0;
  }
  const start = used;
  const end = writePlain(message, slab, start);
  if (end < 0) return Buffer.from(encode(message));
  used = end;
  return new Uint8Array(slab.buffer, start, end - start);
}

function encodeInto(
  messages: readonly Message[],
  destination: Uint8Array,
): { read: number; written: number } {
  let read = 0;
  let written = 0;
  for (const message of messages) {
    let end = message === null || message === undefined ? -1 : writePlain(message, destination, written);
    if (end < 0) {
      const bytes = Buffer.from(encode(message));
      end = written + bytes.length;
      if (end > destination.length) break;
      destination.set(bytes, written);
    }
    written = end;
    read++;
  }
  return { read, written };
}

/**
 * Writes a message of one line of data and, if any, a short event type and a short ID.
 * @returns Where it ends; or -1 if it is not of this form, or might not fit.
 */
function writePlain({ event, data, id, retry }: Message, into: Uint8Array, at: number): number {
  if (retry !== undefined || typeof data !== "string" || roomFor(data) > into.length - at) return -1;
  if (event !== undefined) at = event === "" ? -1 : writeShortLine("event: ", event, into, at);
  if (id !== undefined && at >= 0) at = writeShortLine("id: ", id, into, at);
  if (at < 0) return -1;
  if (data.length < SHORT) {
    at = writeShortLine("data: ", data, into, at);
    if (at < 0) return -1;
  } else {
    if (data.indexOf("\n") >= 0 || data.indexOf("\r") >= 0 || !isWellFormed.call(data)) return -1;
    at = writeAscii("data: ", into, at);
    at += utf8Write.call(into, data, at);
    into[at++] = LF;
  }
  into[at] = LF;
  return at + 1;
}

/** The bytes of a plain message at most: a UTF-16 unit is three bytes of UTF-8 at most. */
function roomFor(data: string | undefined): number {
  return NAMES + 3 * (data?.length ?? 0);
}

function writeShortLine(name: string, value: string, into: Uint8Array, at: number): number {
  if (typeof value !== "string" || value.length >= SHORT) return -1;
  const end = writeAscii(value, into, writeAscii(name, into, at));
  if (end < 0) return -1;
  into[end] = LF;
  return end + 1;
}

/** @returns Where the text ends; or -1 if a character of it is not printable ASCII. */
function writeAscii(text: string, into: Uint8Array, at: number): number {
  for (let n = 0; n < text.length; n++) {
    const unit = text.charCodeAt(n);
    if (unit < 0x20 || unit > 0x7e) return -1;
    into[at++] = unit;
  }
  return at;
}

const { utf8Write } = Buffer.prototype as unknown as {
  readonly utf8Write: (this: Uint8Array, text: string, at: number) => number;
};
const { isWellFormed } = String.prototype as unknown as {
  readonly isWellFormed: (this: string) => boolean;
};
const LF = 10;
/** Below this many characters, calling out of JavaScript costs more than going through them. */
const SHORT = 32;
/** The bytes of a plain message without its data, which may be short too. */
const NAMES = 128;
/** What one message that is kept can keep alive at most: as much as with Node's own pool. */
const SLAB = 8192;

let slab = Buffer.allocUnsafeSlow(0);
let used = 0;
