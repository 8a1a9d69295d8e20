import { expect, it } from "vitest";
import { ndjsonPrinter } from "./print-messages.ts";

it("NDJSON carries what a terminal would take for a command as an escape, and means the same", () => {
  const lines: string[] = [];
  const printer = ndjsonPrinter({ events: new Set(), path: undefined }, (text) => lines.push(text));
  const data = 'a\u001b[2J\u009b31m\u202eb\u007f "c" é\ttab';
  printer.message!({ wallMs: 0, event: "e\u009b", id: "\u2066", data } as never);
  expect(lines[0]).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  expect(JSON.parse(lines[0]!)).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    event: "e\u009b",
    id: "\u2066",
    data,
  });
});
