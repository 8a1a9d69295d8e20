/**
 * A gzip stream of parts that others are sent too: what goes to many is compressed once, by their chain. A stream has no
 * compressor, only its place in the chain and the checksum of what it was sent.
 * This module is browser compatible.
 */
import { Batch } from "../out/batch.ts";
import type { OpenOutlet, Outlet, OutletOwner } from "../out/outlet.ts";
import type { ResponseHead } from "../out/response-head.ts";
import { joinCrc } from "./checksum.ts";
import { DeflateChain, type Link, NOWHERE } from "./chain.ts";
import { GZIP_HEADER, gzipTrailer } from "./deflated.ts";

/** Bytes before and after compression. */
export interface CompressionCounters {
  compressedFromBytes: number;
  compressedToBytes: number;
}

export class SharedGzipOutlet implements Outlet {
  readonly #inner: Outlet;
  #chain: DeflateChain;
  readonly #counters: CompressionCounters;
  #place = NOWHERE;
  #crc = 0;
  #length = 0;

  constructor(
    open: OpenOutlet,
    head: ResponseHead,
    first: Batch,
    chain: DeflateChain,
    counters: CompressionCounters,
  ) {
    this.#chain = chain;
    this.#counters = counters;
    const { bytes } = this.#follow(chain.alone(first));
    this.#inner = open(head, new Batch([GZIP_HEADER, bytes]));
  }

  /** From now on it is sent what the streams of another group are. */
  join(group: { chain: DeflateChain | undefined }): void {
    this.#chain = group.chain ??= new DeflateChain(this.#chain.level);
  }

  write(batch: Batch): boolean {
    if (batch.length === 0) return this.#inner.write(batch);
    const link = batch.toAll ? this.#chain.link(batch, this.#place) : this.#chain.alone(batch);
    return this.#inner.write(this.#follow(link));
  }

  end(): void {
    this.#inner.write(Batch.of(gzipTrailer(this.#crc, this.#length)));
    this.#inner.end();
  }

  destroy(reason?: unknown): void {
    this.#inner.destroy(reason);
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  get closed(): boolean {
    return this.#inner.closed;
  }

  get owner(): OutletOwner | undefined {
    return this.#inner.owner;
  }

  set owner(owner: OutletOwner | undefined) {
    this.#inner.owner = owner;
  }

  /** Moves on to the place of the link. @returns What to send. */
  #follow({ deflated: { batch, sum }, place }: Link): Batch {
    this.#place = place;
    this.#crc = joinCrc(this.#crc, sum);
    this.#length += sum.length;
    this.#counters.compressedFromBytes += sum.length;
    this.#counters.compressedToBytes += batch.length;
    return batch;
  }
}
