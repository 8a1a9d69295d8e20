import { expect, test } from "vitest";
import { responseHead } from "./response-head.ts";

test("headers of the caller override ours whatever their case", () => {
  const { headers } = responseHead({ headers: { "Cache-Control": "no-store", "X-Id": "7" } });
  expect(headers).toEqual([
    ["content-type", "text/event-stream"],
    ["cache-control", "no-store"],
    ["x-accel-buffering", "no"],
    ["incremental", "?1"],
    ["x-id", "7"],
  ]);
});

test("a header of one hop, or Content-Length, is refused with its name", () => {
  for (const name of ["Connection", "Keep-Alive", "transfer-encoding", "Content-Length", "Upgrade"]) {
    expect(() => responseHead({ headers: { [name]: "keep-alive" } })).toThrow(
      `Cannot open event stream: headers has "${name}", which the server sets, expected it to be left out`,
    );
  }
});

test("a Content-Type may add a charset but name nothing else", () => {
  expect(
    responseHead({ headers: { "content-type": "text/event-stream; charset=utf-8" } }).headers[0],
  ).toEqual(["content-type", "text/event-stream; charset=utf-8"]);
  expect(() => responseHead({ headers: { "content-type": "text/event-streams" } })).toThrow(
    'Cannot open event stream: content-type is "text/event-streams", expected text/event-stream',
  );
});

test("a status without a body is refused", () => {
  expect(responseHead({ status: 201 }).status).toBe(201);
  for (const status of [204, 304, 101, 600, 200.5])
    expect(() => responseHead({ status })).toThrow(RangeError);
});

test("retryMs is sent first; a comment is where there is none", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  expect(text(responseHead().first.bytes)).toBe(":\n\n");
  expect(text(responseHead({ retryMs: 0 }).first.bytes)).toBe("retry: 0\n\n");
  expect(() => responseHead({ retryMs: -1 })).toThrow(RangeError);
});

test("is made once for streams that are opened alike", () => {
  const open = (value: string | string[], retryMs = 100) =>
    responseHead({ retryMs, headers: { "Access-Control-Allow-Origin": value } });
  const first = open("https://a.test");
  expect(open("https://a.test")).toBe(first);
  expect(open("https://b.test").headers.at(-1)).toEqual(["access-control-allow-origin", "https://b.test"]);
  expect(open("https://b.test", 200)).not.toBe(open("https://b.test"));
  expect(responseHead({ retryMs: 100, headers: { "X-Id": "https://b.test" } }).headers.at(-1)).toEqual([
    "x-id",
    "https://b.test",
  ]);
  // A list may be changed between two streams.
  const list = ["1"];
  open(list);
  list.push("2");
  expect(open(list).headers.at(-1)![1]).toEqual(["1", "2"]);
});
