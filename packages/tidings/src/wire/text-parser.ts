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

export interface ParserEnd {
  readonly truncated: boolean;
  /** The message that was cut off, if some of its data had come: for people to see, never to be handled as one. */
  readonly unfinished?: ParsedMessage | undefined;
}

/** Text in, messages out. */
export interface TextParser {
  /** The last event ID: what a client sends as `Last-Event-ID` when it returns. Writable, to start from a stored cursor. */
  lastEventId: string;
  /**
   * Takes the next part of the text, cut anywhere.
   * @param units - The UTF-16 units of the text, where they are at hand as an array: reading that costs much less.
   * @param offset - Where in `units` the text begins. Default: 0.
   * @throws {LimitError} If a line or a message is too long. After this, or an error thrown by a handler, the rest of the
   * chunk is lost and the parser wants `reset()`.
   */
  push(this: void, text: string, units?: ArrayLike<number>, offset?: number): void;
  /**
   * Ends the stream. "Once the end of the file is reached, any pending data must be discarded."
   * @returns Whether a message was cut off: a line or a field had come that no blank line followed. And what there was of it.
   */
  end(this: void): ParserEnd;
  /**
   * Forgets the unfinished message and waits for a new stream; within a handler, the rest of the chunk is not read.
   * The last event ID stays, as it does over reconnects.
   */
  reset(this: void): void;
}

// Above what uses them, so that bundlers write the numbers in their places.
const BOM = 0xfeff;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const A = 97;
const D = 100;
const E = 101;
const I = 105;
const T = 116;
/** Where a line end is that does not occur: past every index. */
const NOWHERE = 2 ** 30;

