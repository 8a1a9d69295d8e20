/**
 * The gap event: how a subscriber learns, in band, that it will not get some messages.
 * `from` is the cursor it had, `to` the newest one that is lost; the messages between may be missing, no others.
 * This module is browser compatible.
 */

/**
 * - `"retention"`: it came back after the messages were discarded.
 * - `"epoch"`: its cursor belongs to another log: this one was made anew, or the cursor was never ours.
 * - `"slow"`: it stayed, and read so slowly that the messages were discarded, or replaced by newer ones, before it took them.
 */
export type GapReason = "retention" | "epoch" | "slow";

export interface Gap {
  readonly from: string;
  readonly to: string;
  readonly reason: GapReason;
}

/** A range of offsets that were reported to a stream as lost: after `after`, up to `upTo`. */
export interface ToldGap {
  readonly after: number;
  readonly upTo: number;
  readonly reason: GapReason;
  /** What is retained of the range was sent all the same. */
  readonly retainedSent: boolean;
}

/** What happens to a subscriber with a gap; see `SubscribeOptions.onGap`. */
export type OnGap = "live" | "earliest" | "fail";
