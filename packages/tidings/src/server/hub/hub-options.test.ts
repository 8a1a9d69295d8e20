import { describe, expect, it } from "vitest";
import { createHub } from "./create-hub.ts";
import type { HubOptions } from "./hub-options.ts";

describe("createHub", () => {
  it.each([
    [{ limits: { streams: 0 } }, /limits.streams is 0, expected a number above 0/],
    [{ heartbeatMs: -1 }, /heartbeatMs is -1/],
    [{ history: {} } as never, /there is no option history, expected retention/],
    [
      { limits: { streamsPerAdress: 1 } } as never,
      /limits.streamsPerAdress, expected limits.streamsPerAddress/,
    ],
    [{ retention: { ageMs: Number.NaN } }, /retention.ageMs is NaN/],
    [{ retention: { topics: [{ topics: ["a"], messages: 0 }] } }, /retention.topics messages is 0/],
    [{ retention: { topics: [{ topics: [] }] } }, /there are no topics/],
  ] as [HubOptions, RegExp][])("refuses the options %j", (options, reason) => {
    expect(() => createHub(options)).toThrow(reason);
  });
});
