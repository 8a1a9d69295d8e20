import { afterEach, expect, test, vi } from "vitest";
import { withTimeLimit } from "./time-limit.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function limited() {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  let answer!: (value: string) => void;
  const promise = new Promise<string>((resolve) => (answer = resolve));
  const result = withTimeLimit(promise, 30_000, "subscribe", "authorize");
  result.catch(() => undefined);
  return { answer, result };
}

/** Time passes while the process is suspended: when it goes on, what is due comes late. */
function suspend(ms: number): void {
  const nowMs = performance.now() + ms;
  vi.spyOn(performance, "now").mockReturnValue(nowMs);
}

test("an answer that came while the process was suspended counts", async () => {
  const { answer, result } = limited();
  suspend(3_600_000);
  vi.advanceTimersByTime(30_000);
  answer("yes");
  expect(await result).toBe("yes");
  expect(vi.getTimerCount()).toBe(0);
});

test("one that has not come by then has a second more", async () => {
  const { result } = limited();
  suspend(3_600_000);
  vi.advanceTimersByTime(30_000);
  vi.advanceTimersByTime(1_000);
  await expect(result).rejects.toThrow(
    "Cannot subscribe: authorize did not finish within 30000 ms (timeoutMs)",
  );
});
