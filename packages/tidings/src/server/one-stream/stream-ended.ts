/**
 * How a stream ended: what `ended` resolves with, and what `signal` gives as its reason.
 * This module is browser compatible.
 */

/**
 * - `"ended"`: this side ended it.
 * - `"peer-left"`: the peer closed its connection, or lost it.
 * - `"slow"`: more than `maxBufferedBytes` would have waited for the peer, or more than `maxTotalBufferedBytes` for the peers of
 *   all streams, and this one had not caught up for longest; it was cut.
 * - `"stalled"`: the peer took nothing for `stallMs` while something waited for it; it was cut.
 * - `"source-failed"`: the source threw (`cause`); the response was cut, so that nobody takes it for the whole.
 * - `"head"`: the request was HEAD, which has been answered.
 * - `"refused"`: the request was answered otherwise: 405, or 204 for OPTIONS, as its method opens no stream (`methods`), or 429, as its
 *   connection carries another response.
 */
export type EndCode = "ended" | "peer-left" | "slow" | "stalled" | "source-failed" | "head" | "refused";

/** An error only because that is what the reason of an aborted signal should be. */
export class StreamEnded extends Error {
  override readonly name = "StreamEnded";
  readonly code: EndCode;

  constructor(code: EndCode, cause?: unknown) {
    super(`Event stream is over: ${TEXT[code]}`, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

const TEXT: Readonly<Record<EndCode, string>> = {
  ended: "it was ended here",
  "peer-left": "the peer left",
  slow: "the peer reads slower than messages were sent, more than maxBufferedBytes would have waited, or more than maxTotalBufferedBytes for all streams",
  stalled: "the peer took nothing for stallMs",
  "source-failed": "its source failed",
  head: "the request was HEAD",
  refused: "its method opens no stream, or its connection carries another response",
};
