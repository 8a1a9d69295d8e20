/** What is left of streams that came and went: nothing. */
import { setMaxListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { until } from "../../../../../test/support/hub-server.ts";
import { sharedWheel } from "../time/timer-wheel.ts";
import { createHub } from "./create-hub.ts";

describe("10,000 streams that came and went", () => {
  it("leave no stream, group, route, timer or listener behind", { timeout: 60_000 }, async () => {
    const hub = createHub({ limits: { streamsPerSubscriber: 10_000 } });
    const waiting = sharedWheel().size;
    const abort = new AbortController();
    let listeners = 0;
    const { signal } = abort;
    setMaxListeners(0, signal);
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const request = { method: "GET", headers: new Headers(), signal };
    for (let round = 0; round < 10; round += 1) {
      const responses = await Promise.all(
        Array.from({ length: 1_000 }, (_, i) =>
          hub.respond(request, {
            topics: [`topic/${i % 100}`, { pattern: `p/${i % 7}/*` }],
            subscriber: "ann",
          }),
        ),
      );
      await hub.publish(`topic/${round}`, { data: round });
      expect(hub.stats()).toMatchObject({ streams: 1_000, subscriberGroups: 700, routes: 107 });
      expect(listeners).toBe(1_000);
      // One half leaves by itself, the other is sent away.
      await Promise.all(responses.slice(0, 500).map((response) => response.body!.cancel()));
      await hub.revoke("ann");
      await Promise.all(responses.slice(500).map((response) => response.body!.pipeTo(new WritableStream())));
      await until(() => hub.stats().streams === 0, "the end of all");
    }
    expect(hub.stats()).toMatchObject({
      opened: 10_000,
      streams: 0,
      subscriberGroups: 0,
      routes: 0,
      blockedStreams: 0,
    });
    expect(sharedWheel().size).toBe(waiting);
    expect(listeners).toBe(0);
    await hub.drain();
  });
});
