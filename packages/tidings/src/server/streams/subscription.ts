/**
 * One open stream of a hub, as the application sees it.
 * This module is browser compatible.
 */

export interface Subscription {
  /** Everything selected up to here was written to the stream, or reported as lost. */
  readonly cursor: string;
  /** Whether nothing more will be written. */
  readonly closed: boolean;
  /** Resolves when the response is over, with how. */
  readonly ended: Promise<StreamEnd>;
  /** Ends the stream after what was written. The client reconnects, unless a message told it not to. */
  close(): void;
  /** What a framework sends that takes the result of a handler for its answer. */
  toJSON(): { readonly cursor: string; readonly closed: boolean };
}

/**
 * - `"closed"`: the application closed it.
 * - `"peer-left"`: the peer closed its connection, or lost it.
 * - `"stalled"`: the peer took nothing for `stallMs` while something waited for it; it was cut.
 * - `"slow"`: more waited for it than fits in one write, and the policy of a topic is `"close"`.
 * - `"gap"`: it has a gap and was subscribed with `onGap: "fail"`.
 * - `"lifetime"`: it was open for `lifetimeMs`.
 * - `"expired"`: its authorization expired.
 * - `"revoked"`: it was revoked, or not authorized again.
 * - `"drained"`: the hub drains.
 * - `"failed"`: the log could not be read, or a filter threw.
 */
export type StreamEnd =
  | "slow"
  | "closed"
  | "peer-left"
  | "stalled"
  | "gap"
  | "lifetime"
  | "expired"
  | "revoked"
  | "drained"
  | "failed";
