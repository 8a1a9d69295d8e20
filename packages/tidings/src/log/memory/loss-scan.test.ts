import { expect, it } from "vitest";
import { createRandom } from "../../testing/random.ts";
import { LossScan } from "./loss-scan.ts";
import { SortedList } from "./sorted-list.ts";

interface Topic {
  readonly name: string;
  discarded: number;
}

it("finds the newest loss of what matches, as of its last part, however losses come between the parts", () => {
  const random = createRandom(5);
  for (let round = 0; round < 300; round += 1) {
    const losses = new SortedList<Pick<Topic, "discarded">, Topic>(
      (one, other) => one.discarded - other.discarded,
    );
    const topics = Array.from({ length: 60 }, (_, i): Topic => ({ name: `${i}`, discarded: i + 1 }));
    for (const topic of topics) losses.add(topic);
    const wanted = new Set(topics.filter(() => random() < 0.03).map(({ name }) => name));
    const after = Math.floor(random() * 60);
    let newest = 60;
    let steps = 0;
    const selection = {
      matches: (name: string) => (steps += 20) > 0 && wanted.has(name),
      steps: () => steps,
    };
    const scan = new LossScan(losses, selection, after);
    for (let parts = 1; ; parts += 1) {
      const { looked, done } = scan.advance(200);
      // A part is bounded, but for what was lost since the one before.
      expect(looked).toBeLessThanOrEqual(8 + 3);
      if (done) break;
      for (let n = Math.floor(random() * 4); n > 0; n -= 1) {
        const topic = topics[Math.floor(random() * topics.length)]!;
        losses.delete(topic);
        newest += 1;
        topic.discarded = newest;
        losses.add(topic);
      }
      expect(parts).toBeLessThan(1_000);
    }
    const lost = topics.filter(({ name, discarded }) => wanted.has(name) && discarded > after);
    expect(scan.lost).toBe(Math.max(0, ...lost.map(({ discarded }) => discarded)));
  }
});
