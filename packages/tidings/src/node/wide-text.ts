/**
 * Text that is not Latin-1, checked and written as UTF-8 by WebAssembly.
 *
 * Before Node 26, `isWellFormed` and `utf8Write` read such text one character after the other. These two functions take eight
 * at a time. They are put together here from instructions, so that no compiled file has to be trusted. Their memory holds a
 * copy of the text as UTF-16, and behind it the UTF-8. They call nothing, and both stop at a line break and at a lone surrogate.
 * Instructions: https://webassembly.github.io/spec/core/appendix/index-instructions.html
 */

export interface WideText {
  /** Whether there is no line break and no lone surrogate in a text of at most {@link LONGEST_WIDE} characters. */
  isLine(this: void, text: string): boolean;
  /** Writes such a text to where it fits. @returns How many bytes; or -1 if it is no line. */
  writeLine(this: void, text: string, into: Uint8Array, at: number): number;
}

/** @throws {Error} If there is no WebAssembly, or none with vectors: it is off, or the processor is old. */
export function createWideText(): WideText {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble()));
  const { memory, check, convert } = exports as unknown as {
    readonly memory: { readonly buffer: ArrayBuffer };
    readonly check: (bytes: number) => number;
    readonly convert: (bytes: number) => number;
  };
  const bytes = Buffer.from(memory.buffer) as Buffer & { ucs2Write(text: string, at: number): number };
  return {
    isLine: (text) => check(bytes.ucs2Write(text, 0)) === 1,
    writeLine(text, into, at) {
      const end = convert(bytes.ucs2Write(text, 0));
      if (end > 0) bytes.copy(into, at, UTF8, UTF8 + end);
      return end;
    },
  };
}

/** What fits the memory, with one vector behind it. */
export const LONGEST_WIDE = 32_000;

/** Where the UTF-8 begins. The text before it has three bytes for each character at most. */
const UTF8 = 65_536;
const MEMORY_PAGES = 3;

type Code = readonly (number | Code)[];

function assemble(): Uint8Array<ArrayBuffer> {
  const letters = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
  const name = (text: string): Code => [text.length, letters(text)];
  const sized = (code: Code): Code => {
    const bytes = flatten(code);
    return [unsigned(bytes.length), bytes];
  };
  const FUNCTION = 0x60;
  const [MEMORY, CODE] = [2, 0];
  return Uint8Array.from(
    flatten([
      [letters("\0asm"), 1, 0, 0, 0],
      [1, sized([1, FUNCTION, 1, I32, 1, I32])],
      [3, sized([2, 0, 0])],
      [5, sized([1, 0, MEMORY_PAGES])],
      [7, sized([3, name("memory"), MEMORY, 0, name("check"), CODE, 0, name("convert"), CODE, 1])],
      [10, sized([2, sized(check()), sized(convert())])],
    ]),
  );
}

/** `(end of the text) -> 1 if it is a line, or 0`. */
function check(): Code {
  const [end, at, units, surrogates, highs, before, breaks] = [0, 1, 2, 3, 4, 5, 6];
  return [
    [2, 1, I32, 5, V128],
    // The last vector is filled with zeros. There is always one, so a high surrogate at the end is seen to have no low one.
    [get(end), units16(0), STORE(0)],
    LOOP,
    [get(at), LOAD, set(units)],
    [get(units), lineBreaks(units), tee(breaks)],
    [get(units), areSurrogates, tee(surrogates), V_OR, get(before), V_OR, ANY_TRUE, IF],
    [get(breaks), ANY_TRUE, IF, i32(0), RETURN, END],
    [get(units), units16(0xfc00), V_AND, units16(0xd800), EQUAL_16, set(highs)],
    // Low surrogates must be where high ones are, one character later.
    [
      get(surrogates),
      get(highs),
      V_XOR,
      get(before),
      get(highs),
      LATER,
      V_XOR,
      ANY_TRUE,
      IF,
      i32(0),
      RETURN,
      END,
    ],
    [get(highs), set(before)],
    END,
    [get(at), i32(16), ADD, tee(at), get(end), LESS_OR_EQUAL, again(0)],
    [END, i32(1), END],
  ];
}

