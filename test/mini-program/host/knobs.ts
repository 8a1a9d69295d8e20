/**
 * Every quirk of a mini program's host that the tests can turn on, each one seen on a device, in the devtools or in the docs.
 * Times are those of WeChat; tests scale them down.
 */
export interface Knobs {
  /** Cuts what came over the socket: hosts merge and split chunks as they like. */
  rechunk: (bytes: Buffer) => Buffer[];
  /**
   * What a chunk is. "foreign" has the prototype of another realm, so that `instanceof` lies; "view" is a Uint8Array in the middle
   * of a larger buffer; "text" is decoded chunk by chunk, as Baidu does.
   */
  chunkType: "own" | "foreign" | "view" | "text";
  /** Devtools: `onHeadersReceived` says no status code. */
  devtools: boolean;
  /** PC: no chunk ever comes, `success.data` holds the whole body. */
  noChunk: boolean;
  /** Chunks do not come where the response has a `Content-Length`. */
  noChunkForContentLength: boolean;
  /** The body of an error comes neither as a chunk nor as `success.data`. */
  errorBodyLost: boolean;
  /** PC: a status of 400 or more goes to `fail`. */
  statusErrorAsFail: boolean;
  /** iOS: a connection that breaks calls nothing at all. */
  silentDrop: boolean;
  /** iOS 8.0.54: of two chunked requests only the later one's listener hears chunks. */
  lastListenerOnly: boolean;
  /** Chunks that were under way still arrive after `abort()`. */
  lateChunks: boolean;
  /** What `wx.request` returns is a promise too, and rejects. */
  promiseTask: boolean;
  /** Methods that the task lacks. */
  missing: string[];
  /** Requests at once; the rest wait in a queue. */
  slots: number;
  /** The request timeout where none is asked for, over the whole request. */
  timeoutMs: number;
  /** Timeouts above this are not honoured, as iPhones do not above 60 s. */
  longestTimeoutMs: number;
  /** Time in the background before JavaScript freezes and requests are killed. */
  freezeAfterMs: number;
  /** JavaScript and requests go on in the background, as behind a picker or with music. */
  runsInBackground: boolean;
  /** `onHeadersReceived` takes a listener and never calls it. */
  headersNever: boolean;
  /** The last chunk comes a turn after `success`. */
  chunkAfterEnd: boolean;
  /** When a killed request hears of it. */
  interrupted: "before freezing" | "after show" | "never";
  /** iOS 15 and older: `Promise` is made of `setTimeout`. */
  promiseFromTimers: boolean;
  /** The realm has no built-in that ECMAScript got after 2015. */
  oldBuiltins: boolean;
}

export const defaults: Knobs = {
  rechunk: (bytes) => [bytes],
  chunkType: "own",
  devtools: false,
  noChunk: false,
  noChunkForContentLength: false,
  errorBodyLost: false,
  statusErrorAsFail: false,
  silentDrop: false,
  lastListenerOnly: false,
  lateChunks: false,
  promiseTask: false,
  missing: [],
  slots: 10,
  timeoutMs: 60_000,
  longestTimeoutMs: Number.POSITIVE_INFINITY,
  freezeAfterMs: 5000,
  runsInBackground: false,
  headersNever: false,
  chunkAfterEnd: false,
  interrupted: "after show",
  promiseFromTimers: false,
  oldBuiltins: false,
};

/** One chunk per byte. */
export function everyByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}
