/**
 * The simplest log, an array, as a model of the log under test: both get the same random steps, and must agree.
 */
import assert from "node:assert/strict";
import { createRandom } from "../../testing/random.ts";
import { ALL_ABILITIES, draft, openBench, range, type CreateLog, type LogAbilities } from "./opened-log.ts";

/** @param seed - Repeats a run that failed. */
export async function compareWithModel(
  create: CreateLog,
  seed: number,
  abilities: LogAbilities = ALL_ABILITIES,
): Promise<void> {
  const random = createRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const limits = { messages: pick([3, 10, 40]), bytes: pick([50, 1_000]), ageMs: pick([200, 5_000]) };
  // Ages cannot be foretold by another clock.
  if (abilities.clock === "own") limits.ageMs = 3_600_000;
  if (!abilities.exactBytes) limits.bytes = 2 ** 20;
  const small = { messages: abilities.topicBounds ? pick([1, 5]) : Infinity };
  const bench = await openBench(
    create,
    { ...limits, forTopic: (topic) => (topic === "a" && abilities.topicBounds ? small : undefined) },
    abilities,
  );
  const { log, clock } = bench;
  const all: { offset: number; topic: string; body: string; atMs: number }[] = [];
  const lost: { offset: number; topic: string }[] = [];
  let head = 0;
  /** What is compared, for the message of a failure. */
  let doing = "";
  /** Applied after each draft, as a batch may pass a bound by itself. */
  const expire = (): void => {
    const gone = (index: number): void => {
      const [entry] = all.splice(index, 1);
      lost.push(entry!);
    };
    while (all.filter(({ topic }) => topic === "a").length > small.messages) {
      gone(all.findIndex(({ topic }) => topic === "a"));
    }
    const size = (): number => all.reduce((sum, { body }) => sum + body.length, 0);
    // Where what is gone still counts, the log keeps its newest offsets.
    const excess = (): boolean =>
      abilities.topicBoundsFree
        ? all.length > limits.messages
        : all.length > 0 && all[0]!.offset <= head - limits.messages;
    while (all.length > 0 && (excess() || size() > limits.bytes || clock.ms - all[0]!.atMs > limits.ageMs)) {
      gone(0);
    }
  };
  try {
    for (let step = 0; step < 120; step += 1) {
      clock.ms += Math.floor(random() * 60);
      if (random() < 0.6) {
        const drafts = range(1, pick([1, 1, 2, 5])).map((i) =>
          draft(pick(["a", "b", "c/1"]), `${step}-${i}`),
        );
        doing = `step ${step}, append to ${drafts.map(({ topic }) => topic).join(", ")}`;
        const { first } = await log.append(drafts);
        assert.equal(first, head + 1);
        for (const { topic, body } of drafts) {
          head += 1;
          all.push({ offset: head, topic, body: new TextDecoder().decode(body), atMs: clock.ms });
        }
      }
      expire();
      const topics = pick([["a"], ["b"], ["a", "c/1"], ["a", "b", "c/1"], ["none"]]);
      const after = Math.floor(random() * (head + 1));
      const byPattern = random() < 0.3;
      const maxMessages = pick([1, 3, 1_000]);
      doing = `step ${step}, read ${JSON.stringify({ topics, byPattern, after, maxMessages, head })}`;
      const page = await bench.read(byPattern ? (topic) => topics.includes(topic) : topics, {
        after,
        maxMessages,
      });
      const expected = all.filter(({ offset, topic }) => offset > after && topics.includes(topic));
      assert.deepEqual(
        page.entries.map(({ offset, topic, body, atMs }) => ({
          offset,
          topic,
          body: new TextDecoder().decode(body),
          atMs: abilities.clock === "given" ? atMs : 0,
        })),
        expected
          .slice(0, maxMessages)
          .map((one) => (abilities.clock === "given" ? one : { ...one, atMs: 0 })),
      );
      // Where what a topic's bounds discard is only hidden, a pattern meets it page by page.
      const toldWith = byPattern && !abilities.topicBoundsFree ? page.through : head;
      const losses = lost.filter(({ topic, offset }) => topics.includes(topic) && offset <= toldWith);
      const lostThrough = Math.max(0, ...losses.map(({ offset }) => offset));
      const [told, lostAfter] = [page.lostThrough, lostThrough].map((offset) =>
        offset > after ? offset : 0,
      );
      if (abilities.exactLosses)
        assert.equal(told, lostAfter, `lostThrough is ${told}, expected ${lostAfter}`);
      else assert.ok(told! >= lostAfter!, `lost through ${lostAfter}, and told through ${told}`);
      const next = expected[maxMessages];
      assert.ok(page.through >= (page.entries.at(-1)?.offset ?? after));
      if (next === undefined) assert.ok(page.through <= head);
      else assert.ok(page.through < next.offset, "the page ends behind an entry that it does not hold");
    }
    doing = "the offsets that were handed on to onTail";
    await bench.tailed(head);
    assert.deepEqual(
      bench.tail.map(({ offset }) => offset),
      range(1, head),
    );
  } catch (error) {
    const bounds = JSON.stringify({ ...limits, "messages of topic a": small.messages });
    throw new Error(`With ${bounds}, ${doing}: ${(error as Error).message}`, { cause: error });
  } finally {
    await log.close();
  }
}
