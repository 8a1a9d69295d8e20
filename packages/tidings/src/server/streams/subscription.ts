/**
 * One open stream of a hub, as the application sees it.
 * This module is browser compatible.
 */

import type { TopicSelector } from "../topics/topic-selection.ts";

export interface Subscription {
  /** The cursor of the stream: all its messages up to here were written to it, or reported as lost. */
  readonly cursor: string;
  /** Whether nothing more will be written. */
  readonly closed: boolean;
  /** Resolves when the response has ended, with the reason. */
  readonly ended: Promise<StreamEnd>;
  /**
   * Adds and removes topics and patterns while the stream is open. The change happens at one cursor: until then the stream gets the
   * messages of its old topics, from then on those of its new ones. No message is lost or repeated. `snapshot` is called for added topics.
   * `authorize` is called with all topics when some are added. Updates of one stream run one after another.
   *
   * A client that reconnects gets the topics of your next `subscribe`: store what you changed.
   * @returns `"updated"`; `"refused"` by `authorize` or `limits.selectionBytes`, nothing changed; `"ended"`: the stream has ended.
   * @throws {TypeError} If a topic or pattern is wrong, or none would be left.
   * @throws {RangeError} If there would be more than `limits.topicsPerStream`.
   * @throws {HubError} `too-fast`: 100 updates of this stream are pending.
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
 * - `"stalled"`: the peer read nothing for `stallMs` while data waited for it, or had waited longest when slow readers held more
 *   than `limits.blockedBytes`; it was disconnected.
 * - `"slow"`: more data waited for it than fits in one write, and the policy of a topic is `"close"`.
 * - `"gap"`: it has a gap, and `onGap` is `"fail"`.
 * - `"lifetime"`: it was open for `lifetimeMs`.
 * - `"expired"`: its authorization expired.
 * - `"revoked"`: its subscriber was revoked, or `authorize` refused it when it was called again.
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
