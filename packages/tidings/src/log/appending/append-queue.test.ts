import { expect, test } from "vitest";
import { AppendQueue } from "./append-queue.ts";

const draft = (size: number) => ({ topic: "a", body: new Uint8Array(size) });
const appended = (first: number) => ({ first, last: first, repeated: false });
const failed = (message: RegExp) => ({
  name: "LogError",
  code: "failed",
  message: expect.stringMatching(message) as string,
});

test("what is under way and what waits is rejected when its time is up, and says whether it may have been appended", async () => {
  const queue = new AppendQueue({ writer: "Nobody", deadlineMs: 20, pendingBytes: 1_000_000 });
  const appends = Array.from({ length: 600 }, () => queue.append([draft(1)], undefined));
  expect(queue.isFull).toBe(true);
  const group = queue.take();
  expect(group.length).toBe(500);
  expect(queue.leftMs(group)).toBeLessThanOrEqual(20);
  // A log that is closed twice asks twice.
  const settled = Promise.all([queue.settled(), queue.settled()]);
  const results = await Promise.allSettled(appends);
  const reasons = results.map((result) => (result as PromiseRejectedResult).reason as unknown);
  expect(reasons[0]).toMatchObject(
    failed(/^Cannot append to log: Nobody did not do it within 20 ms, and may/),
  );
  expect(reasons[599]).toMatchObject(failed(/its turn did not come within 20 ms.*it was not appended$/));
  await settled;
  // Its answer comes after all, and is nobody's.
  queue.resolve(
    group,
    group.map((_, i) => appended(i + 1)),
  );
  queue.end();
  expect(queue.isEmpty).toBe(true);
  expect(queue.take()).toEqual([]);
});

test("bytes that are under way count until that is over, those that wait until their time is up", async () => {
  const queue = new AppendQueue({ writer: "Nobody", deadlineMs: 20, pendingBytes: 2_100 });
  const first = queue.append([draft(60)], undefined);
  queue.take();
  const second = queue.append([draft(40)], undefined);
  const isBusy = expect.objectContaining({ code: "busy" });
  expect(() => queue.append([draft(1)], undefined)).toThrow(isBusy);
  await Promise.allSettled([first, second]);
  expect(() => queue.append([draft(60)], undefined)).toThrow(isBusy);
  queue.end();
  const third = queue.append([draft(100)], "key");
  const group = queue.take();
  expect(group).toMatchObject([{ key: "key", bytes: 100 }]);
  queue.resolve(group, [appended(1)]);
  queue.end();
  expect(await third).toEqual(appended(1));
  await queue.settled();
});

test("what waits behind a group that failed is rejected with the same cause", async () => {
  const queue = new AppendQueue({ writer: "Nobody", deadlineMs: 50, pendingBytes: 1_000_000 });
  const appends = Array.from({ length: 600 }, () => queue.append([draft(1)], undefined));
  const results = Promise.allSettled(appends);
  const cause = new Error("gone");
  queue.reject(queue.take(), cause);
  queue.end();
  const reasons = (await results).map((result) => (result as PromiseRejectedResult).reason as unknown);
  expect(reasons[0]).toBe(cause);
  expect(reasons[599]).toMatchObject({ cause, code: "failed" });
});

test("an append of one that was settled before takes no time of the next", async () => {
  const queue = new AppendQueue({ writer: "Nobody", deadlineMs: 30, pendingBytes: 1_000_000 });
  for (let n = 1; n <= 10; n += 1) {
    const append = queue.append([draft(1)], undefined);
    const group = queue.take();
    await new Promise((resolve) => void setTimeout(resolve, 5));
    queue.resolve(group, [appended(n)]);
    queue.end();
    expect(await append).toEqual(appended(n));
  }
});

test("a message that waits takes more than its bytes, which are little of a small one", async () => {
  const queue = new AppendQueue({ writer: "Nobody", deadlineMs: 20, pendingBytes: 3_003 });
  const appends = Array.from({ length: 3 }, () => queue.append([draft(1)], undefined));
  expect(() => queue.append([draft(1)], undefined)).toThrow(expect.objectContaining({ code: "busy" }));
  await Promise.allSettled(appends);
});
