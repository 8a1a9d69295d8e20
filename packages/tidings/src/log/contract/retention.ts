/**
 * The requirements on the limits: what exceeds them is discarded, and exactly those who lost it get a gap.
 */
import assert from "node:assert/strict";
import { draft, offsets, range, shape, type DeclareTest } from "./opened-log.ts";

export function describeRetention(test: DeclareTest): void {
  test(
    "discards the oldest when there are too many messages",
    async ({ log, read }) => {
      for (let i = 1; i <= 10; i += 1) await log.append([draft("a", `${i}`)]);
      assert.deepEqual(await shape(read(["a"], { after: 0 })), {
        offsets: [7, 8, 9, 10],
        through: 10,
        lostThrough: 6,
      });
      const { messages, oldest, head } = await log.stats();
      assert.deepEqual({ messages, oldest, head }, { messages: 4, oldest: 7, head: 10 });
    },
    { messages: 4 },
  );

  test(
    "discards the oldest when there are too many bytes",
    async ({ log, read }) => {
      for (let i = 1; i <= 10; i += 1) await log.append([draft("a", "x".repeat(i * 10))]);
      assert.deepEqual(await shape(read(["a"])), { offsets: [9, 10], through: 10, lostThrough: 8 });
      assert.equal((await log.stats()).bytes, 190);
    },
    { bytes: 200, needs: "exactBytes" },
  );

  test(
    "discards what is too old, without an append",
    async ({ log, read, pass }) => {
      await log.append([draft("a", "1")]);
      await pass(600);
      await log.append([draft("a", "2")]);
      await pass(401);
      assert.deepEqual(await shape(read(["a"])), { offsets: [2], through: 2, lostThrough: 1 });
      await pass(600);
      assert.deepEqual(await shape(read(["a"])), { offsets: [], through: 2, lostThrough: 2 });
      assert.deepEqual(await log.append([draft("a", "3")]), { first: 3, last: 3, repeated: false });
    },
    { ageMs: 1_000 },
  );

  test(
    "tells a loss to exactly those readers whose topics lost something",
    async ({ log, read }) => {
      await log.append([draft("quiet", "1")]);
      for (let i = 2; i <= 9; i += 1) await log.append([draft("busy", `${i}`)]);
      assert.deepEqual(await shape(read(["quiet"])), { offsets: [1], through: 9, lostThrough: 0 });
      assert.deepEqual(await shape(read(["busy"], { after: 3 })), {
        offsets: [8, 9],
        through: 9,
        lostThrough: 7,
      });
      assert.deepEqual(await shape(read(["busy", "quiet"])), {
        offsets: [1, 8, 9],
        through: 9,
        lostThrough: 7,
      });
      // A reader that saw everything that is gone has lost nothing.
      assert.ok((await read(["busy"], { after: 7 })).lostThrough <= 7);
      assert.deepEqual(offsets(await read(["busy"], { after: 7 })), [8, 9]);
      assert.deepEqual(await shape(read((topic) => topic === "busy")), {
        offsets: [8, 9],
        through: 9,
        lostThrough: 7,
      });
    },
    { forTopic: (topic) => (topic === "busy" ? { messages: 2 } : undefined), needs: "topicBounds" },
  );

  test(
    "bounds a topic by bytes and by age as well",
    async ({ log, read, pass }) => {
      for (let i = 1; i <= 4; i += 1)
        await log.append([draft("bytes", "x".repeat(10)), draft("age", `${i}`)]);
      assert.deepEqual(await shape(read(["bytes"])), { offsets: [5, 7], through: 8, lostThrough: 3 });
      await pass(501);
      assert.deepEqual(await shape(read(["age"])), { offsets: [], through: 8, lostThrough: 8 });
      assert.deepEqual(await shape(read((topic) => topic === "age")), {
        offsets: [],
        through: 8,
        lostThrough: 8,
      });
      assert.deepEqual(await shape(read(["bytes"])), { offsets: [5, 7], through: 8, lostThrough: 3 });
    },
    { forTopic: (topic) => (topic === "bytes" ? { bytes: 25 } : { ageMs: 500 }), needs: "topicBounds" },
  );

  test(
    "stays within the bounds of the whole log however many topics there are",
    async ({ log, read, abilities }) => {
      for (let i = 1; i <= 500; i += 1) await log.append([draft(`topic/${i % 50}`, `${i}`)]);
      assert.deepEqual(offsets(await read(() => true)), range(481, 500));
      assert.deepEqual(await shape(read(["topic/0"])), {
        offsets: [500],
        through: 500,
        lostThrough: abilities.exactLosses ? 450 : 480,
      });
      if (abilities.exactLosses) {
        // Its reader has seen all that is lost: a log may say how far that was, or nothing.
        const seen = await read(["topic/1"], { after: 451 });
        assert.deepEqual([offsets(seen), seen.through], [[], 500]);
        assert.ok(seen.lostThrough <= 451, `lostThrough is ${seen.lostThrough}, expected 451 or less`);
      }
      assert.equal((await log.stats()).messages, 20);
    },
    { messages: 20 },
  );

  test(
    "tells no loss to a reader of a topic that never had a message, however many others lost theirs",
    async ({ log, read, abilities }) => {
      if (!abilities.exactLosses) return;
      for (let i = 1; i <= 41; i += 1) {
        await log.append(range(1, 250).map((n) => draft(`inbox/${i}-${n}`, "x")));
      }
      assert.equal((await read(["inbox/nobody"])).lostThrough, 0);
      assert.equal((await read(["inbox/1-1"])).lostThrough, 1);
      assert.equal((await read(["inbox/41-1"])).lostThrough, 0);
    },
    { messages: 250 },
  );
}
