/**
 * A gzip stream with a compressor of its own, which looks back at all that this one stream was sent. It works on Node's
 * threads: what is written leaves a moment later, in order, flushed after each write.
 * This module is browser compatible.
 */
import type { OpenOutlet, Outlet, OutletOwner } from "../out/outlet.ts";
import type { ResponseHead } from "../out/response-head.ts";
import type { Compression } from "./compression-options.ts";
import { joinCrc } from "./checksum.ts";
import { deflate, GZIP_HEADER, gzipTrailer, sumOf } from "./deflated.ts";
import type { CompressionCounters } from "./shared-gzip.ts";
import { type DeflateStream, Z_SYNC_FLUSH, zlib } from "./zlib.ts";
import type { FirstBatch } from "../out/batch.ts";

export class OwnGzipOutlet implements Outlet, OutletOwner {
  readonly framing = "none";
  owner: OutletOwner | undefined;
  readonly #inner: Outlet;
  readonly #compressor: DeflateStream;
  readonly #counters: CompressionCounters | undefined;
  #crc = 0;
  #length = 0;
  #ended = false;
  /** Somebody was told that nothing more is taken, and waits. */
  #blocked = false;
  /** The outlet takes nothing now, and the compressor is held. */
  #held = false;

  constructor(
    open: OpenOutlet,
    head: ResponseHead,
    first: FirstBatch,
    { level, perStream }: Compression & { readonly perStream: object },
    counters: CompressionCounters | undefined,
  ) {
    this.#counters = counters;
    // The first part stands by itself, so that it leaves with the head.
    const sum = sumOf(first.bytes);
    const { bytes } = deflate(first.bytes, level, sum);
    const opened = new Uint8Array(GZIP_HEADER.length + bytes.length);
    opened.set(GZIP_HEADER);
    opened.set(bytes, GZIP_HEADER.length);
    this.#crc = joinCrc(0, sum);
    this.#length = sum.length;
    this.#count(sum.length, opened.length);
    this.#inner = open(head, { bytes: opened });
    this.#inner.owner = this;
    const compressor = zlib()!.createDeflateRaw({ level, ...perStream, flush: Z_SYNC_FLUSH });
    this.#compressor = compressor;
    if (this.#inner.closed) {
      compressor.destroy();
      return;
    }
    compressor.on("data", (part) => {
      this.#count(0, part.length);
      if (this.#inner.write(part)) return;
      this.#held = true;
      compressor.pause();
    });
    compressor.on("drain", () => this.#drained());
    compressor.on("error", () => this.#inner.destroy());
    compressor.on("end", () => {
      this.#inner.write(gzipTrailer(this.#crc, this.#length, false));
      this.#inner.end();
    });
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed || this.#ended) return false;
    if (bytes.length === 0) return !this.#blocked;
    this.#crc = zlib()!.crc32(bytes, this.#crc);
    this.#length += bytes.length;
    this.#count(bytes.length, 0);
    if (this.#compressor.write(bytes) && !this.#held) return true;
    this.#blocked = true;
    return false;
  }

  writeFramed(bytes: Uint8Array): boolean {
    return this.write(bytes);
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    this.#compressor.end();
  }

  destroy(reason?: unknown): void {
    this.#ended = true;
    this.#inner.destroy(reason);
    this.#compressor.destroy();
  }

  get bufferedBytes(): number {
    const { writableLength, readableLength } = this.#compressor;
    return writableLength + readableLength + this.#inner.bufferedBytes;
  }

  get closed(): boolean {
    return this.#inner.closed;
  }

  onDrain(): void {
    this.#held = false;
    this.#compressor.resume();
    this.#drained();
  }

  onClose(): void {
    this.#compressor.destroy();
    this.owner?.onClose();
  }

  #drained(): void {
    if (!this.#blocked || this.#held || this.#compressor.writableLength > 0 || this.#ended) return;
    this.#blocked = false;
    this.owner?.onDrain();
  }

  #count(from: number, to: number): void {
    if (this.#counters === undefined) return;
    this.#counters.compressedFromBytes += from;
    this.#counters.compressedToBytes += to;
  }
}