/** `(end of the text) -> how many bytes its UTF-8 has, or -1 if it is no line`. */
function convert(): Code {
  const [end, at, out, limit, unit, low, ascii, units, wide] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const move = (local: number, by: number): Code => [get(local), i32(by), ADD, set(local)];
  const byte = (place: number, lead: number, shift: number, mask: number): Code => [
    [get(out), get(unit), i32(shift), SHIFT_RIGHT, i32(mask), AND, i32(lead), OR, STORE_8(UTF8 + place)],
  ];
  const narrowed: Code = [get(out), get(units), get(units), NARROW, STORE_LOW(UTF8)];
  /** Four characters of three bytes each: 1110xxxx 10xxxxxx 10xxxxxx. */
  const threes = (half: Code, place: number): Code => [
    [get(units), half, set(wide), get(out)],
    [get(wide), i32(12), SHIFT_RIGHT_32],
    [get(wide), i32(2), SHIFT_LEFT_32, units32(0x3f00), V_AND, V_OR],
    [get(wide), i32(16), SHIFT_LEFT_32, units32(0x3f0000), V_AND, V_OR],
    [units32(0x8080e0), V_OR, tee(wide), get(wide), THREE_OF_FOUR, STORE(UTF8 + place)],
  ];
  const refuse: Code = [i32(-1), RETURN];
  return [
    [2, 6, I32, 2, V128],
    LOOP,
    [get(at), i32(16), ADD, tee(limit), get(end), LESS_OR_EQUAL, IF],
    [
      [get(at), LOAD, set(units)],
      [get(units), lineBreaks(units), ANY_TRUE, IF, refuse, END],
      [get(units), units16(0x7f), GREATER_16, BITMASK_16, tee(ascii), IS_ZERO, IF],
      [narrowed, move(out, 8), get(limit), set(at), go(2)],
      END,
      [get(units), units16(0x800), AT_LEAST_16, ALL_TRUE_16, IF],
      [get(units), areSurrogates, ANY_TRUE, IS_ZERO, IF],
      [threes(LOW_HALF, 0), threes(HIGH_HALF, 12), move(out, 24), get(limit), set(at), go(3)],
      [END, END],
      // What there is of ASCII before the first that is not.
      [get(ascii), TRAILING_ZEROS, tee(ascii), IF],
      [narrowed, get(out), get(ascii), ADD, set(out)],
      [get(at), get(ascii), i32(1), SHIFT_LEFT, ADD, set(at)],
      END,
    ],
    [ELSE, get(end), set(limit), END],
    // One by one: up to the next that is ASCII, or the limit; at the end, all.
    LOOP,
    [get(at), get(limit), LESS, IF],
    [
      [get(at), LOAD_16, set(unit), move(at, 2)],
      [get(unit), i32(0x80), LESS, IF],
      [get(unit), i32(10), EQUAL, get(unit), i32(13), EQUAL, OR, IF, refuse, END],
      [byte(0, 0, 0, 0x7f), move(out, 1), get(limit), get(end), EQUAL, again(2), go(3)],
      END,
      [get(unit), i32(0x800), LESS, IF],
      [byte(0, 0xc0, 6, 0x1f), byte(1, 0x80, 0, 0x3f), move(out, 2), go(2)],
      END,
      [get(unit), i32(0xf800), AND, i32(0xd800), NOT_EQUAL, IF],
      [byte(0, 0xe0, 12, 0x0f), byte(1, 0x80, 6, 0x3f), byte(2, 0x80, 0, 0x3f), move(out, 3), go(2)],
      END,
      [get(unit), i32(0xdc00), AT_LEAST, get(at), get(end), AT_LEAST, OR, IF, refuse, END],
      [get(at), LOAD_16, tee(low), i32(0xfc00), AND, i32(0xdc00), NOT_EQUAL, IF, refuse, END],
      move(at, 2),
      [get(unit), i32(0x3ff), AND, i32(10), SHIFT_LEFT, get(low), i32(0x3ff), AND, OR],
      [i32(0x10000), ADD, set(unit)],
      [byte(0, 0xf0, 18, 0x07), byte(1, 0x80, 12, 0x3f), byte(2, 0x80, 6, 0x3f), byte(3, 0x80, 0, 0x3f)],
      [move(out, 4), go(1)],
    ],
    [END, END],
    [get(at), get(end), LESS, again(0)],
    [END, get(out), END],
  ];
}

