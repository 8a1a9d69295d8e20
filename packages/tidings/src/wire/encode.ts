/**
 * Turns messages into event stream text.
 * Every field line is written here, so that a line break cannot become a field anywhere else.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * This module is browser compatible.
 */
import type { Message } from "./message.ts";

const LARGEST_RETRY_MS = 2 ** 31 - 1;

/**
 * The text of one message, ending with the blank line that dispatches it.
 * A CR, LF or CRLF in `data` starts another `data` line, and so reaches the other side as LF.
 * @throws {TypeError} If `event` is empty or holds CR or LF, if `id` holds CR, LF or NUL, or if a field has the wrong type.
 * @throws {RangeError} If `retry` is not a whole number from 0 to 2^31-1.
 */
export function encode(message: Message): string {
  const { event, data, id, retry } = message;
  let text = "";
  if (event !== undefined) {
    if (event === "") {
      throw new TypeError(
        'Cannot encode message: event is "", which no parser can tell from none; leave it out',
      );
    }
    text += `event: ${checked("event", event, /[\r\n]/)}\n`;
  }
  if (id !== undefined) text += `id: ${checked("id", id, /[\r\n\0]/)}\n`;
  if (retry !== undefined) {
    if (!Number.isInteger(retry) || retry < 0 || retry > LARGEST_RETRY_MS) {
      throw new RangeError(
        `Cannot encode message: retry is ${String(retry)}, expected a whole number from 0 to ${LARGEST_RETRY_MS}`,
      );
    }
    text += `retry: ${retry}\n`;
  }
  if (data !== undefined) {
    if (typeof data !== "string")
      throw new TypeError(`Cannot encode message: data is of type ${typeof data}, expected a string`);
    for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  }
  return `${text}\n`;
}

/**
 * The text of a comment: the other side's handlers never see it, its idle timers and the proxies do.
 * A line break starts another comment line.
 */
export function encodeComment(comment: string): string {
  let text = "";
  for (const line of comment.split(/\r\n|\r|\n/)) text += line === "" ? ":\n" : `: ${line}\n`;
  return `${text}\n`;
}

function checked(field: "event" | "id", value: string, forbidden: RegExp): string {
  if (typeof value !== "string") {
    throw new TypeError(`Cannot encode message: ${field} is of type ${typeof value}, expected a string`);
  }
  if (forbidden.test(value)) {
    throw new TypeError(
      `Cannot encode message: ${field} is ${JSON.stringify(value)}, which holds ${field === "id" ? "CR, LF or NUL" : "CR or LF"}`,
    );
  }
  return value;
}
