/**
 * The bytes of one answer as they go out: messages with their `id` lines, behind each other. A reader is a place in it.
 * Nothing is kept for a message but its bytes and where it ends, since an answer has thousands of small ones. Bytes that were
 * handed out never change.
 * This module is browser compatible.
 */

/** Bytes of the first segment; each further one has twice as many as the one before. */
const SMALLEST = 1_024;
const LARGEST = 65_536;
const LF = 10;

interface Segment {
  readonly bytes: Uint8Array;
  /** The messages in it: from `first` on, counted from 0. */
  readonly first: number;
  used: number;
}

export class AnswerBuffer {
  /** Bytes of all messages. */
  bytes = 0;
  /** How many messages there are. */
  length = 0;
  #segments: Segment[] = [];
  /** Where each message ends in its segment. */
  #ends = new Uint32Array(16);

  /** Adds one message, as text. */
  push(text: string): void {
    // Three bytes for a UTF-16 unit at most, and mostly one: only what does not fit for certain is measured.
    let segment = this.#segmentFor(text.length);
    let { read, written } = utf8.encodeInto(text, segment.bytes.subarray(segment.used));
    if (read < text.length) {
      segment = this.#add(text.length * 3);
      ({ read, written } = utf8.encodeInto(text, segment.bytes));
    }
    this.#took(segment, written);
  }

  /** Adds whole messages, as bytes. */
  pushBytes(bytes: Uint8Array): void {
    let start = 0;
    for (let at = 1; at < bytes.length; at += 1) {
      if (bytes[at] !== LF || bytes[at - 1] !== LF) continue;
      const message = bytes.subarray(start, at + 1);
      const segment = this.#segmentFor(message.length);
      segment.bytes.set(message, segment.used);
      this.#took(segment, message.length);
      start = at + 1;
    }
  }

  /**
   * Bytes of whole messages behind the first `after` ones: at most `maxBytes`, but for a message that alone is larger.
   * @returns The bytes, and how many messages are read with them; the same memory for all who ask.
   */
  read(after: number, maxBytes: number): { bytes: Uint8Array; through: number } {
    if (after >= this.length) return { bytes: NOTHING, through: after };
    const index = this.#segmentOf(after);
    const segment = this.#segments[index]!;
    const next = this.#segments[index + 1]?.first ?? this.length;
    const start = after === segment.first ? 0 : this.#ends[after - 1]!;
    let through = next;
    if (segment.used - start > maxBytes) {
      // The last message that ends within the bound.
      let low = after + 1;
      let high = next;
      while (low < high) {
        const middle = (low + high + 1) >>> 1;
        if (this.#ends[middle - 1]! - start <= maxBytes) low = middle;
        else high = middle - 1;
      }
      through = low;
    }
    return { bytes: segment.bytes.subarray(start, this.#ends[through - 1]), through };
  }

  /** Nothing more comes: gives back what is not used. */
  seal(): void {
    const whole = new Uint8Array(this.bytes);
    const ends = new Uint32Array(this.length);
    let at = 0;
    for (const [index, { bytes, first, used }] of this.#segments.entries()) {
      whole.set(bytes.subarray(0, used), at);
      const next = this.#segments[index + 1]?.first ?? this.length;
      for (let message = first; message < next; message += 1) ends[message] = this.#ends[message]! + at;
      at += used;
    }
    this.#segments = [{ bytes: whole, first: 0, used: whole.length }];
    this.#ends = ends;
  }

  #segmentFor(bytes: number): Segment {
    const last = this.#segments.at(-1);
    return last !== undefined && last.used + bytes <= last.bytes.length ? last : this.#add(bytes);
  }

  #add(bytes: number): Segment {
    const last = this.#segments.at(-1);
    if (last?.used === 0) this.#segments.pop();
    const size = Math.min(LARGEST, Math.max(SMALLEST, (last?.bytes.length ?? 0) * 2));
    const segment = { bytes: new Uint8Array(Math.max(size, bytes)), first: this.length, used: 0 };
    this.#segments.push(segment);
    return segment;
  }

  #took(segment: Segment, bytes: number): void {
    segment.used += bytes;
    if (this.length === this.#ends.length) {
      const more = new Uint32Array(this.length * 2);
      more.set(this.#ends);
      this.#ends = more;
    }
    this.#ends[this.length] = segment.used;
    this.length += 1;
    this.bytes += bytes;
  }

  #segmentOf(message: number): number {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#segments[middle]!.first <= message) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);
