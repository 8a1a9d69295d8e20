/**
 * Random event streams, from an alphabet in which everything that matters is frequent. For tests; in no build.
 */
import * as fc from "fast-check";

const PIECES = [
  "\n",
  "\n",
  "\r",
  ":",
  " ",
  "\0",
  "d",
  "i",
  "0",
  "\r\n",
  "\r\n\r\n",
  "\n\n",
  "data",
  "data:",
  "data: ",
  "event: ",
  "event:",
  "id: ",
  "id",
  "retry: ",
  "retry:12",
  "\ufeff",
  "\u2028",
  "\u0085",
  "é",
  "你好",
  "😀",
  "\ud83d",
  "\ude00",
  "text",
  "a longer text, past what engines copy",
  "长一些的文字，超过引擎复制的长度",
];

/** Broken in each of the ways that the Encoding Standard tells apart. */
const BROKEN = [
  [0x80],
  [0xc0, 0xaf],
  [0xe4, 0xbd],
  [0xf0, 0x9f, 0x98],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90],
  [0xef, 0xbb],
  [0xff],
];

const ENCODER = new TextEncoder();

/** Streams as text; lone surrogates among them. */
export const texts: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 40, size: "max" })
  .map((pieces) => pieces.join(""));

/** Streams as bytes; broken UTF-8 among them. */
export const bytes: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...PIECES).map((piece) => ENCODER.encode(piece)) },
      { weight: 1, arbitrary: fc.constantFrom(...BROKEN).map((piece) => Uint8Array.from(piece)) },
    ),
    { maxLength: 40, size: "max" },
  )
  .map(join);

const UNITS = [[0x78], [0xc3, 0xa9], [0xe4, 0xbd, 0xa0], [0xf0, 0x9f, 0x98, 0x80], ...BROKEN];

/** Streams of lines that are longer than most chunks; broken UTF-8 among them. */
export const longBytes: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.tuple(
      fc.array(fc.tuple(fc.constantFrom(...UNITS), fc.integer({ min: 200, max: 700 })), {
        minLength: 2,
        maxLength: 4,
      }),
      fc.constantFrom("\n\n", "\n\n", "\n", "\r\n\r\n", "\r"),
    ),
    { minLength: 2, maxLength: 6 },
  )
  .map((lines) =>
    join(
      lines.flatMap(([units, end]) => [
        ENCODER.encode("data: "),
        ...units.flatMap(([unit, times]) => Array.from({ length: times }, () => Uint8Array.from(unit))),
        ENCODER.encode(end),
      ]),
    ),
  );

/** Where to cut, as parts of the whole. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  maxLength: 8,
});

export function cut<Whole extends { readonly length: number; slice(from: number, to: number): Whole }>(
  whole: Whole,
  parts: readonly number[],
): Whole[] {
  const at = [0, ...parts.map((part) => Math.round(part * whole.length)).sort((a, b) => a - b), whole.length];
  return at.slice(1).map((to, index) => whole.slice(at[index]!, to));
}

export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
