import { describe, expect, it } from "vitest";
import { prettyData } from "./data-view.ts";

describe("prettyData", () => {
  it("prints JSON objects and arrays over several lines", () => {
    expect(prettyData('{"a":[1,"二"]}')).toBe('{\n  "a": [\n    1,\n    "二"\n  ]\n}');
  });

  it.each(["plain text", "42", '"text"', "{broken", "", " "])("leaves %j as it came", (data) => {
    expect(prettyData(data)).toBe(data);
  });
});
