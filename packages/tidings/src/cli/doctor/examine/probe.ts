/**
 * Makes one request and writes down what comes.
 */
import zlib from "node:zlib";
import { createParser } from "../../../wire/parser.ts";
import { reasonOf } from "../../arguments/usage-error.ts";
import {
  exchange,
  type Exchange,
  type ExchangeHead,
  type ExchangeRequest,
  headerOf,
} from "../../http/exchange.ts";
import { locationOf, redirected } from "../../http/redirect.ts";
import type { Observation, SeenMessage } from "./observation.ts";

export interface ProbeRequest extends Omit<ExchangeRequest, "connectTimeoutMs"> {
  /** Leaves after so many milliseconds. */
  readonly forMs: number;
  /** Leaves when this is true of what came so far. */
  readonly until?: (soFar: Pick<Observation, "messages" | "comments" | "head">) => boolean;
  /** Stops reading after the first message, without leaving. */
  readonly pause?: boolean;
  readonly signal: AbortSignal;
}

const MOST_TEXT = 2 ** 20;
const MOST_ITEMS = 20_000;
const MOST_REDIRECTS = 5;

/** Observes one request. It never rejects: what failed is in the observation. */
export async function probe(request: ProbeRequest): Promise<Observation> {
  const redirects: { status: number; to: string }[] = [];
  let current = request;
  for (;;) {
    const seen = await once(current);
    const location = seen.head && locationOf(seen.head);
    if (location === undefined || redirects.length === MOST_REDIRECTS) return { ...seen, redirects };
    try {
      current = redirected(current, seen.head!.status, location);
    } catch {
      // It leads to nowhere: what says so is the last thing seen.
      return { ...seen, redirects };
    }
    redirects.push({ status: seen.head!.status, to: current.url });
  }
}

function once(request: ProbeRequest): Promise<Observation> {
  const startedAtMs = performance.now();
  const since = (atMs: number): number => atMs - startedAtMs;
  const chunks: { atMs: number; bytes: number; midMessage: boolean }[] = [];
  const messages: SeenMessage[] = [];
  const comments: { atMs: number; text: string }[] = [];
  const retries: number[] = [];
  let head: ExchangeHead | undefined;
  let text = "";
  let invalidUtf8 = false;
  let undecodable = false;
  let nowMs = 0;
  let endedAtMs: number | undefined;
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  let running: Exchange | undefined;
  const parser = createParser({
    onMessage({ event, id, data }) {
      if (request.pause === true) running?.pause();
      if (messages.length < MOST_ITEMS) {
        messages.push({ atMs: nowMs, event, id, data: data.slice(0, 65_536), chunk: chunks.length - 1 });
      }
    },
    onComment: (comment) =>
      comments.length < MOST_ITEMS && comments.push({ atMs: nowMs, text: comment.slice(0, 200) }),
    onRetry: (ms) => retries.length < MOST_ITEMS && retries.push(ms),
  });

  return new Promise((resolve) => {
    let isOver = false;
    const finish = (ending: Observation["ending"], error?: Error): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      request.signal.removeEventListener("abort", leave);
      running?.close();
      resolve({
        url: request.url,
        method: request.method,
        requestHeaders: request.headers,
        startedAtMs,
        redirects: [],
        head,
        headAtMs: head === undefined ? Number.NaN : since(head.atMs),
        connectedAtMs: head === undefined ? Number.NaN : since(head.connectedAtMs),
        chunks,
        messages,
        comments,
        retries,
        text,
        invalidUtf8,
        undecodable,
        ending: head === undefined ? "none" : ending,
        endedAtMs: endedAtMs ?? since(performance.now()),
        error: error === undefined ? undefined : reasonOf(error),
      });
    };
    const leave = (): void => finish("open");
    const timer = setTimeout(leave, request.forMs);
    request.signal.addEventListener("abort", leave);

    const take = (bytes: Uint8Array): void => {
      try {
        strict.decode(bytes, { stream: true });
      } catch {
        invalidUtf8 = true;
      }
      const decoded = lenient.decode(bytes, { stream: true });
      if (text.length < MOST_TEXT) text += decoded.slice(0, MOST_TEXT - text.length);
      try {
        parser.push(bytes);
      } catch {
        parser.reset();
      }
      const last = chunks.at(-1);
      if (last !== undefined)
        last.midMessage = !/(\n\n|\r\r|\r\n\r\n)$/.test(
          decoded === "" ? text.slice(-4) : (text.slice(-8) + decoded).slice(-8),
        );
      if (request.until?.({ messages, comments, head }) === true) leave();
    };
    let decoder: Decoder | undefined;
    running = exchange(request, {
      onHead(given) {
        head = given;
        decoder = decoderOf(headerOf(given, "content-encoding"), take, () => void (undecodable = true));
        if (request.until?.({ messages, comments, head }) === true) leave();
      },
      onChunk(bytes, atMs) {
        nowMs = since(atMs);
        if (chunks.length < MOST_ITEMS) chunks.push({ atMs: nowMs, bytes: bytes.length, midMessage: false });
        decoder?.push(bytes);
      },
      onEnd(how, error) {
        endedAtMs = since(performance.now());
        if (decoder === undefined) finish(how, error);
        else decoder.end(() => finish(how, error));
      },
    });
    if (request.signal.aborted) leave();
  });
}

interface Decoder {
  push(bytes: Uint8Array): void;
  /** Calls back when everything that was pushed has been taken. */
  end(done: () => void): void;
}

/** Decompresses as it comes. What it cannot read is dropped, and `onFailure` called. */
function decoderOf(
  encoding: string | undefined,
  take: (bytes: Uint8Array) => void,
  onFailure: () => void,
): Decoder {
  const flush = { finishFlush: zlib.constants.Z_SYNC_FLUSH };
  const make: Readonly<Record<string, (() => zlib.Gunzip | zlib.BrotliDecompress) | undefined>> = {
    gzip: () => zlib.createGunzip(flush),
    "x-gzip": () => zlib.createGunzip(flush),
    deflate: () => zlib.createInflate(flush),
    br: () => zlib.createBrotliDecompress({ finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }),
  };
  const stream = make[encoding?.trim().toLowerCase() ?? ""]?.();
  if (stream === undefined) return { push: take, end: (done) => done() };
  stream.on("data", take);
  stream.on("error", onFailure);
  return {
    push: (bytes) => void (stream.writable && stream.write(bytes)),
    end(done) {
      if (stream.closed) return done();
      stream.once("close", done);
      stream.end();
    },
  };
}
