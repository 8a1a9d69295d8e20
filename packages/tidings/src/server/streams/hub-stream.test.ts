import { describe, expect, test } from "vitest";
import { createStreamWorld } from "../../../../../test/support/stream-world.ts";
import { Batch } from "../out/batch.ts";
import { selectTopics } from "../topics/topic-selection.ts";
import type { HubStream } from "./hub-stream.ts";

const placesOf = ({ group: { streams, blocked } }: HubStream) => [[...streams].length, [...blocked].length];
const batch = (lastOffset: number) =>
  new Batch([], { messages: 1, lastOffset, upTo: lastOffset, toAll: false });

describe("a stream", () => {
  test.each([
    ["its peer has the newest id of what went first", 3, batch(8), 8],
    ["or that with which it came, where what went first has none", 3, batch(0), 3],
    ["and never an older one", 9, batch(4), 9],
  ])("%s", (_, startOffset, first, sentOffset) => {
    const { stream } = createStreamWorld(10).open({ startOffset, first, offset: 10 });
    expect(stream.sentOffset).toBe(sentOffset);
    expect(stream.cursor).toBe("epoch.10");
    expect(JSON.parse(JSON.stringify(stream))).toEqual({ cursor: "epoch.10", closed: false });
  });

  test("keeps the newest sixteen of its gaps", () => {
    const told = (upTo: number) => ({ after: upTo - 1, upTo, reason: "slow" as const, retainedSent: false });
    const { stream } = createStreamWorld(0).open({ told: told(1) });
    for (let upTo = 2; upTo <= 20; upTo++) stream.rememberGap(told(upTo));
    expect(stream.gaps!.map(({ upTo }) => upTo)).toEqual(Array.from({ length: 16 }, (_, index) => index + 5));
  });

  test("leaves the walk while its peer takes nothing, and comes back when it does", () => {
    const { open, asked } = createStreamWorld(0);
    const { stream, outlet } = open();
    stream.group.streams.add(stream);
    outlet.bufferedBytes = 500;
    stream.block(7, Batch.of(""));
    expect(placesOf(stream)).toEqual([0, 1]);
    expect(stream).toMatchObject({ blocked: true, blockedSinceMs: 7, blockedBytes: 500 });
    outlet.owner!.onDrain();
    expect(placesOf(stream)).toEqual([1, 0]);
    expect(stream).toMatchObject({ blocked: false, drained: true, held: undefined });
    expect(asked).toEqual(["wake"]);
  });

  test("asks for nothing more when it drains after its end", () => {
    const { open, asked } = createStreamWorld(0);
    const { stream, outlet } = open();
    stream.end = "closed";
    outlet.owner!.onDrain();
    expect([asked, stream.drained]).toEqual([[], false]);
  });

  test.each([false, true])("moves to another group, blocked: %s", (blocked) => {
    const { open, groups } = createStreamWorld(5);
    const { stream } = open();
    const before = stream.group;
    before.streams.add(stream);
    if (blocked) stream.block(0, Batch.of(""));
    const after = groups.acquire(selectTopics(["b"], 10));
    stream.move(after);
    expect([[...before.streams], [...before.blocked]]).toEqual([[], []]);
    expect(stream.group).toBe(after);
    expect(placesOf(stream)).toEqual(blocked ? [0, 1] : [1, 0]);
    expect(stream.earlier).toEqual([{ selection: before.selection, upTo: 5 }]);
  });

  test("keeps the newest sixteen of its selections", () => {
    const { open, groups } = createStreamWorld(0);
    const { stream } = open({ topic: "t0" });
    stream.group.streams.add(stream);
    for (let n = 1; n <= 20; n++) stream.move(groups.acquire(selectTopics([`t${n}`], 10)));
    expect(stream.earlier!.map(({ selection }) => selection.names[0])).toEqual(
      Array.from({ length: 16 }, (_, index) => `t${index + 4}`),
    );
  });

  test("asks the hub for its end, its topics and what is due", async () => {
    const { open, asked } = createStreamWorld(0, { due: () => 250, update: async () => "updated" });
    const { stream, outlet } = open();
    stream.close();
    expect(stream.onDue(40)).toBe(250);
    expect(await stream.update({ add: ["b"] })).toBe("updated");
    outlet.owner!.onClose();
    expect(asked).toEqual(["end closed", "due 40", "update", "closed"]);
  });

  test.each(["before", "after"])("says how it ended to those who asked %s", async (when) => {
    const { stream } = createStreamWorld(0).open();
    const asked = when === "before" ? stream.ended : undefined;
    expect(stream.closed).toBe(false);
    stream.end = "lifetime";
    stream.left();
    expect(await (asked ?? stream.ended)).toBe("lifetime");
    expect(stream.closed).toBe(true);
  });
});
