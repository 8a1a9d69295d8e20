import { describe, expect, it } from "vitest";
import { createHub } from "../hub/create-hub.ts";
import { PublishRate } from "./publish-rate.ts";

describe("limits.publishesPerSecond", () => {
  it("bounds how fast is published, over any second, and says when to come back", () => {
    const rate = new PublishRate(10);
    rate.take(10, 0);
    expect(() => rate.take(1, 0)).toThrow(
      expect.objectContaining({ name: "HubError", code: "too-fast", retryAfterMs: 100 }),
    );
    rate.take(1, 100);
    expect(() => rate.take(1, 150)).toThrow(/expected to wait 50 ms/);
    rate.take(10, 5_000);
    // A batch larger than a second's worth passes with a full bucket, and is paid for afterwards.
    rate.take(25, 10_000);
    expect(() => rate.take(1, 11_000)).toThrow(/wait 600 ms/);
    rate.take(1, 11_600);
  });

  it("publishes no faster than it may", async () => {
    const hub = createHub({ limits: { publishesPerSecond: 3 } });
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => hub.publish("a", { data: 1 })));
    expect(all.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "rejected",
    ]);
    expect(hub.stats().published).toBe(3);
    await hub.drain();
  });
});
