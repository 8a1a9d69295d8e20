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
export let encodeBytes = (messages: Message | readonly Message[]): Uint8Array => {
  encoder ??= new TextEncoder();
  return encoder.encode(encodeText(messages));
};

/**
 * Writes messages into a buffer, as many as fit whole: none is cut.
 * @returns How many messages were read from the list, and how many bytes were written for them.
 * @throws What {@link encode} throws; what the buffer then holds is undefined.
 */
export let encodeInto = (
  messages: readonly Message[],
  destination: Uint8Array,
): { read: number; written: number } => {
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
};

/** The text of one message, or of several. */
export function encodeText(messages: Message | readonly Message[]): string {
  if (!Array.isArray(messages)) return encode(messages as Message);
  let text = "";
  for (const message of messages as readonly Message[]) text += encode(message);
  return text;
}

/** For the entry of a platform that has a faster way. */
export function replaceEncoders(bytes: typeof encodeBytes, into: typeof encodeInto): void {
  encodeBytes = bytes;
  encodeInto = into;
}

let encoder: TextEncoder | undefined;
