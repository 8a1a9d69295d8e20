/**
 * What topics had discarded that are no longer remembered by name: 16 bytes each, in a hash table. So a reader of a topic that
 * never had a message (the inbox of a new user) causes no gap, however many others came and went.
 * This module is browser compatible.
 */

const FIRST_SLOTS = 2 ** 12;
/** 16 MiB. */
const MOST_SLOTS = 2 ** 20;
const SAMPLE = 1_023;

export class ForgottenTopics {
  /** What topics had discarded that are not even in the table, at most. */
  floor = 0;
  /** The newest offset that any forgotten topic had discarded. */
  newest = 0;
  readonly #mostSlots: number;
  #size = 0;
  /** Two hashes of the name, and the newest offset that was discarded: 0 in a slot that is free. */
  #hashes = new Uint32Array(0);
  #checks = new Uint32Array(0);
  #discarded = new Float64Array(0);

  /** @param mostSlots - A power of two; the table is never more than half full. */
  constructor(mostSlots: number = MOST_SLOTS) {
    this.#mostSlots = mostSlots;
  }

  add(name: string, discarded: number): void {
    this.newest = Math.max(this.newest, discarded);
    if (this.#size * 2 >= this.#discarded.length) this.#grow();
    const [hash, check] = hashesOf(name);
    this.#put(hash, check, discarded);
  }

  /** The newest offset that this topic may have discarded. */
  discardedOf(name: string): number {
    if (this.#size === 0) return this.floor;
    const [hash, check] = hashesOf(name);
    return Math.max(this.floor, this.#discarded[this.#slotOf(hash, check)]!);
  }

  #put(hash: number, check: number, discarded: number): void {
    const slot = this.#slotOf(hash, check);
    if (this.#discarded[slot] === 0) this.#size += 1;
    this.#hashes[slot] = hash;
    this.#checks[slot] = check;
    this.#discarded[slot] = Math.max(this.#discarded[slot]!, discarded);
  }

  /** Where it is, or would be. */
  #slotOf(hash: number, check: number): number {
    const mask = this.#discarded.length - 1;
    let slot = hash & mask;
    while (this.#discarded[slot] !== 0 && (this.#hashes[slot] !== hash || this.#checks[slot] !== check)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Makes room: twice as many slots, or where there are enough, half as many topics. */
  #grow(): void {
    const [hashes, checks, discarded] = [this.#hashes, this.#checks, this.#discarded];
    let slots = Math.max(Math.min(FIRST_SLOTS, this.#mostSlots), discarded.length * 2);
    if (slots > this.#mostSlots) {
      slots = this.#mostSlots;
      this.floor = Math.max(this.floor, medianOf(discarded));
    }
    this.#hashes = new Uint32Array(slots);
    this.#checks = new Uint32Array(slots);
    this.#discarded = new Float64Array(slots);
    this.#size = 0;
    for (let i = 0; i < discarded.length; i += 1) {
      if (discarded[i]! > this.floor) this.#put(hashes[i]!, checks[i]!, discarded[i]!);
    }
  }
}

/** About the median of the slots that are taken. */
function medianOf(discarded: Float64Array): number {
  const step = Math.max(1, Math.floor(discarded.length / SAMPLE / 2));
  const sample: number[] = [];
  for (let i = 0; i < discarded.length; i += step) if (discarded[i]! > 0) sample.push(discarded[i]!);
  sample.sort((one, other) => one - other);
  return sample[sample.length >>> 1] ?? 0;
}

/** Two of 32 bits, by multiplication (cyrb53). */
function hashesOf(name: string): [hash: number, check: number] {
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  for (let i = 0; i < name.length; i += 1) {
    const unit = name.charCodeAt(i);
    one = Math.imul(one ^ unit, 2_654_435_761);
    other = Math.imul(other ^ unit, 1_597_334_677);
  }
  one = Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(other ^ (other >>> 13), 3_266_489_909);
  other = Math.imul(other ^ (other >>> 16), 2_246_822_507) ^ Math.imul(one ^ (one >>> 13), 3_266_489_909);
  return [one >>> 0, other >>> 0];
}
