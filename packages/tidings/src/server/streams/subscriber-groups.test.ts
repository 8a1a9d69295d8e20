import { describe, expect, test } from "vitest";
import { createStreamWorld } from "../../../../../test/support/stream-world.ts";
import { SubscriberGroups } from "./subscriber-groups.ts";
import { selectTopics, type TopicSelector } from "../topics/topic-selection.ts";

const all = () => true;
const none = () => false;

describe("subscriptions share a group", () => {
  test.each<
    [
      name: string,
      one: TopicSelector[],
      other: TopicSelector[],
      filters: [typeof all?, typeof all?],
      isShared: boolean,
    ]
  >([
    ["of one topic", ["a"], ["a"], [], true],
    ["of topics in another order, or named twice", ["a", "b"], ["b", "a", "b"], [], true],
    ["with one filter", ["a"], ["a"], [all, all], true],
    ["but not of other topics", ["a"], ["b"], [], false],
    ["but not of a part of the topics", ["a", "b"], ["a"], [], false],
    ["but not of a pattern with the name of a topic", ["a"], [{ pattern: "a" }], [], false],
    ["but not with another filter", ["a"], ["a"], [all, none], false],
    ["but not with a filter where the other has none", ["a"], ["a"], [all], false],
  ])("%s", (_, one, other, [filter, otherFilter], isShared) => {
    const { groups } = createStreamWorld(0);
    const first = groups.acquire(selectTopics(one, 10), { filter });
    const second = groups.acquire(selectTopics(other, 10), { filter: otherFilter });
    expect(first === second).toBe(isShared);
    expect(groups.size).toBe(isShared ? 1 : 2);
    expect([...groups]).toEqual(isShared ? [first] : [first, second]);
  });
});

describe("a group", () => {
  test("holds what comes from its first user to its last", () => {
    const { groups, recent } = createStreamWorld(0);
    const group = groups.acquire(selectTopics(["a", { pattern: "b/:id" }], 10));
    expect(groups.acquire(selectTopics(["a", { pattern: "b/:id" }], 10))).toBe(group);
    expect([group.users, recent.routes]).toEqual([2, 2]);
    groups.release(group);
    expect([group.users, groups.size, recent.routes]).toEqual([1, 1, 2]);
    groups.release(group);
    expect([group.users, groups.size, recent.routes]).toEqual([0, 0, 0]);
    expect([...groups]).toEqual([]);
  });

  test("is another one after its last user left", () => {
    const { groups } = createStreamWorld(0);
    const selection = selectTopics(["a"], 10);
    const group = groups.acquire(selection, { filter: all });
    groups.release(group);
    expect(groups.acquire(selection, { filter: all })).not.toBe(group);
    expect(groups.size).toBe(1);
  });

  test("leaves the others of its filter", () => {
    const { groups } = createStreamWorld(0);
    const [a, b] = ["a", "b"].map((topic) => groups.acquire(selectTopics([topic], 10), { filter: all }));
    groups.release(a!);
    expect([...groups]).toEqual([b]);
    expect(groups.acquire(selectTopics(["b"], 10), { filter: all })).toBe(b);
  });
});

test("what all groups select is bounded, and what is selected already takes no room", () => {
  const { recent } = createStreamWorld(0);
  const [a, b] = [selectTopics(["a".repeat(60)], 10), selectTopics(["b".repeat(60)], 10)];
  const groups = new SubscriberGroups(recent, 1_000);
  const group = groups.acquire(a);
  expect([groups.hasRoomFor(a), groups.hasRoomFor(b), groups.hasRoomFor(a, { envelope: true })]).toEqual([
    true,
    false,
    false,
  ]);
  groups.release(group);
  expect(groups.hasRoomFor(b)).toBe(true);
});
