/** What a log has acknowledged, and whether readers get it. */
import { expect } from "vitest";
import type { Log } from "../../../packages/tidings/src/log/log.ts";
import { draft } from "../support/opened-log.ts";

/** By topic, the offsets that were acknowledged. */
export type Acknowledged = Map<string, number[]>;

/** One after the other. Each has its topic as its text, unless it is told another one. */
export async function append(
  log: Log,
  acknowledged: Acknowledged,
  topics: readonly string[],
  textOf = (topic: string): string => topic,
): Promise<void> {
  for (const topic of topics) {
    const { first } = await log.append([draft(textOf(topic), topic)]);
    acknowledged.set(topic, [...(acknowledged.get(topic) ?? []), first]);
  }
}

/** Of a topic, by its name and by a pattern, from each place where a reader may stand. */
export async function expectAllOrTold(log: Log, topic: string, offsets: readonly number[]): Promise<void> {
  for (const topics of [
    { exact: [topic], matches: (one: string) => one === topic },
    { matches: (one: string) => one === topic },
  ]) {
    for (const start of [0, ...offsets]) {
      const { head } = await log.head();
      const got: number[] = [];
      let lost = 0;
      for (let after = start; after < head;) {
        const page = await log.read({ topics, after, maxMessages: 1_000, maxBytes: 2 ** 20 });
        for (const entry of page.entries) {
          expect(entry.topic).toBe(topic);
          got.push(entry.offset);
        }
        lost = Math.max(lost, page.lostThrough);
        // Where another log took its place meanwhile.
        if (page.through <= after) break;
        after = page.through;
      }
      expect(got).toEqual([...new Set(got)].sort((one, other) => one - other));
      const missing = offsets.filter((offset) => offset > start && !got.includes(offset) && offset > lost);
      expect({ topic, start, exact: "exact" in topics, missing }).toMatchObject({ missing: [] });
    }
  }
}
