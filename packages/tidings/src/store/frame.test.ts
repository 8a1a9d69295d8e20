import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { nextFrame } from "./frame.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

type Run = () => void;

// As the setup files of tests have them.
test.each<[name: string, request: unknown, cancel: unknown]>([
  ["none", undefined, undefined],
  ["without a way to call them off", (run: Run) => setTimeout(run, 0), undefined],
  ["at once", (run: Run) => run(), () => undefined],
  ["at once, with a number", (run: Run) => (run(), 1), clearTimeout],
  ["that never come", () => 1, () => undefined],
])("frames %s: what is new is told once", (_name, request, cancel) => {
  vi.stubGlobal("requestAnimationFrame", request);
  vi.stubGlobal("cancelAnimationFrame", cancel);
  const tell = vi.fn();
  nextFrame(tell);
  vi.advanceTimersByTime(1000);
  expect(tell).toHaveBeenCalledTimes(1);
});
