/**
 * The requirements on `read`: from any offset, any topics, in pages without a seam.
 */
import assert from "node:assert/strict";
import type { Page } from "../log.ts";
import { draft, offsets, range, type DeclareTest } from "./opened-log.ts";

export function describeReading(test: DeclareTest): void {
  test("reads one topic without the others, and several in the order of the log", async ({ log, read }) => {
    for (const topic of ["a", "b", "c", "a", "b", "c", "a"]) await log.append([draft(topic, topic)]);
    assert.deepEqual(offsets(await read(["b"])), [2, 5]);
    assert.deepEqual(offsets(await read(["c", "a"])), [1, 3, 4, 6, 7]);
    assert.deepEqual(offsets(await read(["c", "a", "c"])), [1, 3, 4, 6, 7]);
    assert.deepEqual(offsets(await read(["unknown"])), []);
    assert.deepEqual(offsets(await read((topic) => topic !== "a")), [2, 3, 5, 6]);
  });

  test("reads on from any offset, also from one that another topic holds", async ({ log, read }) => {
    for (const topic of ["a", "b", "b", "a", "b"]) await log.append([draft(topic, topic)]);
    assert.deepEqual(
      await Promise.all(range(0, 6).map(async (after) => offsets(await read(["a"], { after })))),
      [[1, 4], [4], [4], [4], [], [], []],
    );
    assert.equal((await read(["a"], { after: 4 })).through, 5);
    assert.equal((await read(["unknown"], { after: 2 })).through, 5);
  });

  test("cuts pages by messages and by bytes, and joins without a seam", async ({ log, read }) => {
    for (let i = 1; i <= 30; i += 1) await log.append([draft(i % 3 === 0 ? "a" : "b", "x".repeat(i))]);
    for (const limits of [{ maxMessages: 1 }, { maxMessages: 3 }, { maxBytes: 1 }, { maxBytes: 40 }]) {
      for (const topics of [["a"], ["a", "b"], (topic: string) => topic === "a"]) {
        const seen: number[] = [];
        let after = 0;
        for (let pages = 0; after < 30; pages += 1) {
          assert.ok(pages <= 31, "the pages do not come to an end");
          const page = await read(topics, { after, ...limits });
          assert.ok(page.entries.length <= (limits.maxMessages ?? Infinity));
          const size = page.entries.reduce((sum, { body }) => sum + body.length, 0);
          assert.ok(page.entries.length <= 1 || size <= (limits.maxBytes ?? Infinity));
          seen.push(...offsets(page));
          assert.ok(page.through > after);
          // What a log says of its newest offset is how a reader knows that this was the last page.
          if (page.head !== undefined) assert.equal(page.head, 30);
          after = page.through;
        }
        assert.deepEqual(
          seen,
          range(1, 30).filter((i) => (Array.isArray(topics) && topics.length === 2) || i % 3 === 0),
        );
      }
    }
  });

  test("reads patterns by what their topics begin with, and asks about no others", async ({ log, read }) => {
    await log.append(range(1, 300).map((i) => draft(`other/${i}`, "x")));
    await log.append(
      ["user/1/a", "user/1/b", "user/10/a", "user/2/a", "user"].map((topic) => draft(topic, "x")),
    );
    const asked: string[] = [];
    const page = await log.read({
      topics: {
        exact: ["user", "other/7"],
        prefixes: ["user/1/", "none/"],
        matches: (topic) => {
          asked.push(topic);
          return topic === "user" || topic === "other/7" || topic.startsWith("user/1/");
        },
      },
      after: 0,
      maxMessages: 100,
      maxBytes: 2 ** 20,
    });
    assert.deepEqual(offsets(page), [7, 301, 302, 305]);
    assert.deepEqual(
      asked.filter((topic) => !topic.startsWith("user")),
      asked.filter((topic) => topic === "other/7"),
    );
    assert.deepEqual(offsets(await read((topic) => topic.endsWith("/a"))), [301, 303, 304]);
  });

  test("says with a page what time it is for the log, where it says that", async ({ log, read, pass }) => {
    const isNear = async ({ entries, nowMs }: Page): Promise<void> => {
      if (nowMs === undefined) return;
      const newest = entries.at(-1)?.atMs ?? 0;
      assert.ok(nowMs >= newest, `a page of ${nowMs} has an entry of ${newest}`);
      const { last } = await log.append([draft("b", "x")]);
      const { atMs } = (await read(["b"], { after: last - 1 })).entries[0]!;
      assert.ok(Math.abs(atMs - nowMs) < 1_000, `the page is of ${nowMs}, and an append then got ${atMs}`);
    };
    await isNear(await read(["a"]));
    await log.append([draft("a", "x")]);
    await pass(200);
    for (const topics of [["a"], (topic: string) => topic === "a"]) {
      for (const after of [0, 1]) await isNear(await read(topics, { after }));
    }
  });

  test("reads a long topic from anywhere, in pages", async ({ log, read }) => {
    for (let n = 0; n < 1_500; n += 100) {
      await log.append(range(n + 1, n + 100).map((i) => draft(i % 3 === 0 ? "b" : "a", `${i}`)));
    }
    const expected = range(1, 1_500).filter((i) => i % 3 !== 0);
    for (const from of [0, 1, 299, 870, 1_400, 1_499, 1_500]) {
      const seen: number[] = [];
      for (let after = from; after < 1_500;) {
        const page = await read(["a"], { after, maxMessages: 400 });
        assert.ok(page.through > after);
        seen.push(...offsets(page));
        after = page.through;
      }
      assert.deepEqual(
        seen,
        expected.filter((offset) => offset > from),
      );
    }
  });
}
