import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatDuration, formatTime } from "./format.ts";

describe("format", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [999_949, "999.9 kB"],
    [999_950, "1.0 MB"],
  ])("formatBytes(%i) is %j", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1000, "1.0 s"],
    [59_949, "59.9 s"],
    [59_950, "1:00"],
    [245_000, "4:05"],
    [600_000, "10:00"],
    [3_845_000, "1:04:05"],
    [36_000_000, "10:00:00"],
  ])("formatDuration(%i) is %j", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it("formatTime shows the time of day to the millisecond", () => {
    expect(formatTime(new Date(2026, 0, 2, 3, 4, 5, 6))).toBe("03:04:05.006");
  });

  it("formatCount groups thousands", () => {
    expect(formatCount(1234567)).toBe("1,234,567");
  });
});