/** A parser of text that calls `handlers` while it reads. A closure rather than a class: it stays small in ES2015. */
export function createTextParser(handlers: ParserHandlers, limits: ParserLimits = {}): TextParser {
  const { maxLineBytes = 2 ** 20, maxMessageBytes = 2 ** 23 } = limits;
  let atStart = true;
  let afterCr = false;
  // The line that no line end followed yet, as the chunks brought it.
  let rest = "";
  let restBytes = 0;
  // The block that no blank line followed yet.
  let openData: string | undefined;
  let openLength = 0;
  let openBytes = 0;
  let openEvent = "";
  let openId: string | undefined;
  // Whether `push` is at work, or was left by an error. A handler that calls `reset` clears it.
  let busy = false;

  const parser: TextParser = { lastEventId: "", push, end, reset };
  return parser;

  function push(text: string, units?: ArrayLike<number>, offset = 0): void {
    if (busy) throw new Error("Cannot push chunk: an earlier push did not return, expected reset() first");
    if (text === "") return;
    busy = true;
    let at = atStart && text.charCodeAt(0) === BOM ? 1 : 0;
    atStart = false;
    if (rest !== "") {
      const lf = text.indexOf("\n");
      const cr = text.indexOf("\r");
      at = 1 + (lf < 0 || (cr >= 0 && cr < lf) ? cr : lf);
      if (at > 0) {
        // Joined as an array is: the sum of two strings is one more kind of string to engines, which slows all down.
        const line = [rest, text.slice(0, at)].join("");
        rest = "";
        restBytes = 0;
        readLines(line, 0);
      }
    }
    if (busy) readLines(text, at, units, offset);
    busy = false;
  }

  /** Reads from a line's start, in one function with the block in locals: it is where all the time goes. */
  function readLines(text: string, at: number, units?: ArrayLike<number>, offset = 0): void {
    const unitAt = (index: number): number => (units ? units[index + offset]! : text.charCodeAt(index));
    const { length } = text;
    // The LF of a CRLF, whose line ended at the CR: a lone CR must not wait for what comes next.
    if (afterCr && at < length) {
      afterCr = false;
      if (unitAt(at) === LF) at++;
    }
    let data = openData;
    let dataLength = openLength;
    let event = openEvent;
    let id = openId;
    let lf = -1;
    let cr = -1;

    while (at < length) {
      const first = unitAt(at);
      let end = at;
      if (first === CR) {
        cr = at;
      } else if (first !== LF) {
        // Each is kept until it is passed: a stream without one of them is not searched for it at each line.
        if (lf < at && (lf = text.indexOf("\n", at)) < 0) lf = NOWHERE;
        if (cr < at && (cr = text.indexOf("\r", at)) < 0) cr = NOWHERE;
        end = lf < cr ? lf : cr;
        if (end === NOWHERE) {
          hold(text.slice(at));
          break;
        }
      }

      if (at === end) {
        const message = data;
        const type = event;
        data = undefined;
        event = "";
        if (id !== undefined) {
          parser.lastEventId = id;
          handlers.onId?.(id);
          id = undefined;
        }
        if (message !== undefined && busy) {
          openBytes = 0;
          handlers.onMessage?.({
            event: type || "message",
            data: ownCopy(message, dataLength, length),
            id: parser.lastEventId,
          });
        }
      } else {
        if ((end - at) * 3 > maxLineBytes && byteLength(text.slice(at, end)) > maxLineBytes) {
          throw new LimitError("line", maxLineBytes);
        }
        // Where the name ends.
        let from =
          first === D && unitAt(at + 1) === A && unitAt(at + 2) === T && unitAt(at + 3) === A
            ? at + 4
            : first === I && unitAt(at + 1) === D
              ? at + 2
              : text.startsWith("event", at) || text.startsWith("retry", at)
                ? at + 5
                : at;
        // "Otherwise, [...] using the whole line as the field name, and the empty string as the field value."
        if (from === end || unitAt(from) === COLON) {
          if (from < end && unitAt(++from) === SPACE) from++;
          const value = text.slice(from, end);
          if (first === D) {
            dataLength = data === undefined ? end - from : dataLength + 1 + end - from;
            data = data === undefined ? value : `${data}\n${value}`;
            if (dataLength * 3 > maxMessageBytes) {
              openBytes += openBytes === 0 ? byteLength(data) : byteLength(value) + 1;
              if (openBytes > maxMessageBytes) throw new LimitError("message", maxMessageBytes);
            }
          } else if (first === E) {
            event = ownCopy(value, end - from, length);
          } else if (first === I) {
            if (value.indexOf("\0") < 0) id = ownCopy(value, end - from, length);
          } else if (first === COLON) {
            handlers.onComment?.(ownCopy(value, end - from, length));
          } else if (/^[0-9]+$/.test(value)) {
            handlers.onRetry?.(+value);
          }
        }
      }

      if (!busy) return;
      at = end + 1;
      if (end === cr) {
        if (at === length) afterCr = true;
        else if (unitAt(at) === LF) at++;
      }
    }
    openData = data;
    openLength = dataLength;
    openEvent = event;
    openId = id;
  }

  function hold(piece: string): void {
    rest += piece;
    // A UTF-16 unit is three bytes of UTF-8 at most, so that counting can wait until a line is a third of the limit.
    if (rest.length * 3 > maxLineBytes) {
      restBytes += byteLength(restBytes === 0 ? rest : piece);
      if (restBytes > maxLineBytes) throw new LimitError("line", maxLineBytes);
    }
  }

  function end(): ParserEnd {
    const truncated =
      busy || rest !== "" || openData !== undefined || openEvent !== "" || openId !== undefined;
    const more = rest.slice(0, 5) === "data:" ? rest.slice(rest[5] === " " ? 6 : 5) : undefined;
    const data = more === undefined ? openData : openData === undefined ? more : `${openData}\n${more}`;
    const unfinished =
      data === undefined
        ? undefined
        : { event: openEvent || "message", data, id: openId ?? parser.lastEventId };
    reset();
    return { truncated, unfinished };
  }

  function reset(): void {
    rest = openEvent = "";
    openData = openId = undefined;
    restBytes = openBytes = 0;
    afterCr = busy = false;
    atStart = true;
  }
}

/** Bytes of UTF-8. Each half of a surrogate pair is two of its four, so that text may be cut anywhere. */
function byteLength(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3;
  }
  return bytes;
}

/**
 * A value that is stored must not keep alive the chunk that it is a small part of, as a slice does in every engine.
 * Two halves joined and then read become a string of their own. A long value stays a slice: copying it would cost more
 * than all the rest, and the chunk is not so much longer.
 */
function ownCopy(value: string, length: number, chunkLength: number): string {
  if (length < 13 || chunkLength < length * (length < 128 ? 16 : 512)) return value;
  const copy = value.slice(0, length >> 1) + value.slice(length >> 1);
  read = copy.charCodeAt(0);
  return copy;
}

/** Exported and never read, so that no optimizer may leave the reading out. */
export let read = 0;
