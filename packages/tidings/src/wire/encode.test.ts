import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encode, encodeComment } from "./encode.ts";
import type { Message } from "./message.ts";
import { observe } from "./observe.oracle.ts";
import { createParser } from "./parser.ts";

const string = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom("\r", "\n", "\0", ":", " ", "\ufeff", "a", "data: ", "\u2028", "信", "😀"))
    .map((parts) => parts.join("")),
);
const oneLine = string.filter((text) => !/[\r\n]/.test(text));
const message: fc.Arbitrary<Message> = fc
  .record(
    {
      event: oneLine.filter((text) => text !== ""),
      data: string,
      id: oneLine.filter((text) => !text.includes("\0")),
      retry: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    },
    { requiredKeys: [] },
  )
  .filter(({ event, data }) => event === undefined || data !== undefined);

describe("encode", () => {
  test.each([null, undefined, "text", 7])("refuses %o, which is no message", (value) => {
    expect(() => encode(value as never)).toThrow(
      /^Cannot encode message: message is (null|of type \w+), expected an object such as \{ data: "text" \}$/,
    );
  });

  test("writes each field on a line of its own, and the blank line that dispatches them", () => {
    expect(encode({ event: "price", id: "7", retry: 500, data: "up" })).toBe(
      "event: price\nid: 7\nretry: 500\ndata: up\n\n",
    );
    expect(encode({ data: "" })).toBe("data: \n\n");
    expect(encode({ id: "" })).toBe("id: \n\n");
    expect(encode({})).toBe("\n");
  });

  test("starts another line of data at each CR, LF and CRLF", () => {
    expect(encode({ data: "a\nb\rc\r\nd\n" })).toBe("data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
    expect(encode({ data: "\n\r" })).toBe("data: \ndata: \ndata: \n\n");
  });

  test("puts a space before every value, so that one of the value's own stays", () => {
    expect(observe(createParser, [encode({ event: " e", id: " 1", data: " a" })]).messages).toEqual([
      { event: " e", data: " a", id: " 1" },
    ]);
  });

  test("gives the parser what came in, whatever it was", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        let id = "";
        const expected = messages.flatMap((message) => {
          id = message.id ?? id;
          const data = message.data?.replaceAll(/\r\n|\r/g, "\n");
          return data === undefined ? [] : [{ event: message.event ?? "message", data, id }];
        });
        const seen = observe(createParser, [messages.map((message) => encode(message)).join("")]);
        expect(seen).toEqual({
          messages: expected,
          ids: messages.flatMap((message) => message.id ?? []),
          retries: messages.flatMap((message) => message.retry ?? []),
          comments: [],
          lastEventId: id,
          truncated: false,
        });
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    [{ event: "a\nb", data: "" }, 'Cannot encode message: event is "a\\nb", expected text without CR or LF'],
    [{ event: "a\rb", data: "" }, 'Cannot encode message: event is "a\\rb", expected text without CR or LF'],
    [
      { event: "", data: "" },
      'Cannot encode message: event is "", which no parser can tell from none, expected text or no event at all',
    ],
    [
      { event: "ping" },
      'Cannot encode message: event is "ping" and data is undefined, expected data, if only "": parsers drop a message without',
    ],
    [{ id: "a\nb" }, 'Cannot encode message: id is "a\\nb", expected text without CR, LF or NUL'],
    [{ id: "a\rb" }, 'Cannot encode message: id is "a\\rb", expected text without CR, LF or NUL'],
    [{ id: "a\0b" }, 'Cannot encode message: id is "a\\u0000b", expected text without CR, LF or NUL'],
    [
      { data: "\ud83d" },
      'Cannot encode message: data is "\\ud83d", expected no lone surrogate, which UTF-8 cannot carry',
    ],
    [
      { id: "\ude00\ud83d" },
      'Cannot encode message: id is "\\ude00\\ud83d", expected no lone surrogate, which UTF-8 cannot carry',
    ],
    [{ data: 5 }, "Cannot encode message: data is of type number, expected a string"],
    [{ data: null }, "Cannot encode message: data is null, expected a string"],
    [{ id: 5 }, "Cannot encode message: id is of type number, expected a string"],
  ])("refuses %j", (wrong, message) => {
    expect(() => encode(wrong as Message)).toThrow(new TypeError(message));
  });

  test.each([-1, 1.5, Number.NaN, Infinity, 2 ** 31, "5"])("refuses a retry of %s", (retry) => {
    expect(() => encode({ retry: retry as number })).toThrow(
      new RangeError(
        `Cannot encode message: retry is ${retry}, expected a whole number from 0 to 2147483647`,
      ),
    );
  });

  test("finds lone surrogates also where strings cannot say it of themselves", () => {
    const strings: object = String.prototype;
    const own = Object.getOwnPropertyDescriptor(strings, "isWellFormed");
    Reflect.deleteProperty(strings, "isWellFormed");
    try {
      for (const text of ["\ud83d", "a\ude00", "\ud83d\ud83d\ude00", "\ud83d\ude00\ude00", "\ude00\ud83d"]) {
        expect(() => encode({ data: text })).toThrow(TypeError);
      }
      expect(encode({ data: "😀a😀" })).toBe("data: 😀a😀\n\n");
    } finally {
      if (own) Object.defineProperty(strings, "isWellFormed", own);
    }
  });

  test("shows the start alone of a long value", () => {
    expect(() => encode({ id: `\n${"x".repeat(1000)}` })).toThrow(/^.{0,160}$/);
  });
});

describe("encodeComment", () => {
  test("writes a line for each line, which the parser shows as it was", () => {
    expect(encodeComment("")).toBe(":\n\n");
    expect(encodeComment("a\r\nb")).toBe(": a\n: b\n\n");
    fc.assert(
      fc.property(string, (comment) => {
        const { comments, messages } = observe(createParser, [encodeComment(comment)]);
        expect(comments.join("\n")).toBe(comment.replaceAll(/\r\n|\r/g, "\n"));
        expect(messages).toEqual([]);
      }),
    );
  });

  test("refuses a lone surrogate", () => {
    expect(() => encodeComment("\ud83d")).toThrow(TypeError);
  });
});
