import { afterEach, expect, it, vi } from "vitest";
import { createHub } from "./create-hub.ts";
import type { Hub } from "./hub.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const load = (): Hub => createHub();

it.each([
  ["development", 1],
  ["production", 0],
])("in %s, a hub that is made again while the first has streams warns %i times", async (env, warnings) => {
  vi.stubEnv("NODE_ENV", env);
  const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const first = load();
  const { body } = await first.respond(new Request("http://a/"), { topics: ["a"] });
  const second = load();
  expect(warned.mock.calls.map(([text]) => text as string)).toEqual(
    Array.from(
      { length: warnings },
      () => expect.stringMatching(/has 1 open streams, .*globalThis\.hub \?\?= createHub\(\)$/) as string,
    ),
  );
  await body!.cancel();
  await Promise.all([first.drain({ overMs: 0 }), second.drain({ overMs: 0 })]);
});

it("one that is made elsewhere, or after the first has no streams, does not", async () => {
  vi.stubEnv("NODE_ENV", "development");
  const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const hubs = [load(), load(), createHub()];
  expect(warned).not.toHaveBeenCalled();
  await Promise.all(hubs.map((hub) => hub.drain({ overMs: 0 })));
});
