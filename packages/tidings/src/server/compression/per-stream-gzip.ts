/**
 * A gzip stream with a compressor of its own, which looks back at all that this one stream was sent. It works on Node's
 * threads: what is written leaves a moment later, in order, flushed after each write.
 * This module is browser compatible.
 */
import { Batch } from "../out/batch.ts";
import type { OpenOutlet, Outlet, OutletOwner } from "../out/outlet.ts";
import type { ResponseHead } from "../out/response-head.ts";
import type { Compression } from "./compression-options.ts";
import type { CompressionCounters } from "./shared-gzip.ts";
import { type GzipStream, Z_SYNC_FLUSH, zlib } from "./zlib.ts";

export class PerStreamGzipOutlet implements Outlet, OutletOwner {
  readonly copies = true;
  owner: OutletOwner | undefined;
  readonly #inner: Outlet;
  readonly #compressor: GzipStream;
  readonly #counters: CompressionCounters | undefined;
  #ended = false;
  /** A writer was told to wait until more is taken. */
  #blocked = false;
  /** The outlet takes nothing now, and the compressor is held. */
  #held = false;

  constructor(
    open: OpenOutlet,
    head: ResponseHead,
    first: Batch,
    { level, perStream }: Compression & { readonly perStream: object },
    counters: CompressionCounters | undefined,
  ) {
    this.#counters = counters;
    this.#inner = open(head, NOTHING);
    this.#inner.owner = this;
    const compressor = zlib()!.createGzip({ level, ...perStream, flush: Z_SYNC_FLUSH });
    this.#compressor = compressor;
    if (this.#inner.closed) {
      compressor.destroy();
      return;
    }
    compressor.on("data", (part) => {
      this.#count(0, part.length);
      if (this.#inner.write(Batch.of(part))) return;
      this.#held = true;
      compressor.pause();
    });
    compressor.on("drain", () => this.#drained());
    compressor.on("error", () => this.#inner.destroy());
    compressor.on("end", () => this.#inner.end());
    this.write(first);
    // What goes with the head is nobody's to wait for.
    this.#blocked = false;
  }

  write(batch: Batch): boolean {
    if (this.closed || this.#ended) return false;
    if (batch.length === 0) return !this.#blocked;
    this.#count(batch.length, 0);
    if (this.#compressor.write(batch.bytes) && !this.#held) return true;
    this.#blocked = true;
    return false;
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

  onFailed(error: unknown): void {
    this.owner?.onFailed?.(error);
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

/** The head goes out alone: its first bytes follow when they are compressed. */
const NOTHING = Batch.of("");
