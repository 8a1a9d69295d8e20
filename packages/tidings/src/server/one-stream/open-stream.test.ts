import { expect, test } from "vitest";
import { openStream, type StreamOptions } from "./open-stream.ts";

test.each<[options: object, reason: string]>([
  [{ heartbeatMS: 1 }, "Cannot open event stream: there is no option heartbeatMS, expected heartbeatMs"],
  [{ compresion: true }, "there is no option compresion, expected compression"],
  [{ data: "x" }, "there is no option data, expected one of status, headers, retryMs"],
  [{ topics: ["a"] }, "there is no option topics, expected one of status"],
])("openStream(request, %j) is refused before anything is sent", (options, reason) => {
  const request = new Request("http://localhost/");
  expect(() => openStream(request, options as StreamOptions)).toThrow(reason);
  expect(() => openStream(request, [], options as StreamOptions)).toThrow(reason);
});

test("every option may be there, and undefined", async () => {
  const { response } = openStream(new Request("http://localhost/"), [{ data: "x" }], {
    status: 201,
    headers: { "x-a": "b" },
    retryMs: 5,
    heartbeatMs: false,
    maxBufferedBytes: 1_000,
    stallMs: false,
    compression: false,
    checkEvents: true,
    onError: () => undefined,
    events: undefined as never,
  });
  expect([response.status, await response.text()]).toEqual([201, expect.stringContaining("data: x\n\n")]);
});
