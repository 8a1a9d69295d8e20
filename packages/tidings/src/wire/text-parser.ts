/**
 * Turns event stream text into messages, and knows strings alone: bytes come in through parser.ts.
 * Written for speed: it looks for line ends in the whole chunk, never copies a line, and keeps the block that it reads in
 * locals, which it puts away between two chunks. That it still does what the standard says is held by the vectors and by
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
export interface TextParser<Chunk = string> {
  /** The last event ID: what a client sends as `Last-Event-ID` when it returns. Writable, to start from a stored cursor. */
  lastEventId: string;
  /**
   * Takes the next part of the text, cut anywhere.
   * @throws {LimitError} If a line or a message is too long. After this, or an error thrown by a handler, the rest of the
   * chunk is lost and the parser wants `reset()`.
   */
  push(this: void, chunk: Chunk): void;
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

/**
 * Turns what is pushed into text, cut anywhere. A BOM is passed on: the parser decides.
 * Called without a chunk at the end and at a reset, it gives what it kept of the chunks before, and forgets it.
 * @param read - Takes the text too, for who has it in several parts: what is returned is the last of them.
 */
export type Decode<Chunk> = (chunk?: Chunk | string, read?: (text: string) => void) => string;

/**
 * A parser of text that calls `handlers` while it reads. A closure rather than a class: it stays small in ES2015.
 * @param decode - For a parser that takes something else than text. Default: takes text.
 */
