/**
 * The requirements on the tail: each part follows the one before, and what is followed is handed on, whole and once.
 */
import assert from "node:assert/strict";
import { draft, range, until, type DeclareTest } from "./opened-log.ts";

export function describeTail(test: DeclareTest): void {
  test("hands each entry to the tail once, in order, no later than append resolves", async ({
    log,
    tail,
    tailed,
  }) => {
    for (let i = 1; i <= 20; i += 1) {
      const { last } = await log.append([draft(i % 2 ? "a" : "b", `${i}`), draft("c", `${i}`)]);
      // Another process has to be asked first; then it comes soon after.
      if (log.follow === undefined) assert.equal(tail.at(-1)?.offset, last);
    }
    await tailed(40);
    assert.deepEqual(
      tail.map(({ offset }) => offset),
      range(1, 40),
    );
    const [{ offset, topic, body }] = tail as [(typeof tail)[number]];
    assert.deepEqual([offset, topic, new TextDecoder().decode(body)], [1, "a", "1"]);
  });

  test("joins the parts of the tail without a seam", async ({ log, parts, tailed, position }) => {
    await Promise.all(range(1, 30).map((i) => log.append([draft("a", `${i}`)])));
    await log.append([draft("b", "x"), draft("a", "y")]);
    await tailed(32);
    let through = position.head;
    for (const part of parts) {
      assert.equal(part.after, through);
      for (const { offset } of part.entries) assert.ok(offset > part.after && offset <= part.through);
      ({ through } = part);
    }
    assert.equal(through, 32);
  });

  test("hands on what is followed, from the offset that it says", async ({ log, tail, parts }) => {
    if (log.follow === undefined || log.unfollow === undefined) return;
    log.unfollow("all");
    await log.append([draft("a", "1"), draft("b", "2")]);
    const from = await log.follow(["a", "c"]);
    assert.ok(from <= 2, `everything after ${from} is handed on, and the newest offset is 2`);
    await log.append([draft("b", "3"), draft("a", "4")]);
    await log.append([draft("c", "5"), draft("d", "6"), draft("a", "7")]);
    await until(() => tail.some(({ offset }) => offset === 7), "offset 7 in the tail");
    const followed = tail.filter(({ topic, offset }) => offset > from && (topic === "a" || topic === "c"));
    assert.deepEqual(
      followed.map(({ offset }) => offset).filter((offset) => offset > 2),
      [4, 5, 7],
    );
    for (let i = 1; i < parts.length; i += 1) assert.equal(parts[i]!.after, parts[i - 1]!.through);
    log.unfollow(["a"]);
    await log.follow(["d"]);
    await log.append([draft("d", "8"), draft("c", "9")]);
    await until(() => tail.some(({ offset }) => offset === 9), "offset 9 in the tail");
    assert.deepEqual(
      tail.filter(({ offset }) => offset > 7).map(({ offset }) => offset),
      [8, 9],
    );
  });

  test("follows a topic until it was unfollowed as often as followed", async ({ log, tail }) => {
    if (log.follow === undefined || log.unfollow === undefined) return;
    log.unfollow("all");
    await Promise.all([log.follow(["a"]), log.follow(["a", "b"])]);
    log.unfollow(["a"]);
    await log.append([draft("a", "1")]);
    await until(() => tail.length > 0, "offset 1 in the tail");
  });
  test("hands on once what is followed by its name and with all others", async ({ log, tail, tailed }) => {
    if (log.follow === undefined) return;
    await log.follow(["b"]);
    await log.append([draft("a", "1"), draft("b", "2"), draft("a", "3")]);
    await tailed(3);
    assert.deepEqual(
      tail.map(({ offset }) => offset),
      [1, 2, 3],
    );
  });
}
