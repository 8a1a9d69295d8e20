import { mock } from "node:test";
import { afterEach, expect, test, vi } from "vitest";

/** In the order that undoes what the rows below do. */
function restore(): void {
  vi.useRealTimers();
  mock.timers.reset();
  vi.unstubAllGlobals();
}
afterEach(restore);

test.each<[string, () => void]>([
  ["no framework", () => {}],
  ["Vitest, as Jest does", () => void vi.useFakeTimers()],
  ["Jest's legacy timers", () => vi.stubGlobal("setImmediate", vi.fn())],
  ["node:test", () => mock.timers.enable({ apis: ["setImmediate", "setTimeout"] })],
  [
    "Vitest in a browser of Jest's",
    () => {
      vi.stubGlobal("setImmediate", undefined);
      vi.stubGlobal("MessageChannel", undefined);
      vi.useFakeTimers();
    },
  ],
])("a turn comes by itself where timers were replaced before the import: %s", async (_name, replace) => {
  replace();
  vi.resetModules();
  const { inNextTurn } = await import("./in-next-turn.ts");
  const order: string[] = [];
  const turn = new Promise<void>((resolve) =>
    inNextTurn(() => {
      order.push("turn");
      resolve();
    }),
  );
  await Promise.resolve().then(() => order.push("promises"));
  await turn;
  restore();
  await new Promise<void>((resolve) => inNextTurn(resolve));
  expect(order).toEqual(["promises", "turn"]);
});
