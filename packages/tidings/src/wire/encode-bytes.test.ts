import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBytes, encodeInto } from "./encode-bytes.ts";
import { encode } from "./encode.ts";

const messages = fc.array(fc.record({ id: fc.nat().map(String), data: fc.string({ unit: "grapheme" }) }), {
  maxLength: 6,
});

describe("encodeBytes", () => {
  test("gives the UTF-8 of one message, or of several", () => {
    expect(encodeBytes({ data: "信" })).toEqual(new TextEncoder().encode("data: 信\n\n"));
    expect(encodeBytes([])).toEqual(new Uint8Array());
    fc.assert(
      fc.property(messages, (messages) => {
        const text = messages.map((message) => encode(message)).join("");
        expect(encodeBytes(messages)).toEqual(new TextEncoder().encode(text));
      }),
    );
  });

  test("refuses what encode refuses", () => {
    expect(() => encodeBytes([{ data: "a" }, { id: "\n" }])).toThrow(TypeError);
  });
});

describe("encodeInto", () => {
  test("writes as many messages as fit whole, and says how many", () => {
    fc.assert(
      fc.property(messages, fc.nat({ max: 120 }), (messages, room) => {
        const buffer = new Uint8Array(room).fill(0xff);
        const { read, written } = encodeInto(messages, buffer);
        expect(buffer.subarray(0, written)).toEqual(encodeBytes(messages.slice(0, read)));
        const next = encodeBytes(messages.slice(read, read + 1)).length;
        expect(read === messages.length || written + next > room).toBe(true);
      }),
    );
  });

  test("writes a batch into the middle of a buffer, given a view of it", () => {
    const buffer = new Uint8Array(64);
    const { read, written } = encodeInto([{ data: "a" }, { data: "😀" }], buffer.subarray(10));
    expect(read).toBe(2);
    expect(new TextDecoder().decode(buffer.subarray(10, 10 + written))).toBe("data: a\n\ndata: 😀\n\n");
    expect(buffer[9]).toBe(0);
  });

  test.each([null, undefined, "text", 7])(
    "refuses %o, which is no message, alone and among others",
    (value) => {
      const refusal = /^Cannot encode message: message is .*, expected an object such as/;
      expect(() => encodeBytes(value as never)).toThrow(refusal);
      expect(() => encodeBytes([{ data: "a" }, value as never])).toThrow(refusal);
      expect(() => encodeInto([{ data: "a" }, value as never], new Uint8Array(99))).toThrow(refusal);
    },
  );
});
