/**
 * Has what goes to many streams compressed once for all of them.
 *
 * A batch by itself can be sent to any stream, whatever that had before. But one short message compresses badly by itself,
 * and well behind others like it. So the streams that were sent the same batches, one after the other, form a *chain*: the
 * next batch refers to what all of them had last. A stream that opens later, or fell out, is sent batches by themselves, until
 * the chain begins anew, as it does every few batches: then all who are sent the same batch are in it.
 *
 * A chain keeps a few kilobytes per group, and a number for each stream: nothing else.
 * This module is browser compatible.
 */
import type { Batch } from "../out/batch.ts";
import { type Deflated, deflate, sumOf } from "./deflated.ts";

/** A batch as it is to be sent to those who are at one place. */
export interface Link {
  readonly deflated: Deflated;
  /** The place of a stream that was sent it. */
  readonly place: number;
}

interface Links {
  /** The batch by itself. */
  alone: Link | undefined;
  /** The batch for those who stand at `from`. */
  next: (Link & { readonly from: number }) | undefined;
}

const linksOf = new WeakMap<Batch, Links>();

/** The place of a stream that was sent nothing it shares. */
export const NOWHERE = 0;

/** Bytes that the next batch may refer to; a batch as large needs nobody before it. */
const WINDOW_BYTES = 4_096;
/** Pieces after which it begins anew. */
const LENGTH = 16;

/** No two places are the same, of whatever chain. */
let places = NOWHERE;

export class DeflateChain {
  readonly level: number;
  /** Where its streams stand, and what all of them had last. */
  #place = NOWHERE;
  #window = new Uint8Array();
  #length = 0;
  /** Pieces since any stream was in it. */
  #missed = 0;

  constructor(level: number) {
    this.level = level;
  }

  /** What to send a stream at `place`, of a batch that goes to all who keep up. */
  link(batch: Batch, place: number): Link {
    const links = linksOf.get(batch);
    const next = links?.next;
    if (next?.from === place) return next;
    if (place !== NOWHERE && place === this.#place) {
      this.#missed = 0;
      if (this.#length < LENGTH && batch.length < WINDOW_BYTES) return this.#append(batch);
      return this.#begin(batch, this.alone(batch));
    }
    const isNew = links?.alone === undefined;
    const alone = this.alone(batch);
    if (isNew) this.#missed += 1;
    return this.#missed > LENGTH || this.#place === NOWHERE ? this.#begin(batch, alone) : alone;
  }

  /** What to send any stream. */
  alone(batch: Batch): Link {
    const links = linksTo(batch);
    links.alone ??= { deflated: deflate(batch.bytes, this.level, sumOf(batch.bytes)), place: ++places };
    return links.alone;
  }

  #begin(batch: Batch, alone: Link): Link {
    this.#place = alone.place;
    this.#window = batch.bytes.slice(-WINDOW_BYTES);
    this.#length = 0;
    this.#missed = 0;
    return alone;
  }

  #append(batch: Batch): Link {
    const links = linksTo(batch);
    const { bytes } = batch;
    const sum = links.alone?.deflated.sum ?? sumOf(bytes);
    const deflated = deflate(bytes, this.level, sum, this.#window);
    const kept = this.#window.subarray(-Math.max(1, WINDOW_BYTES - bytes.length));
    const window = new Uint8Array(kept.length + bytes.length);
    window.set(kept);
    window.set(bytes, kept.length);
    this.#window = window;
    this.#length += 1;
    links.next = { from: this.#place, deflated, place: ++places };
    this.#place = links.next.place;
    return links.next;
  }
}

function linksTo(batch: Batch): Links {
  let links = linksOf.get(batch);
  if (links === undefined) linksOf.set(batch, (links = { alone: undefined, next: undefined }));
  return links;
}
