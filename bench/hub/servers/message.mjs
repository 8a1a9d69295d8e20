/** The message that the benchmark publishes: 100 bytes of JSON which the generator can verify. See load/reader.h. */

export const FIRST_SEQUENCE = 1_000_000_000;

/** The monotonic clock in microseconds, of one width for all uptimes. The generator reads the same clock. */
export function nowUs() {
  const [seconds, nanoseconds] = process.hrtime();
  return 1e15 + seconds * 1e6 + Math.floor(nanoseconds / 1000);
}

export function createMessage(seq, at) {
  return { seq, at, symbol: "book/1", bid: 101.25, ask: 101.5, end: seq };
}
