/**
 * What a hub counted since it was made, and what it holds now.
 * This module is browser compatible.
 */
import type { CompressionCounters } from "../compression/shared-gzip.ts";
import { channels } from "./diagnostics.ts";
import type { GapReason } from "../gaps/gap.ts";
import type { HubStream } from "../streams/hub-stream.ts";
import type { RefusalCode } from "../request/refusal.ts";
import type { StreamEnd } from "../streams/subscription.ts";

export interface HubGauges {
  /** The newest position; `""` until the log is open. */
  readonly cursor: string;
  /** Streams open now. */
  readonly streams: number;
  /** Of those, the ones whose peer has not taken what was written. */
  readonly blockedStreams: number;
  /** Bytes that wait for them; those that wait for several count once. */
  readonly blockedBytes: number;
  /** Different selections and filters among them. */
  readonly subscriberGroups: number;
  /** What open streams select: each topic counts once, and the patterns of one selection count as one. */
  readonly routes: number;
  /**
   * For how many milliseconds the log could not be reached, or was not open yet; 0 while it is followed. Once it is above 5,000,
   * new streams are refused with 503.
   */
  readonly logInterruptedMs: number;
  /** What is kept encoded for the streams that keep up. */
  readonly recentMessages: number;
  readonly recentBytes: number;
}

/** Counts since the hub was made. */
export interface FanOutCounters {
  deliveries: number;
  writes: number;
  bytes: number;
  heartbeats: number;
  readonly gaps: Record<GapReason, number>;
}

export interface HubStatistics extends HubGauges, FanOutCounters, CompressionCounters {
  readonly published: number;
  readonly opened: number;
  readonly refused: Readonly<Partial<Record<RefusalCode, number>>>;
  readonly ended: Readonly<Partial<Record<StreamEnd, number>>>;
}

export class HubCounters implements FanOutCounters, CompressionCounters {
  deliveries = 0;
  writes = 0;
  bytes = 0;
  heartbeats = 0;
  compressedFromBytes = 0;
  compressedToBytes = 0;
  published = 0;
  opened = 0;
  readonly refused: Partial<Record<RefusalCode, number>> = {};
  readonly ended: Partial<Record<StreamEnd, number>> = {};
  readonly gaps: Record<GapReason, number> = { retention: 0, epoch: 0, slow: 0 };

  with(gauges: HubGauges): HubStatistics {
    const { deliveries, writes, bytes, heartbeats, published, opened } = this;
    const { compressedFromBytes, compressedToBytes } = this;
    return {
      ...gauges,
      deliveries,
      writes,
      bytes,
      heartbeats,
      compressedFromBytes,
      compressedToBytes,
      published,
      opened,
      refused: { ...this.refused },
      ended: { ...this.ended },
      gaps: { ...this.gaps },
    };
  }
}

/** Counts a gap that a stream got, and publishes it to the diagnostics channel. */
export function countGap({ gaps }: Pick<FanOutCounters, "gaps">, stream: HubStream, reason: GapReason): void {
  gaps[reason] += 1;
  const channel = channels["tidings:stream:gap"];
  if (channel.hasSubscribers) channel.publish({ subscription: stream, reason });
}

/** Adds one. */
export function increment<Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
