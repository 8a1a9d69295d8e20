import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { joinCrc, partSum } from "./checksum.ts";

test("the checksum of joined parts is that of the whole, however they are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (parts) => {
      const joined = parts.reduce((crc, part) => joinCrc(crc, partSum(crc32(part), part.length)), 0);
      expect(joined).toBe(crc32(Buffer.concat(parts)));
    }),
  );
});

test("parts of any length are moved past", () => {
  const zeros = new Uint8Array(3 * 2 ** 20 + 1);
  const before = crc32(Buffer.from("before"));
  expect(joinCrc(before, partSum(crc32(zeros), zeros.length))).toBe(crc32(zeros, before));
});
