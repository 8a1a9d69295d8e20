import { describe, expect, test } from "vitest";
import { createStreamWorld } from "../../../../../test/support/stream-world.ts";
import { Batch } from "../out/batch.ts";
import { BlockedBytes } from "./blocked-bytes.ts";
import type { HubStream } from "./hub-stream.ts";

function createWorld(most: number) {
  const { open } = createStreamWorld(0);
  const ended: HubStream[] = [];
  const waiting = new BlockedBytes(most, (stream) => void ended.push(stream));
  return {
    waiting,
    /** The numbers of those that were cut. */
    cut: () => ended.map((stream) => streams.indexOf(stream)),
    add: (batch: Batch) => {
      const { stream } = open();
      streams.push(stream);
      waiting.add(stream, batch);
      return stream;
    },
    /** The same for a stream whose outlet makes a copy. */
    copy: (batch: Batch) => {
      const { stream, outlet } = open();
      Object.assign(outlet, { copies: true });
      waiting.add(stream, batch);
      return stream;
    },
  };
}
const streams: HubStream[] = [];
const batch = (bytes: number) => new Batch([new Uint8Array(bytes)]);

describe("what waits for slow readers", () => {
  test("counts once where it is the same, and until the last has taken it", () => {
    streams.length = 0;
    const { add, waiting } = createWorld(1_000);
    const shared = batch(600);
    const [one, other] = [add(shared), add(shared)];
    add(batch(300));
    expect(waiting.bytes).toBe(900);
    waiting.remove(one);
    waiting.remove(one);
    expect(waiting.bytes).toBe(900);
    waiting.remove(other);
    expect(waiting.bytes).toBe(300);
  });

  test("counts for each stream what is encrypted or compressed for it alone", () => {
    streams.length = 0;
    const { waiting, copy } = createWorld(1_000);
    const shared = batch(300);
    const [one, other] = [copy(shared), copy(shared)];
    expect(waiting.bytes).toBe(600);
    waiting.remove(other);
    waiting.remove(one);
    expect(waiting.bytes).toBe(0);
  });

  test("does not mix up hubs that send the same", () => {
    const [one, other] = [createWorld(1_000), createWorld(1_000)];
    const shared = batch(3);
    const streamOfOne = one.add(shared);
    const streamOfOther = other.add(shared);
    expect([one.waiting.bytes, other.waiting.bytes]).toEqual([3, 3]);
    one.waiting.remove(streamOfOne);
    other.waiting.remove(streamOfOther);
    expect([one.waiting.bytes, other.waiting.bytes]).toEqual([0, 0]);
  });

  test("counts what a stream was given last", () => {
    streams.length = 0;
    const { add, waiting } = createWorld(1_000);
    const stream = add(batch(600));
    waiting.add(stream, batch(50));
    expect(waiting.bytes).toBe(50);
  });

  test("cuts all that wait for the same, and nobody else", () => {
    streams.length = 0;
    const { add, waiting, cut } = createWorld(1_000);
    const parts = [batch(400), batch(400), batch(300)] as const;
    // In turn: to cut one after the other would cut five of these to free one part.
    for (let n = 0; n < 2; n += 1) for (const part of parts.slice(0, 2)) add(part);
    add(parts[2]);
    expect([cut(), waiting.bytes]).toEqual([[0, 2], 700]);
  });

  test("counts on for the last that waits for what was shared", () => {
    streams.length = 0;
    const { add, waiting, cut } = createWorld(1_000);
    const shared = batch(600);
    const [one] = [add(shared), add(shared)];
    waiting.remove(one);
    add(batch(500));
    expect([cut(), waiting.bytes]).toEqual([[1], 500]);
  });

  test.each<[name: string, sizes: readonly (number | "shared")[], cut: number[], bytes: number]>([
    ["cuts the stream that has waited longest", [400, 400, 400], [0], 800],
    ["cuts as many as are needed", [200, 300, 200, 900], [0, 1, 2], 900],
    ["spares those that wait for the same", ["shared", "shared", 300, 300, 300], [2], 900],
    ["cuts them where there are no others", ["shared", "shared", 900], [0, 1], 900],
    ["leaves one whose message alone is larger than all of it", [2_000], [], 2_000],
    ["until another comes", [2_000, 10], [0], 10],
  ])("%s", (_, sizes, cut, bytes) => {
    streams.length = 0;
    const world = createWorld(1_000);
    const shared = batch(300);
    for (const size of sizes) world.add(size === "shared" ? shared : batch(size));
    expect([world.cut(), world.waiting.bytes]).toEqual([cut, bytes]);
  });
});
