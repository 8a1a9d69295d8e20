import { expect, it } from "vitest";
import { show } from "./show.ts";

it.each<[unknown, string]>([
  ["a\nb", String.raw`"a\nb"`],
  ["x".repeat(200), JSON.stringify(`${"x".repeat(100)}…`)],
  [1n, "1"],
  [-0.5, "-0.5"],
  [undefined, "undefined"],
  [null, "null"],
  [Symbol("s"), "Symbol(s)"],
  [[1, 2, 3], "an array of 3"],
  [{ a: 1 }, "an object"],
  [Object.create(null), "an object"],
  [Promise.resolve(), "a Promise"],
  [() => 1, "a function"],
  [
    {
      get constructor() {
        throw new Error("no");
      },
    },
    "an object",
  ],
])("describes a value, row %#", (value, text) => {
  expect(show(value)).toBe(text);
});
