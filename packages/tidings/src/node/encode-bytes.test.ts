import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBytes, encodeInto } from "../wire/encode-bytes.ts";
import { encode } from "../wire/encode.ts";
import type { Message } from "../wire/message.ts";

const portable = encodeBytes;
await import("./encode-bytes.ts");

/** Long and short, plain and not, and now and then not to be encoded at all. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: fc.constantFrom("a", "é", "信", "😀", "\n", "\r", "\0", "\ud83d", " ", ":", "\x7f") }),
  fc.integer({ min: 0, max: 5000 }).map((length) => "x信".repeat(length)),
);
const message: fc.Arbitrary<Message> = fc.record(
  { event: text, data: text, id: text, retry: fc.integer({ min: -1, max: 9 }) },
  { requiredKeys: [] },
);

const outcome = (run: () => Uint8Array): string => {
  try {
    return Buffer.from(run()).toString("latin1");
  } catch (error) {
    return String(error);
  }
};
const expected = (messages: readonly Message[]): string =>
  outcome(() => new TextEncoder().encode(messages.map((message) => encode(message)).join("")));

describe("Node's way to bytes", () => {
  test("takes the place of the portable one", () => {
    expect(encodeBytes).not.toBe(portable);
  });

  test("writes what encode writes and refuses what it refuses, and never writes to what it has given", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 30 }), (messages) => {
        // Looked at when all have been made: they share memory.
        const made = messages.map((message) => {
          try {
            return encodeBytes(message);
          } catch (error) {
            return error;
          }
        });
        expect(
          made.map((bytes) =>
            bytes instanceof Uint8Array ? Buffer.from(bytes).toString("latin1") : String(bytes),
          ),
        ).toEqual(messages.map((message) => expected([message])));
        expect(outcome(() => encodeBytes(messages))).toBe(expected(messages));
      }),
    );
  });

  test("writes into a buffer as many messages as fit whole", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.nat({ max: 3000 }), (messages, size) => {
        const encodable = messages.filter((message) => !expected([message]).includes("Error"));
        const buffer = new Uint8Array(size + 1).fill(0xff);
        const { read, written } = encodeInto(encodable, buffer.subarray(0, size));
        expect(Buffer.from(buffer.subarray(0, written)).toString("latin1")).toBe(
          expected(encodable.slice(0, read)),
        );
        expect(buffer[size]).toBe(0xff);
        const next = encodable[read];
        expect(next === undefined || written + portable(next).length > size).toBe(true);
      }),
    );
  });

  test("refuses what is no text in words of its own", () => {
    for (const field of ["event", "data", "id"])
      expect(() => encodeBytes({ data: "a", [field]: 7 })).toThrow(
        `Cannot encode message: ${field} is of type number, expected a string`,
      );
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
