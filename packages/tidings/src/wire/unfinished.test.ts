import { describe, expect, test } from "vitest";

import { PARSERS } from "./parsers.oracle.ts";

describe.each(PARSERS)("$name", ({ createParser }) => {
  /** What is left at the end of this text, whole and cut at every place. */
  function endsOf(text: string) {
    const bytes = new TextEncoder().encode(text);
    return Array.from({ length: bytes.length + 1 }, (_, at) => {
      const parser = createParser({});
      parser.push(bytes.slice(0, at));
      parser.push(bytes.slice(at));
      return parser.end();
    });
  }

  test.each([
    [
      "a line that had no end",
      "id: 4\ndata: x\n\ndata: half an ans",
      { event: "message", data: "half an ans", id: "4" },
    ],
    [
      "lines, the last without end",
      "event: token\nid: 5\ndata: one\r\ndata:tw",
      { event: "token", data: "one\ntw", id: "5" },
    ],
    ["lines, all with their end", "data: one\ndata\n", { event: "message", data: "one\n", id: "" }],
    ["lines and another field", "data: one\nev", { event: "message", data: "one", id: "" }],
  ])("end() hands over the message that was cut off: %s", (_name, text, unfinished) => {
    for (const end of endsOf(text)) expect(end).toEqual({ truncated: true, unfinished });
  });

  test.each([
    ["between two messages", "data: x\n\n", false],
    ["in a comment", "data: x\n\n: he", true],
    ["in a field that is not data", "event: to", true],
  ])("end() hands over nothing when the stream was cut %s", (_name, text, truncated) => {
    for (const end of endsOf(text)) expect(end).toEqual({ truncated, unfinished: undefined });
  });
});
