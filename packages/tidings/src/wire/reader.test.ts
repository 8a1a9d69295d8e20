import { expect, test } from "vitest";
import { LimitError } from "./limit-error.ts";
import { createReader } from "./reader.ts";

test("a reader gives the messages of each chunk, in an array of its own", () => {
  const comments: string[] = [];
  const reader = createReader({ onComment: (text) => comments.push(text) });
  const first = reader.read("data: a\n\nid: 1\ndata: b\n\n: hi\nda");
  const second = reader.read("ta: c\n");
  const third = reader.read("\n");
  expect(first.map(({ data }) => data)).toEqual(["a", "b"]);
  expect(second).toEqual([]);
  expect(third).toEqual([{ event: "message", data: "c", id: "1" }]);
  expect(comments).toEqual(["hi"]);
  expect(reader.lastEventId).toBe("1");
  expect(reader.end()).toEqual({ truncated: false, unfinished: undefined });
});

test("a reader starts from a stored last event ID", () => {
  const reader = createReader();
  reader.lastEventId = "7";
  expect(reader.read(new TextEncoder().encode("data: a\n\n"))[0]!.id).toBe("7");
});

test("a reader holds to its limits, and reads on after a reset", () => {
  const reader = createReader({ maxMessageBytes: 9 });
  expect(() => reader.read("data: 0123456789\n\n")).toThrow(LimitError);
  reader.reset();
  expect(reader.read("data: a\n\n")).toHaveLength(1);
});
