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
