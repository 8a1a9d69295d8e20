/**
 * Turns event stream text into messages, by the standard's sentences in the standard's order.
 * It knows strings alone, so that it runs where there is no TextDecoder; bytes come in through parser.ts.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 * This module is browser compatible.
 */
import type { ParsedMessage } from "./message.ts";

/** What a parser calls; all are optional, and an error that one throws comes out of `push`. */
export interface ParserHandlers {
  /** A message was dispatched. */
  onMessage?(message: ParsedMessage): void;
  /** The server asked for another reconnection time, in milliseconds as written: clamp it before you use it. */
  onRetry?(ms: number): void;
  /** A comment line, without its colon and the one space that may follow it. */
  onComment?(text: string): void;
  /** The last event ID was set, with a message or by a block without one. Called at the blank line, before `onMessage`. */
  onId?(id: string): void;
}

/** Text in, messages out. A closure rather than a class, so that it stays small when lowered to ES2015. */
export interface TextParser {
  /** The last event ID: what a client sends as `Last-Event-ID` when it returns. Writable, to start from a stored cursor. */
  lastEventId: string;
  /** Takes the next part of the text, cut anywhere. */
  push(text: string): void;
  /**
   * Ends the stream. "Once the end of the file is reached, any pending data must be discarded."
   * @returns Whether a message was cut off: a line or a field had come that no blank line followed.
   */
  end(): { truncated: boolean };
  /** Forgets the unfinished message and waits for a new stream. The last event ID stays, as it does over reconnects. */
  reset(): void;
}

export function createTextParser(handlers: ParserHandlers): TextParser {
  let rest = "";
  let afterCr = false;
  let atStart = true;

  let data = "";
  let eventType = "";
  let id: string | undefined;

  const parser: TextParser = { lastEventId: "", push, end, reset };
  return parser;

  function push(text: string): void {
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
  }

  function end(): { truncated: boolean } {
    const truncated = rest !== "" || data !== "" || eventType !== "" || id !== undefined;
    reset();
    return { truncated };
  }

  function reset(): void {
    rest = "";
    afterCr = false;
    atStart = true;
    clear();
  }

  function takeLine(line: string): void {
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
