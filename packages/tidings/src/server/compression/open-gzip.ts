/**
 * Opens an outlet whose bytes are compressed, where the peer asks for that; and says in the head, to caches, that it
 * depends on the request.
 * This module is browser compatible.
 */
import type { OpenOutlet, Outlet } from "../out/outlet.ts";
import { type ResponseHead, withHeaders } from "../out/response-head.ts";
import { acceptsGzip } from "../request/accepts-gzip.ts";
import { DeflateChain } from "./chain.ts";
import type { Compression } from "./compression-options.ts";
import { PerStreamGzipOutlet } from "./per-stream-gzip.ts";
import { type CompressionCounters, SharedGzipOutlet } from "./shared-gzip.ts";
import type { FetchRequest, NodeRequest } from "../request/http-types.ts";
import type { Batch } from "../out/batch.ts";

export interface GzipOffer {
  /** The head to answer with, whether or not the body is compressed. */
  readonly head: ResponseHead;
  /** What to compress with; absent when the peer does not want it. */
  readonly compression: Compression | undefined;
}

/** @param compression - What the application wants; absent, nothing. */
export function offerGzip(
  request: FetchRequest | NodeRequest,
  head: ResponseHead,
  compression: Compression | undefined,
): GzipOffer {
  if (compression === undefined) return { head, compression };
  // An encoding that the application wrote itself is its own to apply.
  if (head.headers.some(([name]) => name === "content-encoding")) return { head, compression: undefined };
  if (!acceptsGzip(request)) return { head: withHeaders(head, VARY), compression: undefined };
  return { head: withHeaders(head, VARY_AND_ENCODING), compression };
}

/** For a stream that shares nothing: its compressor is its own. */
export function openPerStreamGzip({ head, compression }: GzipOffer, open: OpenOutlet): Outlet {
  if (compression?.perStream === undefined) return open(head, head.first);
  const { level, perStream } = compression;
  return new PerStreamGzipOutlet(open, head, head.first, { level, perStream }, undefined);
}

/** @param group - Whose streams share what is compressed. */
export function openGzip(
  open: OpenOutlet,
  { head, compression }: GzipOffer,
  first: Batch,
  group: { chain: DeflateChain | undefined },
  counters: CompressionCounters,
): Outlet {
  if (compression === undefined) return open(head, first);
  const { level, perStream } = compression;
  if (perStream !== undefined)
    return new PerStreamGzipOutlet(open, head, first, { level, perStream }, counters);
  group.chain ??= new DeflateChain(level);
  return new SharedGzipOutlet(open, head, first, group.chain, counters);
}

const VARY = [["vary", "Accept-Encoding"]] as const;
const VARY_AND_ENCODING = [["content-encoding", "gzip"], ...VARY] as const;
