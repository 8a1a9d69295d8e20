import { describe, expect, test } from "vitest";
import type { ParserHandlers, ParserLimits } from "./handlers.ts";
import { LimitError } from "./limit-error.ts";
import type { ParsedMessage } from "./message.ts";
import { createParser } from "./parser.ts";
import { PARSERS } from "./parsers.oracle.ts";

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);

describe.each(PARSERS)("$name", ({ createParser }) => {
  function collect(handlers: ParserHandlers = {}, limits?: ParserLimits) {
    const messages: ParsedMessage[] = [];
    const parser = createParser({ ...handlers, onMessage: (message) => messages.push(message) }, limits);
    return { messages, parser };
  }

  describe("a parser", () => {
    test("ends a line at a lone CR without waiting for what comes next", () => {
      const { messages, parser } = collect();
      parser.push(bytes("data: a\r\r"));
      expect(messages).toEqual([{ event: "message", data: "a", id: "" }]);
      parser.push(bytes("\ndata: b\r\n\r\n"));
      expect(messages.map(({ data }) => data)).toEqual(["a", "b"]);
    });

    test("reports a reconnection time at the end of its line, and an id at the blank line", () => {
      const seen: unknown[] = [];
      const { parser } = collect({ onRetry: (ms) => seen.push(ms), onId: (id) => seen.push(id) });
      parser.push("id: 7\nretry: 10\n");
      expect(seen).toEqual([10]);
      parser.push("\n");
      expect(seen).toEqual([10, "7"]);
      expect(parser.lastEventId).toBe("7");
    });

    test("starts from a stored last event ID", () => {
      const { messages, parser } = collect();
      parser.lastEventId = "41";
      parser.push("data: a\n\n");
      expect(messages[0]!.id).toBe("41");
    });

    test("does not keep hold of a chunk that its owner uses again", () => {
      const { messages, parser } = collect();
      const buffer = bytes("data: 一二三");
      parser.push(buffer);
      buffer.fill(0x21);
      parser.push(bytes("四\n\n"));
      expect(messages[0]!.data).toBe("一二三四");
    });

    test("takes an empty chunk for nothing", () => {
      const { messages, parser } = collect();
      for (const chunk of [bytes(""), bytes("data: a\r"), bytes(""), bytes("\n"), bytes(""), bytes("\n")])
        parser.push(chunk);
      expect(messages.map(({ data }) => data)).toEqual(["a"]);
    });

    test("tells at the end whether a message was cut off, and what there was of it", () => {
      const { parser } = collect();
      expect(parser.end()).toEqual({ truncated: false, unfinished: undefined });
      parser.push(bytes("id: 1\ndata: a\n\n"));
      expect(parser.end()).toEqual({ truncated: false, unfinished: undefined });
      parser.push(bytes("id: 2\nevent: e\ndata: one\ndata: tw"));
      expect(parser.end()).toEqual({ truncated: true, unfinished: { event: "e", data: "one\ntw", id: "2" } });
      expect(parser.lastEventId).toBe("1");
      parser.push(bytes("event: lo"));
      expect(parser.end()).toEqual({ truncated: true, unfinished: undefined });
    });

    test("shows nobody what it discards at the end", () => {
      const seen: unknown[] = [];
      const note = (value: unknown) => void seen.push(value);
      const parser = createParser({ onMessage: note, onComment: note, onId: note, onRetry: note });
      parser.push("id: 2\ndata: a\ndata: b");
      parser.end();
      parser.push(": c");
      parser.end();
      parser.push("retry: 5");
      parser.end();
      expect(seen).toEqual([]);
    });

    test("begins anew after its end: a byte order mark counts, and no CR is remembered", () => {
      const { messages, parser } = collect();
      parser.push("data: a\n\ndata: b\r");
      parser.end();
      parser.push("\ufeffdata: c\n\n");
      expect(messages.map(({ data }) => data)).toEqual(["a", "c"]);
      parser.end();
      parser.push("\ndata: d\n\n");
      expect(messages.map(({ data }) => data)).toEqual(["a", "c", "d"]);
    });

    test("keeps the last event ID over a reset, and forgets the unfinished message", () => {
      const { messages, parser } = collect();
      parser.push("id: 1\ndata: a\n\nid: 2\ndata: b\n");
      parser.reset();
      parser.push("data: c\n\n");
      expect(messages).toEqual([
        { event: "message", data: "a", id: "1" },
        { event: "message", data: "c", id: "1" },
      ]);
    });

    test.each([
      ["bytes", bytes],
      ["text", (text: string) => text],
    ])("reads nothing more of a chunk of %s when a handler resets it", (_, chunk) => {
      const seen: string[] = [];
      const parser = createParser({
        onMessage({ data }) {
          seen.push(data);
          if (data === "stop") parser.reset();
        },
      });
      parser.push(
        chunk(`data: a\n\ndata: stop\n\ndata: ${"b".repeat(20_000)}\n\ndata: c\n\nid: 9\ndata: rest`),
      );
      expect(seen).toEqual(["a", "stop"]);
      parser.push(chunk("data: d\n\n"));
      expect(seen).toEqual(["a", "stop", "d"]);
      expect(parser.lastEventId).toBe("");
    });

    test("hands over no message when a handler resets it at its id", () => {
      const messages: ParsedMessage[] = [];
      const parser = createParser({
        onMessage: (message) => messages.push(message),
        onId: () => parser.reset(),
      });
      parser.push("id: 1\ndata: a\n\ndata: b\n\n");
      expect(messages).toEqual([]);
    });

    test.each([
      ["bytes", bytes],
      ["text", (text: string) => text],
    ])("lets an error of a handler out, and takes nothing until it is reset, from %s", (_, chunk) => {
      const parser = createParser({
        onMessage() {
          throw new Error("mine");
        },
      });
      expect(() => parser.push(chunk("data: a\n\ndata: b\n\n"))).toThrow("mine");
      expect(() => parser.push(chunk("data: c\n\n"))).toThrow(
        "Cannot parse event stream: expected reset() first",
      );
      parser.reset();
      expect(() => parser.push(chunk("data: d\n\n"))).toThrow("mine");
      expect(parser.end()).toEqual({ truncated: true, unfinished: undefined });
      expect(() => parser.push(chunk("data: e\n\n"))).toThrow("mine");
    });

    test("takes nothing within a handler, unless it is reset there", () => {
      const seen: string[] = [];
      const parser = createParser({
        onMessage({ data }) {
          seen.push(data);
          if (data === "a") expect(() => parser.push("data: b\n\n")).toThrow("expected reset() first");
          if (data !== "c") return;
          parser.reset();
          parser.push(bytes("data: d\n\ndata: op"));
        },
      });
      parser.push(bytes("data: a\n\ndata: c\n\ndata: not read\n\n"));
      parser.push(bytes("en\n\n"));
      expect(seen).toEqual(["a", "c", "d", "open"]);
    });
  });

  describe("mistakes in a call are told with what was expected", () => {
    test("undefined is the default, and Infinity no limit", () => {
      const long = `data: ${"x".repeat(2 ** 24 + 1)}\n\n`;
      expect(() => createParser({}, { maxMessageBytes: undefined }).push(long)).toThrow(LimitError);
      const { messages, parser } = collect({}, { maxMessageBytes: Infinity });
      parser.push(long);
      expect(messages).toHaveLength(1);
    });

    test.each([undefined, null, 7, {}, new ArrayBuffer(1)])("push(%s)", (chunk) => {
      expect(() => createParser({}).push(chunk as never)).toThrow(
        "Cannot parse event stream: a chunk is neither a string nor a Uint8Array",
      );
    });
  });

  describe("the limits of a parser", () => {
    const outcome = (run: () => void): unknown => {
      try {
        run();
      } catch (error) {
        return error;
      }
      return undefined;
    };

    test("are 16 MiB a message, in one line or in many", () => {
      const { messages, parser } = collect();
      parser.push(`data:${"x".repeat(2 ** 24)}\n\n`);
      expect(messages).toHaveLength(1);
      const error = outcome(() => parser.push(`data:${"x".repeat(2 ** 24 + 1)}\n\n`));
      expect(error).toBeInstanceOf(LimitError);
      expect(error).toMatchObject({
        name: "LimitError",
        code: "message-too-long",
        limit: 2 ** 24,
        message:
          "Cannot parse event stream: a message is longer than 16777216 bytes, the limit maxMessageBytes",
      });
      parser.reset();
      const line = `data:${"x".repeat(2 ** 20 - 1)}\n`;
      for (let n = 0; n < 16; n++) parser.push(bytes(line));
      expect(outcome(() => parser.push(bytes(line)))).toMatchObject({
        code: "message-too-long",
        limit: 2 ** 24,
      });
    });

    test.each([
      ["bytes", bytes],
      ["text", (text: string) => text],
    ])("are the same for one line as for many, cut anywhere, from %s", (_, chunk) => {
      const limits = { maxMessageBytes: 20 };
      for (const [stream, fits] of [
        ["\ufeffdata: 01234567890123456789\r\n\r\n", true],
        ["data: 012345678\ndata: 0123456789\n\n", true],
        ["data:012345678901234567890\n\n", false],
        ["data: 0123456789\ndata: 0123456789\n\n", false],
        [": 0123456789012345678901\n\ndata: a\n\n", true],
        [`: ${"x".repeat(25)}\n\ndata: a\n\n`, false],
      ] as const) {
        for (let at = 0; at <= stream.length; at++) {
          const { messages, parser } = collect({}, limits);
          const error = outcome(() => {
            parser.push(chunk(stream.slice(0, at)));
            parser.push(chunk(stream.slice(at)));
          });
          expect([stream, at, messages.length, error instanceof LimitError]).toEqual([
            stream,
            at,
            fits ? 1 : 0,
            !fits,
          ]);
        }
      }
    });

    test("count bytes, also of text that is wider than ASCII", () => {
      const fits = collect({}, { maxMessageBytes: 6 });
      fits.parser.push("data:你好\n\n");
      expect(fits.messages).toHaveLength(1);
      const tight = collect({}, { maxMessageBytes: 5 });
      expect(outcome(() => tight.parser.push("data:你好\n\n"))).toMatchObject({ code: "message-too-long" });
      const pair = collect({}, { maxMessageBytes: 4 });
      pair.parser.push("data:😀\n\n");
      expect(pair.messages).toHaveLength(1);
    });

    test("count the line breaks of a message, and not its comments", () => {
      const { messages, parser } = collect({}, { maxMessageBytes: 5 });
      parser.push("data: ab\n: a comment\ndata: cd\n\n");
      expect(messages[0]!.data).toBe("ab\ncd");
      expect(outcome(() => parser.push("data: ab\ndata: cde\n\n"))).toMatchObject({
        code: "message-too-long",
      });
    });

    test("end a line that never ends, whatever the chunks", () => {
      for (const chunk of ["x", "xxxxxxx", "你", "x".repeat(5000)]) {
        for (const form of [chunk, bytes(chunk)]) {
          const { parser } = collect({}, { maxMessageBytes: 1000 });
          let pushed = 0;
          const error = outcome(() => {
            for (; pushed < 3000; pushed++) parser.push(form);
          });
          expect(error).toMatchObject({ code: "message-too-long", limit: 1000 });
        }
      }
    });

    test("leave a parser that is as good as new after a reset", () => {
      const { messages, parser } = collect({}, { maxMessageBytes: 9 });
      expect(outcome(() => parser.push(bytes("data: a\n\ndata: 0123456789\n\n")))).toBeInstanceOf(LimitError);
      expect(messages).toHaveLength(1);
      parser.reset();
      parser.push(bytes("data: b\n\n"));
      expect(messages.map(({ data }) => data)).toEqual(["a", "b"]);
    });
  });
});

describe("mistakes in a call of createParser are told with what was expected", () => {
  test.each([
    [
      (message: ParsedMessage) => message,
      undefined,
      "handlers is a function, expected an object such as { onMessage(message) {} }",
    ],
    [null, undefined, "handlers is null, expected an object"],
    ["text", undefined, "handlers is text, expected an object"],
    [{}, { maxMessageBytes: 0 }, "maxMessageBytes is 0, expected a positive number"],
    [{}, { maxMessageBytes: Number.NaN }, "maxMessageBytes is NaN, expected a positive number"],
  ])("createParser(%s, %o)", (handlers, limits, message) => {
    expect(() => createParser(handlers as never, limits as never)).toThrow(
      `Cannot create parser: ${message}`,
    );
  });
});
