import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { LimitError } from "../../packages/tidings/src/wire/limit-error.ts";
import type { ParsedMessage } from "../../packages/tidings/src/wire/message.ts";
import { PARSERS } from "../../packages/tidings/src/wire/parsers.oracle.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const NO_LIMITS = { maxMessageBytes: Infinity };
const repeat = (text: string, times: number) => [text.repeat(times)];
const each = (text: string, times: number) => Array.from({ length: times }, () => text);

/** What has made parsers slow; the number is how large each is at first. */
const STREAMS: [string, number, (n: number) => string[]][] = [
  ["one huge line in one chunk", 2_000_000, (n) => repeat("x", n)],
  ["one huge line in chunks of 512", 4_000, (n) => each("x".repeat(512), n)],
  ["one huge line in chunks of one character", 40_000, (n) => each("x", n)],
  ["one huge line of data, and its end", 4_000, (n) => [...each("data: x".padEnd(512, "x"), n), "\n\n"]],
  ["a huge message of many lines", 30_000, (n) => repeat("data: x\n", n).concat("\n")],
  ["a huge message of many lines, a chunk each", 20_000, (n) => each("data: x\n", n).concat("\n")],
  ["many messages in one chunk", 30_000, (n) => repeat("data: x\n\n", n)],
  ["many messages in chunks of one character", 4_000, (n) => "data: x\n\n".repeat(n).split("")],
  ["many empty lines", 200_000, (n) => repeat("\n", n)],
  ["a storm of CR", 200_000, (n) => repeat("\r", n)],
  ["a storm of CRLF", 100_000, (n) => repeat("\r\n", n)],
  ["a storm of lines that CR ends", 60_000, (n) => repeat("x\r", n)],
  ["lines without a colon, and one far behind them", 60_000, (n) => [`${"x\n".repeat(n)}:`]],
  ["fields that are set again and again", 30_000, (n) => repeat("event: a\nid: b\n", n)],
  ["long lines near their limit", 40, (n) => repeat(`: ${"信".repeat(20_000)}\n`, n)],
];

/** Milliseconds of this process, which others on the machine do not add to. The least of some runs. */
function cost(run: () => void): number {
  let least = Infinity;
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/**
 * Whether four times as much costs less than ten times as much: what is quadratic costs sixteen, and more memory than the caches
 * hold costs some. Asked again when the machine was in the way.
 */
function isLinear(run: (n: number) => void, size: number): boolean {
  for (let attempt = 0; attempt < 6; attempt++) {
    // A floor, since what takes no time at all has no ratio.
    if (
      cost(() => run(4 * size)) <
      10 *
        Math.max(
          cost(() => run(size)),
          1,
        )
    )
      return true;
  }
  return false;
}

describe.each(PARSERS)("$name", ({ name, createParser }) => {
  describe("the time of a parser is linear in", () => {
    test.each(STREAMS)("%s, from text", (_, size, make) => {
      const limits = { ...NO_LIMITS, ...(_.includes("limit") ? { maxMessageBytes: 65_536 } : {}) };
      const streams = new Map([size, 4 * size].map((n) => [n, make(n)]));
      const run = (n: number) => {
        const parser = createParser({ onMessage() {}, onComment() {} }, limits);
        for (const chunk of streams.get(n)!) parser.push(chunk);
        parser.end();
      };
      expect(isLinear(run, size)).toBe(true);
    });

    test.each(STREAMS)("%s, from bytes", (_, size, make) => {
      const encoder = new TextEncoder();
      const streams = new Map(
        [size, 4 * size].map((n) => [n, make(n).map((chunk) => encoder.encode(chunk))]),
      );
      const run = (n: number) => {
        const parser = createParser({ onMessage() {}, onComment() {} }, NO_LIMITS);
        for (const chunk of streams.get(n)!) parser.push(chunk);
        parser.end();
      };
      expect(isLinear(run, size)).toBe(true);
    });
  });

  describe("the memory of a parser", () => {
    const heap = (): number => {
      // The memory of arrays is given back by the collection after the one that finds them.
      gc();
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };

    test.each([
      ["a line", "x".repeat(16_384)],
      ["a line in Chinese", "信".repeat(5_000)],
      ["a message", `data: ${"x".repeat(16_384)}\n`],
      ["a line in tiny chunks", "xxxxxxxx"],
    ])("is bounded by its limits, when %s never ends", (_, piece) => {
      const chunk = new TextEncoder().encode(piece);
      const before = heap();
      const parser = createParser({}, { maxMessageBytes: 2 ** 23 });
      let most = 0;
      const feed = () => {
        for (let n = 0; n * chunk.length < 2 ** 25; n++) {
          parser.push(chunk);
          if ((n * chunk.length) % 2 ** 20 < chunk.length) most = Math.max(most, heap() - before);
        }
      };
      expect(feed).toThrow(LimitError);
      // 8 MiB of data and what the engine needs around it; the stream would have been 32 MiB.
      expect(most).toBeLessThan(20 * 2 ** 20);
      parser.reset();
      expect(heap() - before).toBeLessThan(2 ** 20);
    });

    test.each([
      ["bytes", (text: string) => new TextEncoder().encode(text)],
      ["text", (text: string) => Buffer.from(text).toString("latin1")],
    ])("is not held by small fields that are stored out of large chunks of %s", (_, make) => {
      const stored: (ParsedMessage | string)[] = [];
      const parser = createParser({
        onMessage(message) {
          if (message.data.length < 100) stored.push(message.event, message.data, message.id);
        },
        onComment: (text) => stored.push(text),
      });
      const small =
        "event: an event type\nid: 01234567890123456789\ndata: a small field of forty characters.....\n: the comment of it\n\n";
      const before = heap();
      for (let n = 0; n < 2500; n++) {
        parser.push(
          make(`data: ${"x".repeat(32_000)}\n\n${small.repeat(10)}data: ${"y".repeat(32_000)}\n\n`),
        );
      }
      const each = (heap() - before) / stored.length;
      expect(stored).toHaveLength(100_000);
      // The chunks would be 1,600 bytes for each of the fields, at the least.
      expect(each).toBeLessThan(name === "createParser" ? 150 : 300);
    });

    test.each([
      ["bytes", "a field of some 20 ch", (text: string) => new TextEncoder().encode(text)],
      ["text", "a field of some 20 ch", (text: string) => Buffer.from(text).toString("latin1")],
      [
        "bytes, in Chinese",
        "信息流动服务器推送事件顺序到达客户端了",
        (text: string) => new TextEncoder().encode(text),
      ],
    ])(
      "of one small field is at most that of a block, however large its chunk of %s was",
      (_, field, make) => {
        const stored: string[] = [];
        let count = 0;
        const parser = createParser({
          onMessage({ data }) {
            if (count++ % 1000 === 500) stored.push(data);
          },
        });
        const chunk = `data: ${field}\n\n`.repeat(1000);
        // What the engine compiles is on the heap too.
        for (let n = 0; n < 400; n++) parser.push(make(chunk));
        stored.length = 0;
        const before = heap();
        for (let n = 0; n < 1000; n++) parser.push(make(chunk));
        const each = (heap() - before) / stored.length;
        expect(stored).toHaveLength(1000);
        // A block, which the compact parser makes twice as long.
        expect(each).toBeLessThan(name === "createParser" ? 2500 : 4600);
      },
    );
  });
});