export function createTextParser<Chunk = string>(
  handlers: ParserHandlers,
  { maxLineBytes = 2 ** 20, maxMessageBytes = 2 ** 23 }: ParserLimits = {},
  decode: Decode<Chunk> = (text) => (text ?? "") as string,
): TextParser<Chunk> {
  // What a search gives that found nothing, its -1 masked: past every index, and a small integer to each engine.
  const NOWHERE = 0x3fffffff;
  // What the next character may be and count for nothing: a BOM at the start, the LF of a CRLF whose CR ended a chunk.
  let skipped: number;
  // The line that no line end followed yet.
  let rest: string;
  // The block that no blank line followed yet.
  let openData: string | undefined;
  let openEvent: string;
  let openId: string | undefined;
  // Whether `push` is at work, or was left by an error. A handler that calls `reset` clears it.
  let busy: boolean;

  const parser: TextParser<Chunk> = { lastEventId: "", push, end, reset };
  reset();
  return parser;

  function push(chunk?: Chunk | string): void {
    if (busy) throw new Error("Cannot parse event stream: expected reset() first");
    busy = true;
    read(decode(chunk, read));
    busy = false;
  }

  function read(text: string): void {
    const lf = text.indexOf("\n") & NOWHERE;
    const cr = text.indexOf("\r") & NOWHERE;
    let at = 0;
    if (rest !== "") {
      at = (lf < cr ? lf : cr) + 1;
      if (at > text.length) return hold(text);
      // Joined as an array is: the sum of two strings is one more kind of string to engines, and slows all else down.
      const line = [rest, text.slice(0, at)].join("");
      rest = "";
      // Its only line end is its last character, and need not be searched again. A CR may pass for an LF too: nothing is behind it.
      readLines(line, 0, line.length - 1, lf < cr ? NOWHERE : line.length - 1);
    }
    if (busy) readLines(text, at, lf, cr);
  }

  function hold(text: string): void {
    rest += text;
    limit("line", maxLineBytes, rest.length);
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
    const length = text.length;
    let data = openData;
    let event = openEvent;
    let id = openId;
    let skip = skipped;

    while (at < length) {
      const first = text.charCodeAt(at);
      let end = at;
      if (first === CR) {
        cr = at;
      } else if (first === skip) {
        // Not where a line begins, and so no blank one.
        at--;
      } else if (first !== LF) {
        // Each is kept until it is passed: a stream without one of them is not searched for it at each line.
        if (lf < at) lf = text.indexOf("\n", at) & NOWHERE;
        if (cr < at) cr = text.indexOf("\r", at) & NOWHERE;
        end = lf < cr ? lf : cr;
        if (end > length) {
          hold(text.slice(at));
          break;
        }
        if ((end - at) * 3 > maxLineBytes) limit("line", maxLineBytes, byteLength(text.slice(at, end)));
        // Where the name ends: by its letters where it is a frequent one, since any method that compares them costs more.
        let from =
          at +
          (first === LETTER_D &&
          text.charCodeAt(at + 1) === LETTER_A &&
          text.charCodeAt(at + 2) === LETTER_T &&
          text.charCodeAt(at + 3) === LETTER_A
            ? 4
            : first === LETTER_I && text.charCodeAt(at + 1) === LETTER_D
              ? 2
              : text.startsWith(first === LETTER_E ? "event" : "retry", at)
                ? 5
                : 0);
        if (from === end || text.charCodeAt(from) === COLON) {
          if (from < end && text.charCodeAt(++from) === SPACE) from++;
          const value = text.slice(from, end);
          if (first === LETTER_D) {
            data = data === undefined ? value : data + "\n" + value;
            limit("message", maxMessageBytes, data.length);
          } else {
            const own = ownCopy(value, length);
            if (first === LETTER_E) event = own;
            else if (first === LETTER_I) id = own.includes("\0") ? id : own;
            else if (first === COLON) handlers.onComment?.(own);
            else if (/^\d+$/.test(own)) handlers.onRetry?.(+own);
            if (!busy) return;
          }
        }
        // The blank line behind it is found without a search.
        if (end === lf && end + 1 < length && text.charCodeAt(end + 1) === LF) at = ++end;
      }

      if (at === end) {
        if (id !== undefined) {
          parser.lastEventId = id;
          handlers.onId?.(id);
          id = undefined;
          if (!busy) return;
        }
        if (data !== undefined) {
          if (data.length * 3 > maxMessageBytes) limit("message", maxMessageBytes, byteLength(data));
          handlers.onMessage?.({
            event: event || "message",
            data: ownCopy(data, length),
            id: parser.lastEventId,
          });
          data = undefined;
          if (!busy) return;
        }
        event = "";
      }

      at = end + 1;
      skip = -1;
      if (end === cr) {
        // A lone CR must not wait for what comes next.
        if (at === lf) at++;
        else skip = LF;
      }
    }
    skipped = skip;
    openData = data;
    openEvent = event;
    openId = id;
  }

  function end(): ParserEnd {
    let truncated = true;
    let unfinished: ParsedMessage | undefined;
    try {
      push();
      truncated = rest + openEvent !== "" || (openData ?? openId) !== undefined;
      // The start of any other line might be anything.
      if (rest.startsWith("data:")) push("\n");
      if (openData !== undefined)
        unfinished = { event: openEvent || "message", data: openData, id: openId ?? parser.lastEventId };
    } catch {
      // An error came before, or what there is of the message is too long to be shown.
    }
    reset();
    return { truncated, unfinished };
  }

  function reset(): void {
    decode();
    skipped = 0xfeff;
    rest = openEvent = "";
    openData = openId = undefined;
    busy = false;
  }
}

function limit(what: "line" | "message", max: number, length: number): void {
  if (length > max) throw new LimitError(what, max);
}

/** Bytes of UTF-8; each half of a surrogate pair is two of its four. */
function byteLength(text: string): number {
  return text.replace(/[\u0080-\u07ff\ud800-\udfff]/g, "aa").replace(/[\u0800-\uffff]/g, "aaa").length;
}

/**
 * A value that is stored must not keep alive the chunk that it is a small part of, as a slice does in every engine.
 * What is joined as an array is, is a string of its own. A long value stays a slice: copying it would cost more
 * than all the rest, and the chunk is not so much longer.
 */
export function ownCopy(value: string, chunkLength: number): string {
  return value.length < 13 || chunkLength < value.length * (value.length < 64 ? 16 : 1024)
    ? value
    : [value.slice(0, 1), value.slice(1)].join("");
}
