/**
 * Turns messages into the bytes of an event stream, several at a time.
 * This module is browser compatible.
 */
import { encode } from "./encode.ts";
import type { Message } from "./message.ts";

/**
 * The bytes of one message, or of several in one array, in memory of their own or shared with nothing that changes.
 * @throws What {@link encode} throws, and then nothing of it was encoded.
 */
export function encodeBytes(messages: Message | readonly Message[]): Uint8Array {
  return utf8(encodeText(messages));
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
  encoder ??= new TextEncoder();
  const text = encodeText(messages);
  // A UTF-16 unit is three bytes of UTF-8 at most.
  if (text.length * 3 <= destination.length) {
    return { read: messages.length, written: encoder.encodeInto(text, destination).written };
  }
  let read = 0;
  let written = 0;
  for (const message of messages) {
    const text = encode(message);
    const result = encoder.encodeInto(text, destination.subarray(written));
    if (result.read < text.length) break;
    read++;
    written += result.written;
  }
  return { read, written };
}

function encodeText(messages: Message | readonly Message[]): string {
  if (!Array.isArray(messages)) return encode(messages as Message);
  let text = "";
  for (const message of messages as readonly Message[]) text += encode(message);
  return text;
}

/** The UTF-8 of text without lone surrogates. */
export let utf8 = (text: string): Uint8Array => {
  encoder ??= new TextEncoder();
  return encoder.encode(text);
};

/** For the entry of a platform that has a faster way. */
export function replaceUtf8(own: typeof utf8): void {
  utf8 = own;
}

let encoder: TextEncoder | undefined;
