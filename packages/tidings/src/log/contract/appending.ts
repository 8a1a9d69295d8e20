/**
 * The requirements on `append`, and on the tail that delivers what was appended: one order, without holes, once.
 */
import assert from "node:assert/strict";
import { bytes, draft, offsets, plain, range, text, until, type DeclareTest } from "./opened-log.ts";

export function describeAppending(test: DeclareTest): void {
  test("starts empty, with an epoch that fits in a cursor", async ({ log, position, read }) => {
    assert.match(position.epoch, /^[\w-]{1,64}$/);
    assert.equal(position.head, 0);
    const page = await read(["a"]);
    const { entries, through, lostThrough, head: pageHead = 0 } = page;
    assert.deepEqual(
      { entries, through, lostThrough, pageHead },
      { entries: [], through: 0, lostThrough: 0, pageHead: 0 },
    );
    const { messages, bytes, oldest, head } = await log.stats();
    assert.deepEqual({ messages, bytes, oldest, head }, { messages: 0, bytes: 0, oldest: 0, head: 0 });
  });

  test("counts offsets from 1 without holes, over all topics", async ({ log }) => {
    assert.deepEqual(await log.append([draft("a", "1")]), { first: 1, last: 1, repeated: false });
    assert.deepEqual(await log.append([draft("b", "2"), draft("a", "3")]), {
      first: 2,
      last: 3,
      repeated: false,
    });
    assert.deepEqual(await log.append([draft("c", "4")]), { first: 4, last: 4, repeated: false });
  });

  test("keeps topic, body, key and time of what was appended", async ({ log, read, clock, abilities }) => {
    clock.ms = 5_000_000;
    const before = Date.now();
    await log.append([{ topic: "書/1", body: bytes("data: 你好\n\n"), key: "k 1" }, draft("書/1", "second")]);
    const { entries } = await read(["書/1"]);
    assert.deepEqual(
      entries.map((entry) => ({ ...plain(entry), atMs: undefined })),
      [
        { offset: 1, topic: "書/1", body: "data: 你好\n\n", key: "k 1", atMs: undefined },
        { offset: 2, topic: "書/1", body: "second", key: undefined, atMs: undefined },
      ],
    );
    for (const { atMs } of entries) {
      if (abilities.clock === "given") assert.equal(atMs, 5_000_000);
      else assert.ok(Math.abs(atMs - before) < 60_000, `the entry is from ${atMs}, now it is ${before}`);
    }
  });

  test("never lets the time of entries go back", async ({ log, read, clock }) => {
    clock.ms = 9_000_000;
    await log.append([draft("a", "1")]);
    clock.ms = 8_999_000;
    await log.append([draft("a", "2")]);
    const times = (await read(["a"])).entries.map(({ atMs }) => atMs);
    assert.ok(times[1]! >= times[0]!, `the second entry is from ${times[1]}, the first from ${times[0]}`);
  });

  test("orders appends that are under way together", async ({ log, tail, tailed, read }) => {
    const results = await Promise.all(
      range(1, 50).map((i) => log.append([draft("a", `${i}`), draft("a", `${i}`)])),
    );
    assert.deepEqual(
      results.map(({ first }) => first),
      range(1, 50).map((i) => i * 2 - 1),
    );
    await tailed(100);
    assert.deepEqual(
      tail.map(({ offset }) => offset),
      range(1, 100),
    );
    const { entries } = await read(["a"]);
    assert.deepEqual(
      entries.map(text),
      range(1, 50).flatMap((i) => [`${i}`, `${i}`]),
    );
  });

  test("refuses an append of nothing", async ({ log }) => {
    await assert.rejects(log.append([]), RangeError);
    assert.deepEqual(await log.append([draft("a", "1")]), { first: 1, last: 1, repeated: false });
  });

  test("appends once for one idempotency key", async ({ log, tail, tailed, read }) => {
    const once = await log.append([draft("a", "1"), draft("a", "2")], { idempotencyKey: "k" });
    await log.append([draft("a", "3")], { idempotencyKey: "other" });
    const again = await log.append([draft("a", "1"), draft("a", "2")], { idempotencyKey: "k" });
    assert.deepEqual(again, { ...once, repeated: true });
    assert.deepEqual(offsets(await read(["a"])), [1, 2, 3]);
    await tailed(3);
    assert.equal(tail.length, 3);
  });

  test("appends once for one idempotency key also when both are under way", async ({ log, read }) => {
    const both = await Promise.all([
      log.append([draft("a", "1")], { idempotencyKey: "k" }),
      log.append([draft("a", "1")], { idempotencyKey: "k" }),
    ]);
    assert.deepEqual(
      both.map(({ first, repeated }) => [first, repeated]),
      [
        [1, false],
        [1, true],
      ],
    );
    assert.deepEqual(offsets(await read(["a"])), [1]);
  });

  test("takes the same idempotency key of other topics for another one", async ({ log, read }) => {
    const options = { idempotencyKey: "order 7" };
    assert.equal((await log.append([draft("customer", "1")], options)).repeated, false);
    assert.equal((await log.append([draft("warehouse", "1")], options)).repeated, false);
    assert.equal(
      (await log.append([draft("customer", "2"), draft("warehouse", "2")], options)).repeated,
      false,
    );
    assert.deepEqual(await log.append([draft("warehouse", "1")], options), {
      first: 2,
      last: 2,
      repeated: true,
    });
    assert.deepEqual(offsets(await read(["customer", "warehouse"])), [1, 2, 3, 4]);
  });

  test("says where it is without counting what it holds", async ({ log, position }) => {
    assert.deepEqual(await log.head(), position);
    await log.append([draft("a", "1"), draft("b", "2")]);
    assert.deepEqual(await log.head(), { ...position, head: 2 });
  });

  test("refuses to work once closed, and says so", async ({ log }) => {
    await log.append([draft("a", "1")]);
    await log.close();
    await assert.rejects(log.append([draft("a", "2")]), { name: "LogError", code: "closed" });
    await assert.rejects(
      log.read({
        topics: { exact: ["a"], matches: (topic) => topic === "a" },
        after: 0,
        maxMessages: 1,
        maxBytes: 1,
      }),
      { name: "LogError", code: "closed" },
    );
    await log.close();
  });

  test(
    "acknowledges what it appended also when its tail throws, and goes on",
    async ({ log, read, errors }) => {
      assert.equal((await log.append([draft("a", "1")])).first, 1);
      assert.equal((await log.append([draft("a", "2")])).first, 2);
      assert.deepEqual(offsets(await read(["a"])), [1, 2]);
      const messages = errors.map((error) => (error as Error).message);
      if (log.follow === undefined) {
        assert.deepEqual(messages, ["the tail is broken", "the tail is broken"]);
        return;
      }
      // Both may have been handed on together.
      await until(() => errors.length > 0, "the error");
      for (const error of errors) assert.equal((error as Error).message, "the tail is broken");
    },
    { brokenTail: true },
  );
}
