/** A filter is code of the application, called in the midst of a walk: what it does to the hub must not move what is walked. */
import { expect, test } from "vitest";
import { createHub } from "./create-hub.ts";
import type { HubOptions } from "./hub-options.ts";

async function received(options: HubOptions, count: number): Promise<string[]> {
  const hub = createHub({ ...options, onError: () => undefined });
  let published = 1;
  const response = await hub.respond(new Request("http://127.0.0.1/"), {
    topics: ["a"],
    filter: () => {
      if (published < count) void hub.publish("a", { data: String(published++) });
      return true;
    },
  });
  const reading = response.text();
  await hub.publish("a", { data: "0" });
  await expect.poll(() => hub.stats().published).toBe(count);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await hub.drain({ overMs: 0 });
  return (await reading).match(/(?<=data: ).*/g) ?? [];
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => String(number));

test("what a filter publishes arrives once, and in order", async () => {
  expect(await received({}, 20)).toEqual(numbers(20));
});

test("nothing is lost where what it publishes pushes out what is being walked", async () => {
  expect(await received({ recent: { messages: 2 } }, 200)).toEqual(numbers(200));
});

test("a stream that its filter ends gets nothing more", async () => {
  const hub = createHub();
  const response = await hub.respond(new Request("http://127.0.0.1/"), {
    topics: ["a"],
    subscriber: "ann",
    filter: () => {
      void hub.revoke("ann");
      return true;
    },
  });
  const reading = response.text();
  await hub.publish("a", { data: "0" });
  await hub.publish("a", { data: "1" });
  expect((await reading).match(/data: 1/g)).toBeNull();
  expect(hub.stats()).toMatchObject({ streams: 0, blockedStreams: 0, ended: { revoked: 1 } });
  await hub.drain({ overMs: 0 });
});
