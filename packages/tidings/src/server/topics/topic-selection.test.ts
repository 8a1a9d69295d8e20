import { describe, expect, it } from "vitest";
import { checkTopic, selectTopics } from "./topic-selection.ts";

describe("selectTopics()", () => {
  it("gives equal selections one key, whatever their order", () => {
    const one = selectTopics(["b", "a", { pattern: "x/:y" }, "a"], 10);
    const other = selectTopics([{ pattern: "x/:y" }, "a", "b"], 10);
    expect(one.key).toBe(other.key);
    expect(one.key).not.toBe(selectTopics(["a", "b", "x/:y"], 10).key);
  });

  it("names all topics it can match when there is no pattern among them", () => {
    expect(selectTopics(["b", "a"], 10).exact).toEqual(["a", "b"]);
    const mixed = selectTopics(["a", { pattern: "x/:y" }], 10);
    expect([mixed.exact, mixed.prefixes]).toEqual([["a"], ["x/"]]);
    expect(["a", "x/1", "b", "x/1/2"].map(mixed.matches)).toEqual([true, true, false, false]);
  });

  it("takes text that looks like a pattern for the topic of that name", () => {
    const { matches } = selectTopics(["book/:id", "*"], 10);
    expect(["book/:id", "*", "book/1"].map(matches)).toEqual([true, true, false]);
  });

  it.each([
    [[], /no topics/],
    [[""], /topic is ""/],
    [[undefined], /topic is undefined/],
    [[["nested"]], /topic is undefined/],
    [["a", "b", "c"], /3 topics, expected 2/],
    [["文".repeat(342)], /1026 bytes, expected 1024/],
    [[{ pattern: "(a)" }], /has \(/],
    [["a\0"], /expected well-formed text without control characters/],
    [["\u0001a"], /without control characters/],
    [["a\n"], /without control characters/],
    [["\ud83d"], /expected well-formed text/],
    [[{ pattern: "\ud83d*" }], /expected well-formed text/],
    [[7], /topic is 7/],
  ])("refuses %j", (topics, message) => {
    expect(() => selectTopics(topics as string[], 2)).toThrow(message);
  });

  it("takes any other text for a topic, also beyond the basic plane", () => {
    for (const topic of ["a b", "book/1", "价格", "🎉", "\u2028"])
      expect(checkTopic("publish", topic)).toBe(topic);
  });

  it("counts the length of a topic in bytes", () => {
    expect(checkTopic("publish", "文".repeat(341))).toHaveLength(341);
    expect(checkTopic("publish", "a".repeat(1_024))).toHaveLength(1_024);
    expect(() => checkTopic("publish", "a".repeat(1_025))).toThrow(RangeError);
  });
});
