/**
 * Reads entry by entry, whatever topics there are, and returns those that match.
 * This module is browser compatible.
 */
import type { EntryQueue } from "../entries/entry-queue.ts";
import type { Entry, ReadRequest } from "../log.ts";
import type { MemoryTopic } from "./memory-topics.ts";

/** Entries looked at in one read, so that a selection that matches nothing cannot hold the event loop. */
const MOST_WALKED = 5_000;
/** What looking at an entry costs besides matching its topic, in characters that are matched. */
export const WALK_STEPS = 15;

export interface Walk {
  readonly entries: Entry[];
  /** Everything up to here was looked at; 0 when nothing was. */
  readonly through: number;
  readonly atEnd: boolean;
  /** The newest offset that one of the topics that it met had discarded. */
  readonly lost: number;
  readonly walked: number;
}

/**
 * @param mostSteps - Where it may stop with less than a page, in characters that are matched.
 * @param trim - Discards what a topic's own retention no longer covers.
 */
export function walkEntries(
  all: EntryQueue<Entry>,
  topicsByName: { get(name: string): MemoryTopic | undefined },
  { topics, after, maxMessages, maxBytes }: ReadRequest,
  mostSteps: number,
  trim: (topic: MemoryTopic) => void,
): Walk {
  const { steps = () => 0 } = topics;
  const begun = steps();
  /** Undefined for one that is not wanted. */
  const met = new Map<string, MemoryTopic | undefined>();
  const entries: Entry[] = [];
  const begin = all.indexAfter(after);
  let bytes = 0;
  let through = 0;
  let lost = 0;
  let walked = 0;
  for (; walked < MOST_WALKED && entries.length < maxMessages; walked += 1) {
    const entry = all.at(begin + walked);
    if (entry === undefined) return { entries, through, atEnd: true, lost, walked };
    if (walked > 0 && walked * WALK_STEPS + steps() - begun >= mostSteps) break;
    let topic = met.get(entry.topic);
    if (topic === undefined && !met.has(entry.topic)) {
      topic = topics.matches(entry.topic) ? topicsByName.get(entry.topic) : undefined;
      met.set(entry.topic, topic);
      if (topic !== undefined) {
        trim(topic);
        lost = Math.max(lost, topic.discarded);
      }
    }
    // One that only its topic discarded stays as a dead slot.
    if (topic !== undefined && entry.offset > topic.discarded) {
      bytes += entry.body.length;
      if (entries.length > 0 && bytes > maxBytes) break;
      entries.push(entry);
    }
    through = entry.offset;
  }
  return { entries, through, atEnd: false, lost, walked };
}
