/**
 * The checksum that ends a gzip stream, of a stream that is put together from parts which others share: each part's is
 * computed once, and a stream's own follows from it without looking at a byte again.
 *
 * CRC-32 is the remainder of the bytes, taken as one polynomial over GF(2), by a polynomial of degree 32. Bytes that follow
 * multiply what came before by x^8 each, and are added. So `joined = before * x^(8 * length) + part`.
 * Standard: https://www.rfc-editor.org/rfc/rfc1952#section-8
 * This module is browser compatible.
 */

/** The checksum of one part, ready to be joined to any other. */
export interface PartSum {
  readonly crc: number;
  /** x^(8 * length), which moves what came before past the part. */
  readonly shift: number;
  readonly length: number;
}

/** @param crc - Its CRC-32. */
export function partSum(crc: number, length: number): PartSum {
  return { crc, shift: powerOfX(length * 8), length };
}

/** The CRC-32 of what had `before` and goes on with the part. */
export function joinCrc(before: number, { crc, shift }: PartSum): number {
  return (multiply(before, shift) ^ crc) >>> 0;
}

/** Bits are in reverse order: the highest is the coefficient of x^0. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X = 0x40000000;

function multiply(a: number, b: number): number {
  let product = 0;
  for (let rest = a; rest !== 0; rest <<= 1) {
    if (rest < 0 || rest >= ONE) product ^= b;
    b = (b & 1) === 0 ? b >>> 1 : (b >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/** x^1, x^2, x^4, x^8…: each the square of the one before. */
const SQUARES: readonly number[] = squares();

function squares(): number[] {
  const powers = [X];
  while (powers.length < 53) {
    const last = powers.at(-1)!;
    powers.push(multiply(last, last));
  }
  return powers;
}

function powerOfX(exponent: number): number {
  let power = ONE;
  let rest = exponent;
  for (let i = 0; rest > 0; i += 1) {
    if (rest % 2 === 1) power = multiply(power, SQUARES[i]!);
    rest = Math.floor(rest / 2);
  }
  return power;
}
