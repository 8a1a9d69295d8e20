/**
 * One open stream of a hub, as the application sees it.
 * This module is browser compatible.
 */

import type { TopicSelector } from "../topics/topic-selection.ts";

export interface Subscription {
  /** Everything selected up to here was written to the stream, or reported as lost. */
  readonly cursor: string;
  /** Whether nothing more will be written. */
  readonly closed: boolean;
  /** Resolves when the response is over, with how. */
  readonly ended: Promise<StreamEnd>;
  /**
   * Adds and removes topics and patterns while the stream is open. First the stream gets what has come to this process from the
   * log, of the topics it had; from its cursor then on, of those it has now: none is lost, and none comes twice. `snapshot` gives the state of added
   * topics. `authorize` is asked, with all topics, when some are added. Updates of one stream are made in turn.
   *
   * A client that reconnects gets what your next `subscribe` says: keep what you changed.
   * @returns `"updated"`; `"refused"` by `authorize`: nothing changes; `"ended"`: the stream is over, or was before its turn came.
   * @throws {TypeError} If there is no such topic or pattern, or none would be left.
   * @throws {RangeError} If there would be more than `limits.topicsPerStream`.
   * @throws {HubError} `too-fast`: 100 updates of this stream wait.
   */
  update(change: TopicsUpdate): Promise<UpdateResult>;
  /** Ends the stream after what was written. The client reconnects, unless a message told it not to. */
  close(): void;
  /** What a framework sends that takes the result of a handler for its answer. */
  toJSON(): { readonly cursor: string; readonly closed: boolean };
}

export interface TopicsUpdate {
  /** Topics, or `{ pattern }`. Those that are selected already change nothing. */
  readonly add?: readonly TopicSelector[] | undefined;
  /** As they were selected: a topic that a pattern matches stays as long as the pattern. Those that are not selected change nothing. */
  readonly remove?: readonly TopicSelector[] | undefined;
}

export type UpdateResult = "updated" | "refused" | "ended";

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
