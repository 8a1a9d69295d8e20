import { expect, test } from "vitest";
import {
  decodeEntry,
  deliveryOf,
  encodeDraft,
  millisecondsOf,
  nanosecondsOf,
  readEntry,
  topicOf,
} from "./frames.ts";

test("a draft comes back as it was, with offset and time", () => {
  for (const draft of [
    { topic: "書/1", body: new Uint8Array([0, 255, 10]), key: "k 1" },
    { topic: "a", body: new Uint8Array() },
  ]) {
    const payload = encodeDraft(draft);
    expect(decodeEntry(payload, topicOf(payload), 7, 5)).toEqual({ ...draft, offset: 7, atMs: 5 });
  }
});

test("a topic or a key that is too long is refused, and says how long it may be", () => {
  const body = new Uint8Array();
  for (const draft of [
    { topic: "a".repeat(65_536), body },
    { topic: "a", key: "k".repeat(65_536), body },
  ]) {
    expect(() => encodeDraft(draft)).toThrow(/^Cannot append to log: .*, expected at most 65535 each$/);
  }
});

test("what another program published has no topic", () => {
  for (const text of ["", "x", "hello, world"]) {
    expect(readEntry(Buffer.from(text), 7, 5)).toMatchObject({ offset: 7, topic: "" });
  }
});

test("a delivery is read from the subject of its acknowledgement, old and new", () => {
  const expected = {
    consumer: "c1",
    offset: 22,
    count: 21,
    time: "1700000000123456789",
    atMs: 1_700_000_000_123,
    pending: 3,
  };
  expect(deliveryOf("$JS.ACK.log.c1.1.22.21.1700000000123456789.3")).toEqual(expected);
  expect(deliveryOf("$JS.ACK.hub.HASH.log.c1.1.22.21.1700000000123456789.3.token")).toEqual(expected);
  expect(deliveryOf("$JS.FC.log.c1.x")).toBeUndefined();
  expect(deliveryOf(undefined)).toBeUndefined();
});

test("times are the same to the nanosecond, as JSON has them and as deliveries have them", () => {
  expect(nanosecondsOf("2023-11-14T22:13:20.123456789Z")).toBe("1700000000123456789");
  expect(nanosecondsOf("2023-11-14T22:13:20.1Z")).toBe("1700000000100000000");
  expect(nanosecondsOf("2023-11-14T22:13:20Z")).toBe("1700000000000000000");
  expect(nanosecondsOf("2023-11-15T00:13:20+02:00")).toBe("1700000000000000000");
  expect(millisecondsOf("1700000000123456789")).toBe(1_700_000_000_123);
});
