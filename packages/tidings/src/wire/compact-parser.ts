/**
 * The parser of clients in browsers and mini programs. They load it over a network that is slower than any parser, so it is short.
 * It does what `createParser` of parser.ts does, and passes the same tests.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 * This module is browser compatible, and is lowered to ES2015 for mini programs.
 */
import { MAX_MESSAGE_BYTES, type ParserHandlers, type ParserLimits } from "./handlers.ts";
import { LimitError } from "./limit-error.ts";
import { byteLength, FIELD_NAME, NOWHERE } from "./lines.ts";
import type { ParsedMessage } from "./message.ts";
import type { Parser, ParserEnd } from "./parser.ts";

const LF = 10;
const SPACE = 32;
const COLON = 58;
const LETTER_A = 97;
const LETTER_D = 100;
const LETTER_T = 116;
const BOM = 0xfeff;
const BOM_BYTES = 3;
const NOTHING = -1;
/** What a small field may keep alive. */
const BLOCK = 4096;

/** Turns the next bytes into text, wherever characters are cut. Without bytes it ends: it returns the text of what was left over. */
export type StreamDecoder = (bytes?: Uint8Array) => string;

/**
 * @param decode - For a platform without `TextDecoder`. A BOM is passed on: the parser decides.
 * @throws {TypeError} If the limit is not a positive number.
 */