/** Which of the characters are line breaks; behind one reading of them. */
function lineBreaks(units: number): Code {
  return [units16(10), EQUAL_16, get(units), units16(13), EQUAL_16, V_OR];
}

function flatten(code: Code): number[] {
  return code.flatMap((part) => (typeof part === "number" ? part : flatten(part)));
}

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

function vector(instruction: number): Code {
  return [0xfd, unsigned(instruction)];
}

function lanes(...places: number[]): Code {
  return [vector(0x0d), places];
}

function get(local: number): Code {
  return [0x20, local];
}

function set(local: number): Code {
  return [0x21, local];
}

function tee(local: number): Code {
  return [0x22, local];
}

function go(depth: number): Code {
  return [0x0c, depth];
}

function again(depth: number): Code {
  return [0x0d, depth];
}

function i32(value: number): Code {
  return [0x41, signed(value)];
}

function units16(value: number): Code {
  return [i32(value), vector(0x10)];
}

function units32(value: number): Code {
  return [i32(value), vector(0x11)];
}

function STORE(offset: number): Code {
  return [vector(0x0b), 0, unsigned(offset)];
}

function STORE_LOW(offset: number): Code {
  return [vector(0x5b), 0, unsigned(offset), 0];
}

function STORE_8(offset: number): Code {
  return [0x3a, 0, unsigned(offset)];
}

const I32 = 0x7f;
const V128 = 0x7b;
const NOTHING = 0x40;
const LOOP: Code = [0x03, NOTHING];
const IF: Code = [0x04, NOTHING];
const ELSE = 0x05;
const END = 0x0b;
const RETURN = 0x0f;
const IS_ZERO = 0x45;
const EQUAL = 0x46;
const NOT_EQUAL = 0x47;
const LESS = 0x49;
const LESS_OR_EQUAL = 0x4d;
const AT_LEAST = 0x4f;
const TRAILING_ZEROS = 0x68;
const ADD = 0x6a;
const AND = 0x71;
const OR = 0x72;
const SHIFT_LEFT = 0x74;
const SHIFT_RIGHT = 0x76;
const LOAD_16: Code = [0x2f, 1, 0];
const LOAD: Code = [vector(0x00), 0, 0];
const EQUAL_16 = vector(0x2d);
const GREATER_16 = vector(0x32);
const AT_LEAST_16 = vector(0x36);
const V_AND = vector(0x4e);
const V_OR = vector(0x50);
const V_XOR = vector(0x51);
const ANY_TRUE = vector(0x53);
const NARROW = vector(0x66);
const ALL_TRUE_16 = vector(0x83);
const BITMASK_16 = vector(0x84);
const LOW_HALF = vector(0xa9);
const HIGH_HALF = vector(0xaa);
const SHIFT_LEFT_32 = vector(0xab);
const SHIFT_RIGHT_32 = vector(0xad);
/** Of two vectors, what is one character before the second. */
const LATER = lanes(14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
/** The lowest three bytes of each four. What follows is overwritten. */
const THREE_OF_FOUR = lanes(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 3, 3, 3);
/** Which of the characters are surrogates. */
const areSurrogates: Code = [units16(0xf800), V_AND, units16(0xd800), EQUAL_16];
