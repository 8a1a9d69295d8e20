/**
 * A gzip stream of parts that others are sent too: what goes to many is compressed once, by their chain. A stream has no
 * compressor, only its place in the chain and the checksum of what it was sent.
 * This module is browser compatible.
 */
import type { OpenOutlet, Outlet, OutletOwner } from "../out/outlet.ts";
import type { ResponseHead } from "../out/response-head.ts";
import { joinCrc } from "./checksum.ts";
import { type DeflateChain, NOWHERE } from "./chain.ts";
import { type Deflated, deflate, GZIP_HEADER, gzipTrailer, sumOf } from "./deflated.ts";
import type { FirstBatch, SharedBatch } from "../out/batch.ts";

/** Bytes before and after compression. */
export interface CompressionCounters {
  compressedFromBytes: number;
  compressedToBytes: number;
}

export class SharedGzipOutlet implements Outlet {
  readonly framing = "none";
  readonly #inner: Outlet;
  readonly #chain: DeflateChain;
  readonly #counters: CompressionCounters;
  #place = NOWHERE;
  #crc = 0;
  #length = 0;

  constructor(
    open: OpenOutlet,
    head: ResponseHead,
    first: FirstBatch,
    chain: DeflateChain,
    counters: CompressionCounters,
  ) {
    this.#chain = chain;
    this.#counters = counters;
    const { deflated, place } = chain.alone(first);
    this.#place = place;
    const bytes = new Uint8Array(GZIP_HEADER.length + deflated.bytes.length);
    bytes.set(GZIP_HEADER);
    bytes.set(deflated.bytes, GZIP_HEADER.length);
    this.#count(deflated);
    this.#inner = open(head, { bytes });
  }

  writeBatch(batch: SharedBatch): boolean {
    const link = batch.toAll === true ? this.#chain.link(batch, this.#place) : this.#chain.alone(batch);
    this.#place = link.place;
    const { deflated } = link;
    this.#count(deflated);
    const inner = this.#inner;
    return inner.framing === "chunked" ? inner.writeFramed(deflated.chunk) : inner.write(deflated.bytes);
  }

  write(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return this.#inner.write(bytes);
    const deflated = deflate(bytes, this.#chain.level, sumOf(bytes));
    this.#place = NOWHERE;
    this.#count(deflated);
    return this.#inner.write(deflated.bytes);
  }

  writeFramed(bytes: Uint8Array): boolean {
    return this.write(bytes);
  }

  end(): void {
    this.#inner.write(gzipTrailer(this.#crc, this.#length, true));
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

  #count({ bytes, sum }: Deflated): void {
    this.#crc = joinCrc(this.#crc, sum);
    this.#length += sum.length;
    this.#counters.compressedFromBytes += sum.length;
    this.#counters.compressedToBytes += bytes.length;
  }
}
