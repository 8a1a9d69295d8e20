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

/**
 * What a stream may cost. Each limit is in bytes of UTF-8, and one byte more is a {@link LimitError}: at the latest where the
 * line or the message ends, and in any case before it has more characters than the limit has bytes.
 */
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
   * @throws {LimitError} If a line or a message is too long. After this, or an error thrown by a handler, the rest of the
   * chunk is lost and the parser wants `reset()`.
   */
  push(this: void, text: string): void;
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

/** A parser of text that calls `handlers` while it reads. A closure rather than a class: it stays small in ES2015. */
export function createTextParser(handlers: ParserHandlers, limits: ParserLimits = {}): TextParser {
  const { maxLineBytes = 2 ** 20, maxMessageBytes = 2 ** 23 } = limits;
  let atStart = true;
  let afterCr = false;
  // The line that no line end followed yet, as the chunks brought it.
  let rest = "";
  let restLength = 0;
  // The block that no blank line followed yet.
  let data: string | undefined;
  let dataLength = 0;
  let event = "";
  let id: string | undefined;
  // Whether `push` is at work, or was left by an error. A handler that calls `reset` clears it.
  let busy = false;

  const parser: TextParser = { lastEventId: "", push, end, reset };
  return parser;

  function push(text: string): void {
    if (busy) throw new Error("Cannot push chunk: expected reset() first");
    if (text === "") return;
    busy = true;
    let at = atStart && text.charCodeAt(0) === 0xfeff ? 1 : 0;
    atStart = false;
    const lf = find(text, "\n", at);
    const cr = find(text, "\r", at);
    const end = lf < cr ? lf : cr;
    if (end === 2 ** 30) {
      hold(text, at);
    } else {
      if (rest !== "") {
        // Joined as an array is: the sum of two strings is one more kind of string to engines, and slows all else down.
        const line = [rest, text.slice(at, end + 1)].join("");
        rest = "";
        restLength = 0;
        at = end + 1;
        readLines(line, 0, -1, -1);
      }
      if (busy) readLines(text, at, lf, cr);
    }
    busy = false;
  }

  /** Reads on from a line's start. One function, with the block in locals: it is where the time goes. */
  function readLines(text: string, at: number, lf: number, cr: number): void {
    // Here, where an engine knows them for constants, which it does not beyond the function.
    const LF = 10;
    const CR = 13;
    const SPACE = 32;
    const COLON = 58;
    const LETTER_A = 97;
    const LETTER_D = 100;
    const LETTER_E = 101;
    const LETTER_I = 105;
    const LETTER_T = 116;
    const NOWHERE = 2 ** 30;
    const { length } = text;
    // The LF of a CRLF, whose line ended at the CR: a lone CR must not wait for what comes next.
    if (afterCr && at < length) {
      afterCr = false;
      if (text.charCodeAt(at) === LF) at++;
    }

    while (at < length) {
      const first = text.charCodeAt(at);
      let end = at;
      if (first === CR) {
        cr = at;
      } else if (first !== LF) {
        // Each is kept until it is passed: a stream without one of them is not searched for it at each line.
        if (lf < at) lf = find(text, "\n", at);
        if (cr < at) cr = find(text, "\r", at);
        end = lf < cr ? lf : cr;
        if (end === NOWHERE) {
          hold(text, at);
          break;
        }
        limit("line", maxLineBytes, end - at, text, at);
      }

      let blank = at === end;
      if (!blank) {
        // Where the name ends: by its letters where it is a frequent one, since any method that compares them costs more.
        let from =
          first === LETTER_D &&
          text.charCodeAt(at + 1) === LETTER_A &&
          text.charCodeAt(at + 2) === LETTER_T &&
          text.charCodeAt(at + 3) === LETTER_A
            ? at + 4
            : first === LETTER_I && text.charCodeAt(at + 1) === LETTER_D
              ? at + 2
              : text.startsWith("event", at) || text.startsWith("retry", at)
                ? at + 5
                : at;
        if (from === end || text.charCodeAt(from) === COLON) {
          if (from < end && text.charCodeAt(++from) === SPACE) from++;
          const valueLength = end - from;
          const value = text.slice(from, end);
          if (first === LETTER_D) {
            if (data === undefined) {
              data = value;
              dataLength = valueLength;
            } else {
              data = `${data}\n${value}`;
              dataLength += 1 + valueLength;
            }
            limit("message", maxMessageBytes, dataLength);
          } else {
            const own = ownCopy(value, valueLength, length);
            if (first === LETTER_E) event = own;
            else if (first === COLON) handlers.onComment?.(own);
            else if (first === LETTER_I) id = own.indexOf("\0") < 0 ? own : id;
            else if (/^[0-9]+$/.test(own)) handlers.onRetry?.(+own);
          }
        }
        if (!busy) return;
        // The blank line behind it is found without a search.
        if (end === lf && end + 1 < length && text.charCodeAt(end + 1) === LF) {
          blank = true;
          end++;
        }
      }

      if (blank) {
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
          limit("message", maxMessageBytes, dataLength, message);
          handlers.onMessage?.({
            event: type || "message",
            data: ownCopy(message, dataLength, length),
            id: parser.lastEventId,
          });
        }
        if (!busy) return;
      }

      at = end + 1;
      if (end === cr) {
        if (at === length) afterCr = true;
        else if (text.charCodeAt(at) === LF) at++;
      }
    }
  }

  function hold(text: string, at: number): void {
    rest += at > 0 ? text.slice(at) : text;
    restLength += text.length - at;
    limit("line", maxLineBytes, restLength);
  }

  function end(): ParserEnd {
    const truncated = busy || rest !== "" || data !== undefined || event !== "" || id !== undefined;
    let unfinished: ParsedMessage | undefined;
    if (!busy) {
      // As if the blank line had come, but for the start of a line that might be anything, and with nobody listening.
      const { lastEventId } = parser;
      const listening = handlers;
      handlers = { onMessage: (message) => (unfinished = message) };
      if (rest.slice(0, 5) !== "data:") rest = "";
      try {
        push("\n\n");
      } catch {
        // A message that is too long cannot be shown.
      }
      handlers = listening;
      parser.lastEventId = lastEventId;
    }
    reset();
    return { truncated, unfinished };
  }

  function reset(): void {
    rest = event = "";
    restLength = 0;
    data = id = undefined;
    afterCr = busy = false;
    atStart = true;
  }
}

