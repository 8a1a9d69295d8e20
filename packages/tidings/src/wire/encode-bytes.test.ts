import * as fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { encodeBytes, encodeInto, replaceWriter } from "./encode-bytes.ts";
import { encode, replaceLineCheck } from "./encode.ts";
import type { Message } from "./message.ts";

/** Long and short, plain and not, and now and then not to be encoded at all. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({
    maxLength: 80,
    unit: fc.constantFrom(
      "a",
      "é",
      "信",
      "😀",
      "\t",
      "\n",
      "\r",
      "\0",
      "\ud83d",
      "\ude00",
      "\u07ff",
      "\uffff",
      " ",
      ":",
      "\x7f",
    ),
  }),
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

async function asNode(version: number): Promise<void> {
  const { textWaysFor } = await import("../node/encode-bytes.ts");
  const { isLine, writeLong, longFrom } = textWaysFor(version);
  replaceLineCheck(isLine);
  replaceWriter(writeLong, longFrom);
}

describe.each([
  ["by TextEncoder", () => Promise.resolve()],
  ["as on Node 26", () => asNode(26)],
  ["as on Node 20", () => asNode(20)],
  [
    "as on Node 20, where there is no WebAssembly",
    async () => {
      vi.stubGlobal("WebAssembly", undefined);
      await asNode(20);
      encodeBytes({ data: "信".repeat(200) });
      vi.unstubAllGlobals();
    },
  ],
])("long text is written %s", (_, choose) => {
  beforeAll(choose);

  test("gives the UTF-8 of one message, or of several", () => {
    expect(encodeBytes({ data: "信" })).toEqual(new TextEncoder().encode("data: 信\n\n"));
    expect(encodeBytes([])).toEqual(new Uint8Array());
  });

  test("writes what encode writes and refuses what it refuses", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 30 }), (messages) => {
        for (const message of messages) expect(outcome(() => encodeBytes(message))).toBe(expected([message]));
        expect(outcome(() => encodeBytes(messages))).toBe(expected(messages));
      }),
    );
  });

  test("what it gives has memory of its own: a stream of bytes that takes one away leaves the others", async () => {
    const messages = ["first", "second", "x".repeat(500), "信"].map((data) => ({ data }));
    const all = [...messages.map((message) => encodeBytes(message)), encodeBytes(messages)];
    const texts: string[] = [];
    for (const bytes of all) {
      const stream = new ReadableStream({
        type: "bytes",
        start(controller) {
          controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
          controller.close();
        },
      });
      texts.push(await new Response(stream).text());
    }
    const expected = messages.map((message) => encode(message));
    expect(texts).toEqual([...expected, expected.join("")]);
    expect(all.map(({ length }) => length)).toEqual(all.map(() => 0));
  });

  test("a message whose own code encodes another does not mix them up", () => {
    const inner: string[] = [];
    const message = {
      get data() {
        inner.push(Buffer.from(encodeBytes({ data: "inner" })).toString());
        return "outer";
      },
    };
    expect(Buffer.from(encodeBytes([{ data: "a" }, message, { data: "b" }])).toString()).toBe(
      "data: a\n\ndata: outer\n\ndata: b\n\n",
    );
    expect(new Set(inner)).toEqual(new Set(["data: inner\n\n"]));
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
        expect(next === undefined || written + encodeBytes(next).length > size).toBe(true);
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
