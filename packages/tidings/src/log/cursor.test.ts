import { describe, expect, it } from "vitest";
import { formatCursor, parseCursor, randomEpoch } from "./cursor.ts";

describe("cursor", () => {
  it("comes back from its text", () => {
    for (const offset of [0, 1, 250, Number.MAX_SAFE_INTEGER]) {
      const epoch = randomEpoch();
      expect(parseCursor(formatCursor(epoch, offset))).toEqual({ epoch, offset });
    }
  });

  it.each([
    "",
    "7",
    ".7",
    "e.",
    "e.07",
    "e.-1",
    "e.1.5",
    "e.1e3",
    "e.9007199254740993",
    "e f.1",
    `${"e".repeat(65)}.1`,
    "é.1",
    "e.1\n",
  ])("is not %j", (text) => {
    expect(parseCursor(text)).toBeUndefined();
  });
});

describe("randomEpoch()", () => {
  it("is another each time", () => {
    const epochs = new Set(Array.from({ length: 1_000 }, randomEpoch));
    expect(epochs.size).toBe(1_000);
    for (const epoch of epochs) expect(epoch).toMatch(/^[\w-]{12}$/);
  });
});
