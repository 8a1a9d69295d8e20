/**
 * Turns event stream text into messages, and knows strings alone: bytes come in through parser.ts.
 * Written for speed: it looks for line ends in the whole chunk, never copies a line, and takes the commonest block, one
 * line of data, in one step. That it still does what the standard says is held by the vectors and by
 * plain-parser.oracle.ts, which says it in the standard's own sentences.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */
import { LimitError } from "./limit-error.ts";
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

/** What a stream may cost. Each limit is in bytes of UTF-8, and one more byte is a {@link LimitError}. */
export interface ParserLimits {
  /** The longest line, its end not counted. Default: 1 MiB. */
  maxLineBytes?: number;
  /** The longest `data` of one message, its line breaks counted. Default: 8 MiB. */
  maxMessageBytes?: number;
}

/** Text in, messages out. */
export interface TextParser {
  /** The last event ID: what a client sends as `Last-Event-ID` when it returns. Writable, to start from a stored cursor. */
  lastEventId: string;
  /**
   * Takes the next part of the text, cut anywhere.
   * @throws {LimitError} If a line or a message is too long. After this, or an error thrown by a handler, the rest of the
   * chunk is lost and the parser wants `reset()`.
   */
  push(this: void, text: string): void;
  /**
   * Ends the stream. "Once the end of the file is reached, any pending data must be discarded."
   * @returns Whether a message was cut off: a line or a field had come that no blank line followed.
   */
  end(this: void): { truncated: boolean };
  /**
   * Forgets the unfinished message and waits for a new stream; within a handler, the rest of the chunk is not read.
   * The last event ID stays, as it does over reconnects.
   */
  reset(this: void): void;
}

