import { describe, expect, test } from "vitest";
import { shareName } from "./share-name.ts";

const url = "https://a.example/prices";

describe("shareName()", () => {
  test.each([
    ["the same request", {}, {}, true],
    ["another name", { name: "a" }, { name: "b" }, false],
    ["another method", {}, { method: "HEAD" }, false],
    ["a method in other letters", { method: "get" }, {}, true],
    ["another header", { headers: { a: "1" } }, { headers: { a: "2" } }, false],
    [
      "headers in another order and form",
      {
        headers: [
          ["B", "2"],
          ["a", "1"],
        ] as const,
      },
      { headers: { a: "1", b: "2" } },
      true,
    ],
    ["another body", { body: "a" }, { body: { a: 1 } }, false],
    ["bodies of the same values", { body: { a: 1 } }, { body: { a: 1 } }, true],
    ["other credentials", {}, { credentials: "include" as const }, false],
    [
      "functions with the same name",
      { name: "a", headers: () => ({ a: "1" }) },
      { name: "a", headers: () => ({ a: "2" }) },
      true,
    ],
  ])("of %s", (_, one, other, same) => {
    expect(shareName(url, one) === shareName(url, other)).toBe(same);
  });

  test("resolves the URL, and tells two apart though they are named the same", () => {
    expect(shareName("https://a.example/x/../prices", {})).toBe(shareName(new URL(url), {}));
    expect(shareName(url, { name: "a" })).not.toBe(shareName(`${url}?b`, { name: "a" }));
  });

  test("wants a name for what cannot be compared", () => {
    expect(() => shareName(() => url, {})).toThrow(/^Cannot share: url of type function/);
    expect(() => shareName(url, { headers: () => ({}) })).toThrow(
      "Cannot share: headers of type function cannot be compared, expected a name with it, such as name: `prices/${user}`",
    );
    expect(() => shareName(url, { body: new Blob() })).toThrow(/^Cannot share: body of type object/);
    expect(shareName(() => url, { name: "prices", headers: () => ({}) })).toContain("prices");
  });
});
