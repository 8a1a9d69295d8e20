/**
 * Turns messages into event stream text.
 * Every field line is written here, so that a line break cannot become a field anywhere else; and what could not come out
 * of a parser as it went in is refused here, but for the kind of the line breaks in `data`.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */
import type { Message } from "./message.ts";

const LARGEST_RETRY_MS = 2 ** 31 - 1;
/** Below this many characters, going through them costs less than the calls out of JavaScript that search them. */
const SHORT = 14;
const FIRST_PRINTABLE = 0x20;
const FIRST_SURROGATE = 0xd800;
const LINE_END = /\r\n|\r|\n/;
/** With `u`, a pair is one character, and none of these. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/**
 * The text of one message, ending with the blank line that dispatches it.
 * A CR, LF or CRLF in `data` starts another `data` line, and so reaches the other side as LF.
 * @throws {TypeError} If `event` is empty, holds CR or LF, or comes without `data`, and so would never be handed on; if `id`
 * holds CR, LF or NUL; if a field has the wrong type or holds a lone surrogate, which UTF-8 cannot carry.
 * @throws {RangeError} If `retry` is not a whole number from 0 to 2^31-1.
 */
export function encode(message: Message): string {
  if (typeof message !== "object" || message === null)
    refuse(
      `message is ${message === null ? "null" : `of type ${typeof message}`}, expected an object such as { data: "text" }`,
    );
  const { event, data, id, retry } = message;
  let text = "";
  if (event !== undefined) {
    if (!isPlain(event)) {
      checkText("event", event);
      if (hasLineBreak(event)) refuse(`event is ${show(event)}, expected text without CR or LF`);
    }
    if (event === "")
      refuse('event is "", which no parser can tell from none, expected text or no event at all');
    if (data === undefined) {
      refuse(
        `event is ${show(event)} and data is undefined, expected data, if only "": parsers drop a message without`,
      );
    }
    text = `event: ${event}\n`;
  }
  if (id !== undefined) {
    if (!isPlain(id)) {
      checkText("id", id);
      if (hasLineBreak(id) || id.indexOf("\0") >= 0)
        refuse(`id is ${show(id)}, expected text without CR, LF or NUL`);
    }
    text = `${text}id: ${id}\n`;
  }
  if (retry !== undefined) {
    if (!Number.isInteger(retry) || retry < 0 || retry > LARGEST_RETRY_MS) {
      throw new RangeError(
        `Cannot encode message: retry is ${String(retry)}, expected a whole number from 0 to ${LARGEST_RETRY_MS}`,
      );
    }
    text = `${text}retry: ${retry}\n`;
  }
  if (data === undefined) return `${text}\n`;
  // Parts are only ever put behind the text: engines join such a chain in one pass when its bytes are asked for.
  if (isPlain(data) || (typeof data === "string" && isLine(data))) return `${text}data: ${data}\n\n`;
  checkText("data", data);
  return `${text}data: ${data.split(LINE_END).join("\ndata: ")}\n\n`;
}

/**
 * The text of a comment: the other side's handlers never see it, its idle timers and the proxies do.
 * A line break starts another comment line.
 * @throws {TypeError} If it is not a string, or holds a lone surrogate.
 */
export function encodeComment(comment: string): string {
  checkText("comment", comment);
  let text = "";
  for (const line of comment.split(LINE_END)) text += line === "" ? ":\n" : ": " + line + "\n";
  return text + "\n";
}

/** Whether it is a short text that needs no look at each thing that is refused: one loop through it costs less than several calls. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "string" || value.length >= SHORT) return false;
  for (let n = 0; n < value.length; n++) {
    const unit = value.charCodeAt(n);
    if (unit < FIRST_PRINTABLE || unit >= FIRST_SURROGATE) return false;
  }
  return true;
}

function checkText(field: string, value: unknown): void {
  if (typeof value !== "string") {
    refuse(`${field} is ${value === null ? "null" : `of type ${typeof value}`}, expected a string`);
  } else if (!isWellFormed(value)) {
    refuse(`${field} is ${show(value)}, expected no lone surrogate, which UTF-8 cannot carry`);
  }
}

/** Whether a text can be written as one line: there is no line break in it, and no lone surrogate. */
export type IsLine = (text: string) => boolean;

export let isLine: IsLine = (text) => !hasLineBreak(text) && isWellFormed(text);

/** For the entry of a platform that has a faster way. */
export function replaceLineCheck(own: IsLine): void {
  isLine = own;
}

/** Two searches, which on the short texts of most fields cost less than a pattern does. */
export function hasLineBreak(text: string): boolean {
  return text.indexOf("\n") >= 0 || text.indexOf("\r") >= 0;
}

function isWellFormed(value: string & { isWellFormed?(): boolean }): boolean {
  return value.isWellFormed === undefined ? !LONE_SURROGATE.test(value) : value.isWellFormed();
}

function refuse(why: string): never {
  throw new TypeError(`Cannot encode message: ${why}`);
}

/** Shortened to what fits a line of a log. */
function show(value: string): string {
  return JSON.stringify(value.length > 80 ? value.slice(0, 80) + "…" : value);
}