/** The index, or one past every other. */
function find(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? 2 ** 30 : at;
}

/** Bytes are counted where the text is given and can be too long, which is at a third of the limit: it takes its time. */
function limit(what: "line" | "message", max: number, length: number, text = "", at = 0): void {
  if (length * 3 > max && (length > max || byteLength(text.slice(at, at + length)) > max))
    throw new LimitError(what, max);
}

/** Bytes of UTF-8; each half of a surrogate pair is two of its four. */
function byteLength(text: string): number {
  return text.replace(/[\u0080-\u07ff\ud800-\udfff]/g, "aa").replace(/[\u0800-\uffff]/g, "aaa").length;
}

/**
 * A value that is stored must not keep alive the chunk that it is a small part of, as a slice does in every engine.
 * Two halves joined and then read become a string of their own. A long value stays a slice: copying it would cost more
 * than all the rest, and the chunk is not so much longer.
 */
export function ownCopy(value: string, length: number, chunkLength: number): string {
  if (length < 13 || chunkLength < length * (length < 64 ? 16 : 512)) return value;
  const copy = value.slice(0, length >> 1) + value.slice(length >> 1);
  read = copy.charCodeAt(0);
  return copy;
}

/** @public Exported and never read, so that no optimizer may leave the reading out. */
export let read = 0;
