import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadVectors } from "../../../../vectors/load.ts";
import { LimitError } from "../wire/limit-error.ts";
import { expectEqual, observe } from "../wire/observe.oracle.ts";
import { createParser } from "../wire/parser.ts";
import { createPlainParser } from "../wire/plain-parser.oracle.ts";
import { bytes, cut, cuts, join } from "../wire/streams.oracle.ts";

const { decoderFor } = await import("./bytes.ts");

/** Long enough, of one kind long enough, that each of the ways to decode is taken and left again. */
const longBytes = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: bytes },
      fc.integer({ min: 0, max: 6000 }).map((length) => text("x", length)),
      fc.integer({ min: 0, max: 6000 }).map((length) => text("信", length)),
      fc.integer({ min: 0, max: 400 }).map((length) => text("data: 信息流\r\n\r\n", length)),
      fc.integer({ min: 0, max: 900 }).map((length) => text("data: ascii\n\n", length)),
      fc.constant(Uint8Array.of(0xe4)),
    ),
    { maxLength: 8 },
  )
  .map(join);

function text(piece: string, times: number): Uint8Array {
  return new TextEncoder().encode(piece.repeat(times));
}

describe("Node's ways with bytes", () => {
  test.each([20, 24])("decode as the standard's decoder does, as on Node %i", (version) => {
    const decode = decoderFor(version);
    fc.assert(
      fc.property(
        fc.oneof(longBytes, fc.uint8Array({ maxLength: 64 })),
        fc.nat(),
        fc.nat(),
        (stream, a, b) => {
          const [from, to] = [a % (stream.length + 1), b % (stream.length + 1)].sort((x, y) => x - y) as [
            number,
            number,
          ];
          expect(decode(stream, from, to)).toBe(
            new TextDecoder("utf-8", { ignoreBOM: true }).decode(stream.subarray(from, to)),
          );
        },
      ),
      { numRuns: 1500 },
    );
  });

  test.each(loadVectors().map((vector) => [`${vector.file}: ${vector.name}`, vector] as const))(
    "pass vector %s behind long lines of either kind",
    (_, { bytes, expected }) => {
      for (const before of ["", `:${"x".repeat(600)}\n`, `:${"信".repeat(5000)}\n`]) {
        const ahead = new TextEncoder().encode(before);
        // A byte order mark counts at the start alone.
        if (ahead.length > 0 && bytes[0] === 0xef) continue;
        const whole = join([ahead, bytes]);
        const comments = before === "" ? expected.comments : [before.slice(1, -1), ...expected.comments];
        const all = { ...expected, comments };
        expectEqual(observe(createParser, [whole]), all, "whole");
        for (let at = ahead.length; at < whole.length; at += 1 + (at >> 8)) {
          expectEqual(observe(createParser, [whole.subarray(0, at), whole.subarray(at)]), all, at);
        }
      }
    },
  );

  test("mean what the plain parser means, whatever the chunks", () => {
    fc.assert(
      fc.property(longBytes, cuts, (stream, parts) => {
        expectEqual(observe(createParser, cut(stream, parts)), observe(createPlainParser, [stream]), parts);
      }),
      { numRuns: 1500 },
    );
  });

  test.each([1, 63, 64, 511, 512, 1400, 4095, 4096, 8192, 16_384])(
    "mean the same in chunks of %i bytes",
    (size) => {
      fc.assert(
        fc.property(longBytes, (stream) => {
          const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
            stream.slice(index * size, (index + 1) * size),
          );
          expectEqual(observe(createParser, chunks), observe(createPlainParser, [stream]), size);
        }),
        { numRuns: 40 },
      );
    },
  );

  test("take a Buffer as any other bytes, and not what is around it in its pool", () => {
    const pool = Buffer.from("data: x\n\ndata: 信\n\ndata: y\n\n");
    expect(observe(createParser, [pool.subarray(9, 20)]).messages).toEqual([
      { event: "message", data: "信", id: "" },
    ]);
  });

  test("let go of a chunk that a handler has reset, in the middle of it", () => {
    const seen: number[] = [];
    const parser = createParser({
      onMessage({ data }) {
        seen.push(data.length);
        if (seen.length === 2) parser.reset();
      },
    });
    parser.push(text(`data: ${"信".repeat(1000)}\n\n`, 30));
    expect(seen).toEqual([1000, 1000]);
    parser.push(text("data: 信\n\n", 1));
    expect(seen).toEqual([1000, 1000, 1]);
  });

  test("hand over short messages with the last event ID that stands, and stop where a handler resets", () => {
    const ids: string[] = [];
    const parser = createParser({
      onMessage({ data, id }) {
        ids.push(id);
        if (data === "stop") parser.reset();
      },
    });
    const block = text("data: 1\n\n", 80);
    parser.push(join([text("id: a\ndata: 0\n\n", 1), block]));
    parser.lastEventId = "b";
    parser.push(block);
    expect(ids).toEqual([...Array.from({ length: 81 }, () => "a"), ...Array.from({ length: 80 }, () => "b")]);
    parser.push(join([block, text("data: stop\n\n", 1), block]));
    expect(ids).toHaveLength(161 + 81);
  });

  test("let an error of a handler out of the middle of short messages, and take nothing until a reset", () => {
    let count = 0;
    const parser = createParser({
      onMessage() {
        if (++count === 40) throw new Error("mine");
      },
    });
    const block = text("data: 1\n\n", 80);
    expect(() => parser.push(block)).toThrow("mine");
    expect(() => parser.push(block)).toThrow("expected reset() first");
    expect(parser.end().truncated).toBe(true);
    parser.push(block);
    expect(count).toBe(120);
  });

  test("hold short messages to their limits", () => {
    const parser = createParser({}, { maxMessageBytes: 19 });
    expect(() =>
      parser.push(join([text("data: 1\n\n", 80), text("data: 12345678901234567890\n\n", 1)])),
    ).toThrow(LimitError);
  });

  test("bound what waits for a line end", () => {
    const parser = createParser({}, { maxMessageBytes: 100_000 });
    let pushed = 0;
    expect(() => {
      for (; pushed < 100; pushed++) parser.push(text("信", 2000));
    }).toThrow(LimitError);
    expect(pushed).toBe(16);
  });
});
