import { describe, expect, test } from "vitest";
import { createParser } from "../wire/parser.ts";
import { createRandom } from "./random.ts";
import { formatRecording, parseRecording, type Recording } from "./recording.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (of: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(of);

function recorded(
  parts: readonly (readonly [number, string | Uint8Array])[],
  ending?: Recording["ending"],
): Recording {
  const chunks = parts.map(([atMs, part]) => ({
    atMs,
    bytes: typeof part === "string" ? bytes(part) : part,
  }));
  return { status: 200, headers: { "content-type": "text/event-stream" }, chunks, ...(ending && { ending }) };
}

function messagesOf(stream: string | Uint8Array): unknown[] {
  const messages: unknown[] = [];
  const parser = createParser({ onMessage: (message) => void messages.push(message) });
  parser.push(stream);
  return messages;
}

describe("the text of a recording", () => {
  test("shows when each chunk came, and stays the event stream that it is", () => {
    const recording = recorded(
      [
        [0, "id: 1\ndata: hello\n\n"],
        [1500, "data: wor"],
        [1502, "ld\n\n"],
      ],
      { how: "end", atMs: 3000 },
    );
    const written = formatRecording(recording);
    expect(written).toBe(
      `:tidings recording 1
:status 200
:header content-type: text/event-stream
:@0
id: 1
data: hello

:@1500 9 @1502
data: world

:@3000 end
`,
    );
    expect(parseRecording(written)).toEqual(recording);
    expect(messagesOf(written)).toEqual([
      { event: "message", data: "hello", id: "1" },
      { event: "message", data: "world", id: "1" },
    ]);
  });

  const wholes: [string, Recording][] = [
    ["nothing at all", recorded([])],
    ["nothing but an end", recorded([], { how: "end", atMs: 7 })],
    ["one that is still open", recorded([[0, "data: 1\n\n"]])],
    ["a message that is cut off", recorded([[0, "data: half"]], { how: "cut", atMs: 5 })],
    ["one that is cut off and still open", recorded([[0, "data: half"]])],
    [
      "a character that is cut in two",
      recorded([
        [0, "data: "],
        [1, bytes("好").subarray(0, 1)],
        [2, bytes("好").subarray(1)],
        [3, "\n\n"],
      ]),
    ],
    [
      "a character that never comes whole",
      recorded([[0, bytes("data: 好").subarray(0, 7)]], { how: "cut", atMs: 1 }),
    ],
    [
      "one that comes in three chunks and never whole",
      recorded([
        [0, bytes("data: 🙂").subarray(0, 7)],
        [1, bytes("🙂").subarray(1, 2)],
        [2, bytes("🙂").subarray(2, 3)],
      ]),
    ],
    [
      "a CRLF that is cut in two",
      recorded(
        [
          [0, "data: a\r"],
          [1, "\ndata: b\r\n\r"],
          [2, "\n"],
        ],
        { how: "end", atMs: 2 },
      ),
    ],
    [
      "lone CRs",
      recorded(
        [
          [0, "data: a\r"],
          [1, "data: b\r\r"],
        ],
        { how: "end", atMs: 2 },
      ),
    ],
    [
      "a byte order mark",
      recorded([
        [0, "\uFEFFdata: a\n\n"],
        [1, "data: b\n\n"],
      ]),
    ],
    [
      "a byte order mark that is cut in two",
      recorded([
        [0, bytes("\uFEFF").subarray(0, 1)],
        [1, bytes("\uFEFFdata: a\n\n").subarray(1)],
      ]),
    ],
    ["a byte order mark and nothing else", recorded([[0, "\uFEFF"]], { how: "end", atMs: 2 })],
    [
      "a byte order mark that is none, since it comes later",
      recorded([
        [0, "data: a\n"],
        [1, "\uFEFFdata: b\n\n"],
      ]),
    ],
    [
      "comments that look like times",
      recorded(
        [
          [0, ":@5 end\n"],
          [1, "data: 1\n:@7\n\n"],
          [9, ":@"],
        ],
        { how: "cut", atMs: 9 },
      ),
    ],
    [
      "a recording",
      recorded([[0, formatRecording(recorded([[3, "data: 1\n\n"]], { how: "end", atMs: 9 }))]]),
    ],
    [
      "a response that was no stream",
      {
        status: 503,
        headers: { "retry-after": "1" },
        chunks: [{ atMs: 0, bytes: bytes("busy") }],
        ending: { how: "end", atMs: 0 },
      },
    ],
  ];
  test.each(wholes)("keeps %s", (_name, recording) => {
    const written = formatRecording(recording);
    expect(parseRecording(written)).toEqual(recording);
    expect(parseRecording(bytes(written))).toEqual(recording);
    // An editor ends the last line.
    expect(parseRecording(written.replace(/\n?$/, "\n"))).toEqual(recording);
    const stream = recording.chunks.map((chunk) => [...chunk.bytes]).flat();
    expect(messagesOf(written)).toEqual(messagesOf(Uint8Array.from(stream)));
  });

  test("keeps every cut of a stream into chunks, and its messages", () => {
    const random = createRandom(42);
    const stream = bytes(
      "\uFEFFid: 1\r\ndata: 你好\r\n:@3 end\r\ndata: 🙂\r\n\r\n: x\n:@1\nevent: a\ndata: b\n\ndata: 完\r\r",
    );
    for (let time = 0; time < 500; time++) {
      const chunks = [];
      let atMs = 0;
      for (let at = 0; at < stream.length;) {
        const length = 1 + Math.floor(random() * 12);
        atMs += Math.floor(random() * 3);
        chunks.push({ atMs, bytes: stream.slice(at, at + length) });
        at += length;
      }
      const recording: Recording = { status: 200, headers: {}, chunks, ending: { how: "end", atMs } };
      const written = formatRecording(recording);
      expect(parseRecording(written)).toEqual(recording);
      expect(messagesOf(written)).toEqual(messagesOf(stream));
    }
  });

  test("has U+FFFD for what is no character, as every client would", () => {
    const chunks = [
      { atMs: 0, bytes: Uint8Array.from([...bytes("data: "), 0xff, 0xe4]) },
      { atMs: 4, bytes: bytes("a\n\n") },
    ];
    const written = formatRecording({ status: 200, headers: {}, chunks });
    expect(messagesOf(written)).toEqual([{ event: "message", data: "\uFFFD\uFFFDa", id: "" }]);
    const { chunks: read } = parseRecording(written);
    expect(read.map(({ atMs }) => atMs)).toEqual([0, 4]);
    expect(read.map((chunk) => text(chunk.bytes)).join("")).toBe("data: \uFFFD\uFFFDa\n\n");
  });

  test("has it for the start of one too, where other bytes were none", () => {
    const chunks = [{ atMs: 0, bytes: Uint8Array.of(0xff, 0x61, 0xe4) }];
    const { chunks: read } = parseRecording(formatRecording({ status: 200, headers: {}, chunks }));
    expect(text(read[0]!.bytes)).toBe("\uFFFDa\uFFFD");
  });

  test("may be written by hand", () => {
    const { chunks, ending } = parseRecording(
      ":tidings recording 1\n:@0\n\ndata: 1\n\n:@250\ndata: 2\n\n:@300 cut",
    );
    expect(chunks.map(({ atMs, bytes: part }) => [atMs, text(part)])).toEqual([
      [0, "\ndata: 1\n\n"],
      [250, "data: 2\n\n"],
    ]);
    expect(ending).toEqual({ how: "cut", atMs: 300 });
  });

  test.each([
    ["", 'line 1 is "", expected :tidings recording 1'],
    ["data: 1\n\n", 'line 1 is "data: 1", expected :tidings recording 1'],
    [":tidings recording 2\n", "expected :tidings recording 1"],
    [":tidings recording 1\n:status 999\n", 'line 2 is ":status 999", expected a line that starts with'],
    [":tidings recording 1\n:status 101\n", 'line 2 is ":status 101", expected a line that starts with'],
    [":tidings recording 1\ndata: 1\n", 'line 2 is "data: 1", expected a line that starts with'],
    [":tidings recording 1\n:@5\n:@4\n", 'line 3 is ":@4", expected a time from 5 on'],
    [":tidings recording 1\n:@5 @6\nx\n", 'line 2 is ":@5 @6", expected times'],
    [":tidings recording 1\n:@5 99\nx\n", "expected 99 bytes after it"],
    [":tidings recording 1\n:@5 end\n:@6\n", 'line 3 is ":@6", expected nothing after the end'],
    [":tidings recording 1\n:@x\n", 'line 2 is ":@x", expected times'],
  ])("that is wrong is refused: %j", (written, message) => {
    expect(() => parseRecording(written)).toThrow(message);
  });

  test("is not written with times that go back", () => {
    expect(() =>
      formatRecording(
        recorded([
          [1, "a"],
          [0, "b"],
        ]),
      ),
    ).toThrow("atMs is 0, expected a whole number from 1 on");
    expect(() => formatRecording(recorded([[0.5, "a"]]))).toThrow("atMs is 0.5");
    expect(() => formatRecording(recorded([], { how: "end", atMs: Number.NaN }))).toThrow("atMs is NaN");
  });
});
