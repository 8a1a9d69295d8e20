/** What is asked of the application later runs in the context of the request that it is asked about. */
import { AsyncLocalStorage } from "node:async_hooks";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { createHub } from "../server/hub/create-hub.ts";
import type { Subscription } from "../server/streams/subscription.ts";
import type { SubscribeOptions } from "../server/subscribe/subscribe-options.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  return () => void vi.useRealTimers();
});

const users = new AsyncLocalStorage<string>();

/** Streams of two users, each opened in its own context. */
async function openTwo(ask: (user: string) => Partial<SubscribeOptions>) {
  const hub = createHub();
  onTestFinished(() => hub.drain({ overMs: 0, graceMs: 0 }));
  const streams: Subscription[] = [];
  for (const user of ["ann", "bob"]) {
    const onOpen = (stream: Subscription): void => void streams.push(stream);
    await users.run(user, () =>
      hub.respond(new Request("http://127.0.0.1/"), { topics: ["a"], onOpen, ...ask(user) }),
    );
  }
  expect(streams.length).toBe(2);
  return streams;
}

test("authorize, when it is called again", async () => {
  const asked: unknown[] = [];
  await openTwo((user) => ({
    authorize: ({ first }) => {
      asked.push([user, first, users.getStore()]);
      return { recheckMs: 60_000 };
    },
  }));
  asked.length = 0;
  const both = [
    ["ann", false, "ann"],
    ["bob", false, "bob"],
  ];
  for (let time = 1; time <= 3; time++) {
    vi.advanceTimersByTime(61_000);
    await expect.poll(() => asked).toEqual(Array.from({ length: time }, () => both).flat());
  }
});

test("authorize and snapshot, when topics are added by other code", async () => {
  const asked: unknown[] = [];
  const streams = await openTwo((user) => ({
    authorize: () => {
      asked.push(["authorize", user, users.getStore()]);
      return true;
    },
    snapshot: async (topic) => {
      asked.push(["snapshot", topic, user, users.getStore()]);
      return undefined;
    },
  }));
  asked.length = 0;
  for (const stream of streams) expect(await stream.update({ add: ["b"] })).toBe("updated");
  expect(asked).toEqual([
    ["authorize", "ann", "ann"],
    ["snapshot", "b", "ann", "ann"],
    ["authorize", "bob", "bob"],
    ["snapshot", "b", "bob", "bob"],
  ]);
});
