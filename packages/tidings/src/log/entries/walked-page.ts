/**
 * A page of a read by pattern, where the storage can only say which topics begin with the right letters: what the pattern itself
 * matches, and the losses that concern it.
 * This module is browser compatible.
 */
import type { Entry, Page } from "../log.ts";

export interface Walked {
  /** Candidates, in the order of their offsets. */
  readonly entries: readonly Entry[];
  /** Everything that may be selected up to this offset is in `entries`. */
  readonly through: number;
  /** What every reader has lost. */
  readonly lost: number;
  /** Losses of candidates, the newest first. */
  readonly losses: readonly (readonly [offset: number, topic: string])[];
  /** Whether there may be more losses: then the last one stands for them. */
  readonly lossesAreCut: boolean;
  readonly atMs: number;
  readonly ageOf: (topic: string) => number;
  readonly matches: (topic: string) => boolean;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export function pickPage(walked: Walked): Page {
  const { ageOf, matches, maxMessages, maxBytes, losses, lossesAreCut } = walked;
  let { through, lost: lostThrough } = walked;
  const loss = losses.find(([, topic], i) => (lossesAreCut && i === losses.length - 1) || matches(topic));
  if (loss !== undefined) lostThrough = Math.max(lostThrough, loss[0]);
  const entries: Entry[] = [];
  let bytes = 0;
  let last: number | undefined;
  for (const entry of walked.entries) {
    if (!matches(entry.topic)) continue;
    if (walked.atMs - entry.atMs > ageOf(entry.topic)) {
      lostThrough = Math.max(lostThrough, entry.offset);
      continue;
    }
    bytes += entry.body.length;
    if (entries.length >= maxMessages || (entries.length > 0 && bytes > maxBytes)) {
      through = last!;
      break;
    }
    entries.push(entry);
    last = entry.offset;
  }
  return { entries, through, lostThrough };
}
