import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { leavable } from "./leavable.ts";

/** Yields 1, then waits until its signal aborts. */
async function* waits(signal: AbortSignal, ended: () => void): AsyncGenerator<number, undefined, undefined> {
  try {
    yield 1;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    signal.throwIfAborted();
    return undefined;
  } finally {
    ended();
  }
}
const DONE = { done: true, value: undefined };

it("ends while it waits: pending reads end, and so does the generator", async () => {
  let ended = 0;
  const loop = leavable(undefined, (signal) => waits(signal, () => (ended += 1)));
  expect(await loop.next()).toEqual({ done: false, value: 1 });
  const waiting = [loop.next(), loop.next()];
  expect(await loop.return!()).toEqual(DONE);
  expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
  await expect.poll(() => ended).toBe(1);
  expect(await loop.next()).toEqual(DONE);
});

it("is left though its generator takes no notice", async () => {
  const loop = leavable(undefined, async function* () {
    await new Promise(() => undefined);
    yield 1;
    return undefined;
  });
  const waiting = loop.next();
  expect([await loop.return!(), await waiting]).toEqual([DONE, DONE]);
});

it("makes nothing when it is left before it began", async () => {
  let made = 0;
  const loop = leavable(undefined, (signal) => {
    made += 1;
    return waits(signal, () => undefined);
  });
  await loop.return!();
  expect([await loop.next(), made]).toEqual([DONE, 0]);
});

it("ends with the signal's reason, and all loops have one listener together", async () => {
  const controller = new AbortController();
  const loops = Array.from({ length: 12 }, () =>
    leavable(controller.signal, (signal) => waits(signal, () => undefined)),
  );
  for (const loop of loops) await loop.next();
  // One for all, or Node would warn of a leak.
  expect(getEventListeners(controller.signal, "abort").length).toBe(1);
  const [left, ...others] = loops;
  await left!.return!();
  const waiting = others.map((loop) => loop.next());
  controller.abort(new Error("enough"));
  for (const result of waiting) await expect(result).rejects.toThrow("enough");
  const late = leavable(controller.signal, (signal) => waits(signal, () => undefined));
  await expect(late.next()).rejects.toThrow("enough");
});

it("throws what its generator throws", async () => {
  const loop = leavable(undefined, async function* () {
    yield 1;
    throw new Error("broken");
  });
  await loop.next();
  await expect(loop.next()).rejects.toThrow("broken");
  expect(await loop.next()).toEqual(DONE);
});
