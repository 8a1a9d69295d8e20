/**
 * Turns lines into messages: all that the standard says of fields, blocks and blank lines. parser.ts cuts the stream into lines.
 *
 * Written for speed, in three parts. Two small loops do the common message, one line of data and a blank line: `readAscii` reads
 * the names of fields from the bytes that the text was decoded from, which costs an engine less than asking the string, and
 * `readText` does without them. Everything else is one block for `readBlock`. What stands in a small loop is not slowed by code
 * that it does not run; docs/wire.md says more.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */
import type { ParserHandlers } from "./handlers.ts";
import { LimitError } from "./limit-error.ts";
import type { ParsedMessage } from "./message.ts";

export interface Lines {
  /**
   * Counts the resets. A handler may reset the parser, so code that reads on after a call of `read` checks whether this is still the same.
   */
  turn: number;
  /** Whether the text that was read last had a field short enough to be kept by itself. */
  hasSmall: boolean;
  /** Passes over what may be ignored at a place of a text: a BOM, or the LF of a CRLF. @returns The place behind it. */
  begin(text: string, at: number): number;
  /**
   * Reads the lines between two places of a text.
   * @param cr - Where the next CR is: searched by the caller, since of a long text it need be done once; past the text if there is none.
   * @param bytes - What the text was decoded from, if that was one byte for each character; `offset` is where the text begins.
   * @returns Where it stopped: at a line without an end; or in a long text at the first small field.
   */
  read(text: string, from: number, to: number, cr: number, bytes?: Uint8Array, offset?: number): number;
  /** What there is of a block that is not ended yet. */
  end(): ParserEnd;
  reset(): void;
}

export interface ParserEnd {
  /** Whether a message was cut off. */
  readonly truncated: boolean;
  /** The message that was cut off, if some of its data had come: for people to see, never to be handled as one. */
  readonly unfinished?: ParsedMessage | undefined;
}