/** A parser of text that calls `handlers` while it reads. A closure rather than a class: it stays small in ES2015. */
export function createTextParser(handlers: ParserHandlers, limits: ParserLimits = {}): TextParser {
  const { maxLineBytes = 2 ** 20, maxMessageBytes = 2 ** 23 } = limits;
  // The line that no line end followed yet, as the chunks brought it: the engine joins them when it is whole.
  let rest = "";
  let restBytes = 0;
  let afterCr = false;
  let atStart = true;
  // Whether `push` is at work, or was left by an error.
  let busy = false;
  // Goes up with each stream, so that `push` sees that a handler has called `reset`.
  let stream = 0;

  let data: string | undefined;
  let dataBytes = 0;
  let eventType = "";
  let id: string | undefined;

  const parser: TextParser = { lastEventId: "", push, end, reset };
  return parser;

  function push(text: string): void {
    if (busy)
      throw new TypeError(
        "Cannot push chunk: the parser is within a push or left one by an error, expected reset() first",
      );
    const length = text.length;
    if (length === 0) return;
    busy = true;
    const current = stream;
    let at = 0;
    if (atStart) {
      atStart = false;
      if (text.charCodeAt(0) === BOM) at = 1;
    }
    if (afterCr) {
      afterCr = false;
      // The LF of a CRLF, whose line ended at the CR: a lone CR must not wait for what comes next.
      if (text.charCodeAt(0) === LF) at = 1;
    }
    let lf = find(text, "\n", at);
    let cr = find(text, "\r", at);

    while (at < length) {
      // Both are kept until they are passed: a stream without one of them is not searched for it at each line.
      if (lf < at) lf = find(text, "\n", at);
      if (cr < at) cr = find(text, "\r", at);
      const lineEnd = lf < cr ? lf : cr;
      if (lineEnd === NOWHERE) {
        hold(at === 0 ? text : text.slice(at));
        break;
      }
      if (rest !== "") {
        const line = rest + text.slice(at, lineEnd);
        rest = "";
        takeLine(line, 0, line.length);
      } else {
        takeLine(text, at, lineEnd);
      }
      if (current !== stream) return;
      at = lineEnd + 1;
      if (lineEnd === cr) {
        if (at === length) afterCr = true;
        else if (text.charCodeAt(at) === LF) at++;
      } else if (text.charCodeAt(at) === LF) {
        dispatch(text);
        if (current !== stream) return;
        at++;
      }
    }
    busy = false;
  }

  function end(): { truncated: boolean } {
    const truncated = busy || rest !== "" || data !== undefined || eventType !== "" || id !== undefined;
    reset();
    return { truncated };
  }

  function reset(): void {
    stream++;
    rest = eventType = "";
    restBytes = dataBytes = 0;
    afterCr = busy = false;
    atStart = true;
    data = id = undefined;
  }

  function hold(piece: string): void {
    rest += piece;
    // A UTF-16 unit is three bytes of UTF-8 at most, so that counting can wait until a line is a third of the limit.
    if (rest.length * 3 > maxLineBytes) {
      restBytes = restBytes === 0 ? byteLength(rest) : restBytes + byteLength(piece);
      if (restBytes > maxLineBytes) throw new LimitError("maxLineBytes", maxLineBytes);
    }
  }

  function takeLine(text: string, at: number, end: number): void {
    if ((end - at) * 3 > maxLineBytes && byteLength(text, at, end) > maxLineBytes) {
      throw new LimitError("maxLineBytes", maxLineBytes);
    }
    if (at === end) return dispatch(text);
    const first = text.charCodeAt(at);
    // By characters, since `startsWith` costs more than all four.
    if (
      first === D &&
      text.charCodeAt(at + 1) === A &&
      text.charCodeAt(at + 2) === T &&
      text.charCodeAt(at + 3) === A
    ) {
      return takeField("data", text, at + 4, end);
    }
    if (first === COLON) return handlers.onComment?.(text.slice(afterSpace(text, at + 1), end));
    for (const name of OTHER_FIELDS) {
      if (text.startsWith(name, at)) return takeField(name, text, at + name.length, end);
    }
    // "Otherwise: The field is ignored."
  }

  /** @param at - Where the name ends, and the colon must be. */
  function takeField(name: string, text: string, at: number, end: number): void {
    let value = "";
    if (at < end) {
      if (text.charCodeAt(at) !== COLON) return;
      value = text.slice(afterSpace(text, at + 1), end);
    }
    if (name === "data") {
      data = data === undefined ? value : `${data}\n${value}`;
      if (data.length * 3 > maxMessageBytes) {
        dataBytes = dataBytes === 0 ? byteLength(data) : dataBytes + 1 + byteLength(value);
        if (dataBytes > maxMessageBytes) throw new LimitError("maxMessageBytes", maxMessageBytes);
      }
    } else if (name === "event") {
      eventType = ownCopy(value, text);
    } else if (name === "id") {
      if (value.indexOf("\0") === -1) id = ownCopy(value, text);
    } else if (/^[0-9]+$/.test(value)) {
      handlers.onRetry?.(+value);
    }
  }

  function dispatch(text: string): void {
    const message = { event: eventType || "message", data: "", id: parser.lastEventId };
    const newId = id;
    const newData = data;
    eventType = "";
    data = id = undefined;
    if (newId !== undefined) {
      message.id = parser.lastEventId = newId;
      handlers.onId?.(newId);
    }
    if (newData !== undefined) {
      dataBytes = 0;
      message.data = ownCopy(newData, text);
      handlers.onMessage?.(message);
    }
  }
}

/** The index, or a number past every index. */
function find(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? NOWHERE : at;
}

function afterSpace(text: string, at: number): number {
  return text.charCodeAt(at) === SPACE ? at + 1 : at;
}

/** Bytes of UTF-8. Each half of a surrogate pair is two of its four, so that text may be cut anywhere. */
function byteLength(text: string, at = 0, end = text.length): number {
  let bytes = end - at;
  for (; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return bytes;
}

/**
 * A value that is stored must not keep alive the chunk that it is a small part of, as a slice does in every engine.
 * Two halves joined and then read become a string of their own. A long value stays a slice: copying it costs more than
 * the rest of the parser, and the chunk is not so much longer.
 */
function ownCopy(value: string, chunk: string): string {
  const { length } = value;
  if (length < 13 || chunk.length < length * (length < 128 ? 16 : 512)) return value;
  const copy = value.slice(0, length >> 1) + value.slice(length >> 1);
  read = copy.charCodeAt(0);
  return copy;
}

/** Written and never read, so that no optimizer may leave the reading out. */
export let read = 0;

const OTHER_FIELDS = ["event", "id", "retry"];
const NOWHERE = 2 ** 30;
const BOM = 0xfeff;
const LF = 10;
const SPACE = 32;
const COLON = 58;
const A = 97;
const D = 100;
const T = 116;
