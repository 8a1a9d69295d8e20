import { describe, expect, it } from "vitest";
import { createObjection, jsonProblem } from "./json-problem.ts";

describe("jsonProblem", () => {
  it.each(["", "plain text", "42", '{"a":[1]}', " [] "])("has nothing against %j", (text) => {
    expect(jsonProblem(text)).toBeUndefined();
  });

  it.each(['{"a":}', "[1,", "{broken", '{"q": "你好"', "{'a': 1}"])("says what is wrong with %j", (text) => {
    expect(jsonProblem(text)).toMatch(/JSON/);
  });
});

describe("createObjection", () => {
  it("objects once to the same text", () => {
    const object = createObjection();
    expect(object("{a")).toBeDefined();
    expect(object("{a")).toBeUndefined();
    expect(object("{b")).toBeDefined();
    expect(object("{}")).toBeUndefined();
    expect(object("{a")).toBeDefined();
  });
});