/** @param parser - Has the last event ID, which its owner may set. */
export function createLines(
  parser: { lastEventId: string },
  { onMessage, onRetry, onComment, onId }: ParserHandlers,
  maxMessageBytes: number,
): Lines {
  // Longer text is measured: a character is at most three bytes.
  const longest = Math.min(Math.floor(maxMessageBytes / 3), NOWHERE);
  // The block that no blank line followed yet.
  let openData: string | undefined;
  // Of how many lines its data was added up. Engines keep the parts of a sum: many small ones take many times the memory of one text,
  // which they become when it is searched.
  let sums = 0;
  let openEvent: string;
  let openId: string | undefined;
  // Whether it has any of these.
  let isOpen: boolean;
  // The last event type of some length, which the next is often equal to.
  let lastEvent = "";
  // Where the line began that named it, in the text that is read.
  let eventAt: number;
  // What the next character may be and count for nothing: a BOM at the start, the LF of a CRLF whose CR ended a text.
  let skipped: number;
  // Fields below this length are copied out of the text that is read, since it is long.
  let copiedBelow = 0;
  const lines: Lines = { turn: 0, hasSmall: true, begin, read, end, reset };
  reset();
  return lines;

  function begin(text: string, at: number): number {
    if (skipped === NOTHING || at === text.length) return at;
    const isSkipped = text.charCodeAt(at) === skipped;
    skipped = NOTHING;
    return isSkipped ? at + 1 : at;
  }

  function read(text: string, from: number, to: number, cr: number, bytes?: Uint8Array, offset = 0): number {
    copiedBelow = text.length > SHORT_TEXT ? SMALL : 0;
    lines.hasSmall = false;
    eventAt = -1;
    const at = begin(text, from);
    if (cr < to) return readAny(text, at, to, cr);
    return bytes === undefined ? readText(text, at, to) : readAscii(text, at, to, bytes, offset);
  }

  function readAscii(text: string, at: number, to: number, bytes: Uint8Array, offset: number): number {
    // Here, where an engine knows them for constants, which it does not beyond the function.
    const LF = 10;
    const SPACE = 32;
    const COLON = 58;
    const LETTER_A = 97;
    const LETTER_D = 100;
    const LETTER_E = 101;
    const LETTER_T = 116;
    const { turn } = lines;
    const smallest = copiedBelow;
    let size = 0;
    // The last line that named an event type, in `bytes`.
    let eventStart = 0;
    let eventLength = 0;
    let view: DataView | undefined;
    while (at + 6 < to) {
      const start = offset + at;
      const first = bytes[start];
      if (
        first === LETTER_D &&
        bytes[start + 1] === LETTER_A &&
        bytes[start + 2] === LETTER_T &&
        bytes[start + 3] === LETTER_A &&
        bytes[start + 4] === COLON
      ) {
        const from = bytes[start + 5] === SPACE ? at + 6 : at + 5;
        const end = text.indexOf("\n", from);
        size = end - from;
        if (
          end + 1 < to &&
          bytes[offset + end + 1] === LF &&
          (size >= smallest || size <= TINY) &&
          size <= longest
        ) {
          at = end + 2;
          if (isOpen) dispatch(text.slice(from, end));
          else if (onMessage !== undefined)
            onMessage({ event: "message", data: text.slice(from, end), id: parser.lastEventId });
          if (lines.turn !== turn) return to;
          continue;
        }
        takeData(text, from, end);
        at = end + 1;
      } else if (first === LF) {
        at++;
        if (isOpen) dispatch();
        if (lines.turn !== turn) return to;
      } else {
        if (first === LETTER_E && eventLength > 0) {
          // Most often the event type is the last one, and need not be made into a string again.
          if (view === undefined) view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
          let same = 0;
          for (const most = Math.min(eventLength, bytes.length - start) - 3; same < most; same += 4)
            if (view.getInt32(start + same, true) !== view.getInt32(eventStart + same, true)) break;
          while (same < eventLength && bytes[start + same] === bytes[eventStart + same]) same++;
          if (same === eventLength) {
            openEvent = lastEvent;
            isOpen = true;
            at += eventLength;
            continue;
          }
        }
        const next = readLine(text, at, to);
        if (next === at || lines.turn !== turn) return next;
        if (eventAt === at) {
          eventStart = start;
          eventLength = next - at;
        }
        at = next;
      }
      if (smallest > 0 && lines.hasSmall) return at;
    }
    if (size > TINY && size < SMALL) lines.hasSmall = true;
    return readRest(text, at, to);
  }

  function readText(text: string, at: number, to: number): number {
    const LF = 10;
    const SPACE = 32;
    const COLON = 58;
    const LETTER_A = 97;
    const LETTER_D = 100;
    const LETTER_T = 116;
    const { turn } = lines;
    const smallest = copiedBelow;
    let size = 0;
    // No character is asked for that is not there: an engine that was asked for one once is slower ever after.
    while (at + 6 < to) {
      if (
        text.charCodeAt(at) === LETTER_D &&
        text.charCodeAt(at + 1) === LETTER_A &&
        text.charCodeAt(at + 2) === LETTER_T &&
        text.charCodeAt(at + 3) === LETTER_A &&
        text.charCodeAt(at + 4) === COLON
      ) {
        const from = text.charCodeAt(at + 5) === SPACE ? at + 6 : at + 5;
        const end = text.indexOf("\n", from);
        size = end - from;
        if (end < 0 || end >= to) return at;
        if (
          end + 1 < to &&
          text.charCodeAt(end + 1) === LF &&
          (size >= smallest || size <= TINY) &&
          size <= longest
        ) {
          at = end + 2;
          if (isOpen) dispatch(text.slice(from, end));
          else if (onMessage !== undefined)
            onMessage({ event: "message", data: text.slice(from, end), id: parser.lastEventId });
          if (lines.turn !== turn) return to;
          continue;
        }
        takeData(text, from, end);
        at = end + 1;
      } else {
        const next = readLine(text, at, to);
        if (next === at || lines.turn !== turn) return next;
        at = next;
      }
      if (smallest > 0 && lines.hasSmall) return at;
    }
    if (size > TINY && size < SMALL) lines.hasSmall = true;
    return readRest(text, at, to);
  }

  /** Reads lines that are too short for the loops to look at. */
  function readRest(text: string, at: number, to: number): number {
    const { turn } = lines;
    while (at < to && lines.turn === turn) {
      const next = readLine(text, at, to);
      if (next === at) break;
      at = next;
    }
    return at;
  }

  /** Reads one line that LF ends. @returns Where the next begins; or `at`, if it has no end. */
  function readLine(text: string, at: number, to: number): number {
    const LF = 10;
    const end = text.charCodeAt(at) === LF ? at : text.indexOf("\n", at);
    if (end < 0 || end >= to) return at;
    takeLine(text, at, end);
    return end + 1;
  }

  /** Reads lines in a text with CR. */
  function readAny(text: string, at: number, to: number, cr: number): number {
    const LF = 10;
    const CR = 13;
    const { turn } = lines;
    let lf = -1;
    while (at < to) {
      const first = text.charCodeAt(at);
      let end = at;
      if (first === CR) {
        cr = at;
      } else if (first !== LF) {
        // Each is kept until it is passed: a text without one of them is not searched for it at each line.
        if (lf < at) lf = text.indexOf("\n", at) & NOWHERE;
        if (cr < at) cr = text.indexOf("\r", at) & NOWHERE;
        end = lf < cr ? lf : cr;
        if (end >= to) return at;
      }
      takeLine(text, at, end);
      if (lines.turn !== turn) return to;
      at = end + 1;
      if (end === cr) {
        // A lone CR must not wait for what comes next.
        if (at === to) skipped = LF;
        else if (text.charCodeAt(at) === LF) at++;
      }
    }
    return at;
  }

  function takeLine(text: string, at: number, end: number): void {
    const SPACE = 32;
    const COLON = 58;
    const LETTER_A = 97;
    const LETTER_D = 100;
    const LETTER_E = 101;
    const LETTER_I = 105;
    const LETTER_N = 110;
    const LETTER_R = 114;
    const LETTER_T = 116;
    const LETTER_V = 118;
    const LETTER_Y = 121;
    if (at === end) return isOpen ? dispatch() : undefined;
    if (end - at > longest) limit(byteLength(text.slice(at, end)), maxMessageBytes + FIELD_NAME);
    // Where the name ends. By its letters, since any method that compares them costs more; a letter that is not there is the line end.
    const first = text.charCodeAt(at);
    let from = end + 1;
    if (first === LETTER_D) {
      if (
        text.charCodeAt(at + 1) === LETTER_A &&
        text.charCodeAt(at + 2) === LETTER_T &&
        text.charCodeAt(at + 3) === LETTER_A
      )
        from = at + 4;
    } else if (first === LETTER_E) {
      if (
        text.charCodeAt(at + 1) === LETTER_V &&
        text.charCodeAt(at + 2) === LETTER_E &&
        text.charCodeAt(at + 3) === LETTER_N &&
        text.charCodeAt(at + 4) === LETTER_T
      )
        from = at + 5;
    } else if (first === LETTER_I) {
      if (text.charCodeAt(at + 1) === LETTER_D) from = at + 2;
    } else if (first === LETTER_R) {
      if (
        text.charCodeAt(at + 1) === LETTER_E &&
        text.charCodeAt(at + 2) === LETTER_T &&
        text.charCodeAt(at + 3) === LETTER_R &&
        text.charCodeAt(at + 4) === LETTER_Y
      )
        from = at + 5;
    } else if (first === COLON) {
      from = at;
    }
    if (from !== end) {
      if (from > end || text.charCodeAt(from) !== COLON) return;
      from++;
      if (from < end && text.charCodeAt(from) === SPACE) from++;
    }

    if (first === LETTER_D) {
      takeData(text, from, end);
    } else if (first === LETTER_E) {
      const value = text.slice(from, end);
      // Where it matters, an event type that is the last one is that string, and not a part of this text.
      if (value.length <= TINY || (copiedBelow === 0 && value.length === lastEvent.length)) lastEvent = value;
      else if (value !== lastEvent) lastEvent = field(text, from, end);
      openEvent = lastEvent;
      isOpen = true;
      eventAt = at;
    } else if (first === LETTER_I) {
      const value = field(text, from, end);
      if (value.indexOf("\0") >= 0) return;
      openId = value;
      isOpen = true;
    } else if (first === COLON) {
      if (onComment !== undefined) onComment(field(text, from, end));
    } else if (onRetry !== undefined) {
      const value = text.slice(from, end);
      if (/^\d+$/.test(value)) onRetry(+value);
    }
  }

  function takeData(text: string, from: number, end: number): void {
    const value = field(text, from, end);
    openData = openData === undefined ? value : openData + "\n" + value;
    if (++sums > 1000 + openData.length / 64) sums = +(openData.indexOf("\n") < 0);
    isOpen = true;
    limit(openData.length, maxMessageBytes);
  }

  /** A blank line. @param data - The only line of data, if that has not been taken yet. */
  function dispatch(data?: string): void {
    if (data === undefined) data = openData;
    else if (openData !== undefined) data = openData + "\n" + data;
    const event = openEvent;
    const id = openId;
    const { turn } = lines;
    clear();
    // A message that is refused moves no cursor.
    if (data !== undefined && data.length > longest) limit(byteLength(data), maxMessageBytes);
    if (id !== undefined) {
      parser.lastEventId = id;
      if (onId !== undefined) {
        onId(id);
        if (lines.turn !== turn) return;
      }
    }
    if (data === undefined) return;
    if (onMessage !== undefined) onMessage({ event: event || "message", data, id: parser.lastEventId });
  }

  function clear(): void {
    isOpen = false;
    openData = openId = undefined;
    openEvent = "";
  }

  /**
   * The value of a field. One that is stored must not keep alive a long text that it is a small part of, as a slice does in every
   * engine: what is joined as an array is, is a string of its own. A long value stays a slice: copying it would cost more than all the rest.
   */
  function field(text: string, from: number, to: number): string {
    const size = to - from;
    if (size > TINY && size < SMALL) {
      lines.hasSmall = true;
      if (copiedBelow > 0) return [text.slice(from, from + 1), text.slice(from + 1, to)].join("");
    }
    return text.slice(from, to);
  }

  function end(): ParserEnd {
    return {
      truncated: openData !== undefined || openId !== undefined || openEvent !== "",
      unfinished:
        openData === undefined
          ? undefined
          : {
              event: openEvent || "message",
              data: openData,
              id: openId === undefined ? parser.lastEventId : openId,
            },
    };
  }

  function reset(): void {
    lines.turn++;
    skipped = BOM;
    clear();
  }
}

function limit(length: number, max: number): void {
  if (length > max) throw new LimitError(max);
}

/** Bytes of UTF-8; each half of a surrogate pair is two of its four. */
export function byteLength(text: string): number {
  return text.replace(/[\u0080-\u07ff\ud800-\udfff]/g, "aa").replace(/[\u0800-\uffff]/g, "aaa").length;
}

/** What a search gives that found nothing, its -1 masked: past every index, and a small integer to each engine. */
export const NOWHERE = 0x3fffffff;
const BOM = 0xfeff;
const NOTHING = -1;
/** The longest field that engines copy by themselves. */
const TINY = 12;
/** Fields below this are kept by themselves. */
const SMALL = 64;
/** What a small field may keep alive. */
export const SHORT_TEXT = 2560;
/** The part of a line that the limit does not count: "data: ". */
export const FIELD_NAME = 6;
