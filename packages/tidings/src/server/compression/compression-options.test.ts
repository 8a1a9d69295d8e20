import { describe, expect, test } from "vitest";
import { checkCompression, type Compression, type CompressionOptions } from "./compression-options.ts";

const shared = (level: number): Compression => ({ level, perStream: undefined });
const perStream = (level: number, windowBits: number, memLevel: number): Compression => ({
  level,
  perStream: { windowBits, memLevel },
});

describe("compression options", () => {
  test.each<
    [boolean | CompressionOptions | undefined, CompressionOptions | undefined, Compression | undefined]
  >([
    [undefined, undefined, undefined],
    [false, { perStream: true }, undefined],
    [true, undefined, shared(6)],
    [true, { perStream: true, level: 3 }, perStream(3, 13, 6)],
    [{}, { perStream: true }, shared(6)],
    [{ level: 1 }, undefined, shared(1)],
    [{ level: 9 }, undefined, shared(9)],
    [{ perStream: false }, undefined, shared(6)],
    [{ perStream: true }, undefined, perStream(6, 13, 6)],
    [{ perStream: true, level: 2, windowBits: 9, memLevel: 1 }, undefined, perStream(2, 9, 1)],
    [{ perStream: true, windowBits: 15, memLevel: 9 }, undefined, perStream(6, 15, 9)],
  ])("%o, where true means %o, are %o", (options, standard, expected) => {
    expect(checkCompression("create hub", options, standard)).toEqual(expected);
  });

  test.each<[object, string]>([
    [{ level: 0 }, "compression.level is 0, expected a whole number from 1 to 9"],
    [{ level: 10 }, "compression.level is 10, expected a whole number from 1 to 9"],
    [{ level: 1.5 }, "compression.level is 1.5, expected a whole number from 1 to 9"],
    [{ level: "6" }, "compression.level is 6, expected a whole number from 1 to 9"],
    [{ perStream: true, windowBits: 8 }, "compression.windowBits is 8, expected a whole number from 9 to 15"],
    [
      { perStream: true, windowBits: 16 },
      "compression.windowBits is 16, expected a whole number from 9 to 15",
    ],
    [{ perStream: true, memLevel: 0 }, "compression.memLevel is 0, expected a whole number from 1 to 9"],
    [
      { perStream: true, memLevel: Number.NaN },
      "compression.memLevel is NaN, expected a whole number from 1 to 9",
    ],
  ])("%o are out of range", (options, message) => {
    const check = () => checkCompression("create hub", options);
    expect(check).toThrow(RangeError);
    expect(check).toThrow(`Cannot create hub: ${message}`);
  });

  test.each(["windowBits", "memLevel"])("%s needs a compressor for each stream", (name) => {
    const check = () => checkCompression("open stream", { [name]: 9 });
    expect(check).toThrow(TypeError);
    expect(check).toThrow(
      `Cannot open stream: compression.${name} needs a compressor per stream, expected perStream: true with it`,
    );
  });
});
