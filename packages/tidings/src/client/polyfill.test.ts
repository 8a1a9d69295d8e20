import { afterEach, expect, test, vi } from "vitest";

import { EventSource } from "./event-source.ts";

const target = globalThis as { EventSource?: unknown };

afterEach(() => {
  delete target.EventSource;
  vi.resetModules();
});

test("the polyfill puts EventSource where the platform has none", async () => {
  expect(target.EventSource).toBeUndefined();
  await import("./polyfill.ts");
  expect((target.EventSource as typeof EventSource).name).toBe("EventSource");
  expect(Object.getOwnPropertyDescriptor(target, "EventSource")).toMatchObject({
    enumerable: false,
    writable: true,
    configurable: true,
  });
});

test("the polyfill leaves the platform's own alone", async () => {
  const Native = function () {};
  target.EventSource = Native;
  await import("./polyfill.ts");
  expect(target.EventSource).toBe(Native);
});