export function createCompactParser(
  { onMessage, onId, onComment, onRetry }: ParserHandlers,
  { maxMessageBytes = MAX_MESSAGE_BYTES }: ParserLimits = {},
  decode: StreamDecoder = platformDecoder(),
): Parser {
  if (typeof maxMessageBytes !== "number" || !(maxMessageBytes > 0)) {
    throw new TypeError(
      `Cannot create parser: maxMessageBytes is ${String(maxMessageBytes)}, expected a positive number`,
    );
  }
  const longestLine = maxMessageBytes + FIELD_NAME;
  // What the next character may be and count for nothing: a BOM at the start, the LF of a CRLF whose CR ended a text.
  let skipped: number;
  // The line that no line end followed yet.
  let rest: string;
  // Of how many texts it was added up.
  let parts: number;
  // The block that no blank line followed yet.
  let data: string | undefined;
  // Of how many lines its data was added up.
  let sums = 0;
  let event: string;
  let id: string | undefined;
  // Whether `push` is at work, or was left by an error.
  let busy: boolean;
  // Counts the resets. After one in a handler, the rest of the chunk is not read.
  let turn = 0;
  const parser: Parser = { lastEventId: "", push, end, reset };
  reset();
  return parser;

  function push(chunk: Uint8Array | string): void {
    if (busy) throw new Error("Cannot parse event stream: expected reset() first");
    if (typeof chunk !== "string" && !chunk?.subarray)
      throw new TypeError("Cannot parse event stream: a chunk is neither a string nor a Uint8Array");
    busy = true;
    const current = turn;
    // In blocks, since in every engine a field keeps alive all of the text that it is a part of.
    for (let at = 0; at < chunk.length && turn === current; at += BLOCK) {
      read(
        typeof chunk === "string"
          ? copy(chunk.slice(at, at + BLOCK))
          : decode(chunk.subarray(at, at + BLOCK)),
      );
    }
    if (turn === current) busy = false;
  }

  function read(text: string): void {
    if (text === "") return;
    const current = turn;
    let at = text.charCodeAt(0) === skipped ? 1 : 0;
    let lf = -1;
    let cr = -1;
    skipped = NOTHING;
    for (;;) {
      // Each is kept until it is passed: a text without one of them is not searched for it at each line.
      if (text.charCodeAt(at) === LF) lf = at;
      else if (lf < at) lf = text.indexOf("\n", at) & NOWHERE;
      if (cr < at) cr = text.indexOf("\r", at) & NOWHERE;
      const end = lf < cr ? lf : cr;
      if (end === NOWHERE) break;
      if (rest === "") takeLine(text, at, end);
      else {
        const line = rest + text.slice(at, end);
        forgetRest();
        takeLine(line, 0, line.length);
      }
      if (turn !== current) return;
      at = end + 1;
      if (end === cr) {
        // A lone CR must not wait for what comes next.
        if (at === lf) at++;
        else if (at === text.length) skipped = LF;
      }
    }
    rest += text.slice(at);
    // Engines keep the parts of a sum. Many small ones take several times the memory of one text.
    if (++parts > 1000 + rest.length / 64) {
      rest = copy(rest);
      parts = 0;
    }
    limit(rest.length, longestLine + BOM_BYTES);
  }

  function takeLine(text: string, at: number, end: number): void {
    if (at === end) return dispatch();
    // Most lines are data. Engines compare letters faster than parts of strings.
    if (
      text.charCodeAt(at) === LETTER_D &&
      text.charCodeAt(at + 1) === LETTER_A &&
      text.charCodeAt(at + 2) === LETTER_T &&
      text.charCodeAt(at + 3) === LETTER_A &&
      text.charCodeAt(at + 4) === COLON
    )
      return takeData(text.slice(text.charCodeAt(at + 5) === SPACE ? at + 6 : at + 5, end));
    const line = text.slice(at, end);
    limitBytes(line, longestLine);
    let colon = line.indexOf(":");
    if (colon < 0) colon = line.length;
    const name = line.slice(0, colon);
    const value = line.slice(line.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1);
    if (name === "id") {
      if (value.indexOf("\0") < 0) id = value;
    } else if (name === "event") event = value;
    else if (name === "data") takeData(value);
    else if (name === "retry") {
      if (onRetry && /^\d+$/.test(value)) onRetry(Number(value));
    } else if (name === "" && onComment) onComment(value);
  }

  function takeData(value: string): void {
    // A copy: each of many short lines would keep its block alive until the message ends.
    data = data === undefined ? value : data + "\n" + copy(value);
    // As for a line. It is made one text when it is searched.
    if (++sums > 1000 + data.length / 64) sums = +(data.indexOf("\n") < 0);
    limit(data.length, maxMessageBytes);
  }

  /** A blank line. */
  function dispatch(): void {
    const message = unfinished();
    const newId = id;
    const current = turn;
    clear();
    // A message that is refused moves no cursor.
    if (message) limitBytes(message.data, maxMessageBytes);
    if (newId !== undefined) {
      parser.lastEventId = newId;
      if (onId) onId(newId);
    }
    if (message && onMessage && turn === current) onMessage(message);
  }

  function unfinished(): ParsedMessage | undefined {
    if (data === undefined) return;
    return { event: event || "message", data, id: id === undefined ? parser.lastEventId : id };
  }

  function end(): ParserEnd {
    let result: ParserEnd = { truncated: true };
    try {
      if (!busy) {
        read(decode());
        const truncated = rest + event !== "" || data !== undefined || id !== undefined;
        // The start of any other line might be anything.
        if (rest.startsWith("data:")) takeLine(rest, 0, rest.length);
        result = { truncated, unfinished: unfinished() };
      }
    } catch {
      // What there is of the message is too long to be shown.
    }
    reset();
    return result;
  }

  function reset(): void {
    turn++;
    busy = false;
    decode();
    skipped = BOM;
    forgetRest();
    clear();
  }

  function forgetRest(): void {
    rest = "";
    parts = 0;
  }

  function clear(): void {
    event = "";
    data = id = undefined;
  }

  function limit(length: number, most: number): void {
    if (length > most) throw new LimitError(maxMessageBytes);
  }

  /** In bytes of UTF-8, which are counted where they may be too many: a character is at most three. */
  function limitBytes(text: string, most: number): void {
    if (text.length * 3 > most) limit(byteLength(text), most);
  }
}

function platformDecoder(): StreamDecoder {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return (bytes) => decoder.decode(bytes, { stream: bytes !== undefined });
}

/** A string of its own: what is joined as an array is no slice, and no sum of strings. */
function copy(text: string): string {
  return [text.slice(0, 1), text.slice(1)].join("");
}
