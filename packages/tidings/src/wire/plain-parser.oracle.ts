/**
 * The parser in its simplest form, to be compared with the standard: its sentences in its order.
 * It is the oracle of the fast one (parser.ts, lines.ts) in the tests, and is in no build.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import { MAX_MESSAGE_BYTES, type ParserHandlers, type ParserLimits } from "./handlers.ts";
import { LimitError } from "./limit-error.ts";
import type { Parser } from "./parser.ts";

export function createPlainParser(handlers: ParserHandlers, limits: ParserLimits = {}): Parser {
  const { maxMessageBytes = MAX_MESSAGE_BYTES } = limits;
  // A line may have as many bytes as a message, not counting "data: "; a BOM before it is not counted.
  const maxLineBytes = maxMessageBytes + 6;
  // The BOM is the parser's to remove, once: a decoder of its own would remove another.
  let decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let rest = "";
  let afterCr = false;
  let atStart = true;

  let data = "";
  let eventType = "";
  let id: string | undefined;

  const parser: Parser = { lastEventId: "", push, end, reset };
  return parser;

  function push(chunk: Uint8Array | string): void {
    const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    if (text === "") return;
    let start = 0;
    // "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any." One, and only here.
    if (atStart) {
      atStart = false;
      if (text.charCodeAt(0) === BOM) start = 1;
    }
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === LF && afterCr) {
        // The LF of a CRLF, whose line ended at the CR: a lone CR must not wait for what comes next.
        afterCr = false;
        start = at + 1;
        continue;
      }
      afterCr = code === CR;
      if (code !== LF && code !== CR) continue;
      const line = rest + text.slice(start, at);
      rest = "";
      start = at + 1;
      takeLine(line);
    }
    rest += text.slice(start);
    if (rest.length > maxLineBytes + 3) throw new LimitError(maxMessageBytes);
  }

  function end(): { truncated: boolean } {
    push(decoder.decode());
    const truncated = rest !== "" || data !== "" || eventType !== "" || id !== undefined;
    reset();
    return { truncated };
  }

  function reset(): void {
    decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    rest = "";
    afterCr = false;
    atStart = true;
    clear();
  }

  function takeLine(line: string): void {
    if (Buffer.byteLength(line) > maxLineBytes) throw new LimitError(maxMessageBytes);
    // "If the line is empty (a blank line): Dispatch the event."
    if (line === "") return dispatch();
    const colon = line.indexOf(":");
    // "If the line starts with a U+003A COLON character (:): Ignore the line." It is a comment.
    if (colon === 0) return handlers.onComment?.(line.slice(line.charCodeAt(1) === SPACE ? 2 : 1));
    // "Otherwise, the string is not empty but does not contain a U+003A COLON character (:): [...] using the whole
    // line as the field name, and the empty string as the field value."
    if (colon === -1) return takeField(line, "");
    // "If value starts with a U+0020 SPACE character, remove it from value."
    takeField(line.slice(0, colon), line.slice(line.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1));
  }

  function takeField(name: string, value: string): void {
    if (name === "event") {
      // "Set the event type buffer to field value."
      eventType = value;
    } else if (name === "data") {
      // "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF) character."
      data += `${value}\n`;
      if (data.length - 1 > maxMessageBytes) throw new LimitError(maxMessageBytes);
    } else if (name === "id") {
      // "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value."
      if (value.indexOf("\0") === -1) id = value;
    } else if (name === "retry") {
      // "If the field value consists of only ASCII digits, then interpret the field value as an integer in base ten."
      if (/^[0-9]+$/.test(value)) handlers.onRetry?.(Number(value));
    }
    // "Otherwise: The field is ignored."
  }

  function dispatch(): void {
    const newId = id;
    const type = eventType || "message";
    const text = data;
    clear();
    // A message that is refused moves no cursor.
    if (Buffer.byteLength(text) - 1 > maxMessageBytes) throw new LimitError(maxMessageBytes);
    // "Set the last event ID string of the event source to the value of the last event ID buffer."
    if (newId !== undefined) {
      parser.lastEventId = newId;
      handlers.onId?.(newId);
    }
    // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and return."
    // It is empty only when no data field came, since each adds at least its LF.
    if (text === "") return;
    // "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove [it] from the data buffer."
    handlers.onMessage?.({ event: type, data: text.slice(0, -1), id: parser.lastEventId });
  }

  function clear(): void {
    data = "";
    eventType = "";
    id = undefined;
  }
}

const BOM = 0xfeff;
const LF = 10;
const CR = 13;
const SPACE = 32;
