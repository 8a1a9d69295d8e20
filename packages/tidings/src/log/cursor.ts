/**
 * A cursor: a position in one log, as text that fits in an `id` field and in a `Last-Event-ID` header.
 * This module is browser compatible.
 */

export interface Cursor {
  readonly epoch: string;
  readonly offset: number;
}

const FORM = /^([\w-]{1,64})\.(0|[1-9]\d{0,15})$/;

/** `epoch.offset`. Nothing is checked: `offset` is a whole number that a log gave. */
export function formatCursor(epoch: string, offset: number): string {
  return `${epoch}.${offset}`;
}

/** @returns Undefined when `text` is not a cursor: it came from another server, or from nobody. */
export function parseCursor(text: string): Cursor | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const offset = Number(match[2]);
  return Number.isSafeInteger(offset) ? { epoch: match[1]!, offset } : undefined;
}

/** A new epoch: 12 characters, 72 bits of chance. */
export function randomEpoch(): string {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  let epoch = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(12))) epoch += alphabet[byte & 63];
  return epoch;
}
