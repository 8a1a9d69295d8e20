import { describe, expect, it } from "vitest";
import { memoryLog } from "../../log/memory/memory-log.ts";
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
    [
      { log: "redis://127.0.0.1" } as never,
      /^Cannot create hub: log is "redis:\/\/127.0.0.1", expected what memoryLog\(\), redisLog\(client\)/,
    ],
    [{ log: memoryLog } as never, /log is a function/],
    [{ log: Promise.resolve(memoryLog()) } as never, /log is a Promise/],
  ] as [HubOptions, RegExp][])("refuses the options %j", (options, reason) => {
    expect(() => createHub(options)).toThrow(reason);
  });

  it("refuses presence with a log that forgets idempotency keys before an event is published for certain", () => {
    const create = (idempotencyAgeMs: number, presence: boolean) =>
      createHub({ log: memoryLog({ idempotencyAgeMs }), presence });
    expect(() => create(119_999, true)).toThrow(/idempotencyAgeMs of its log is 119999, expected 120000/);
    create(120_000, true);
    create(1, false);
  });
});
