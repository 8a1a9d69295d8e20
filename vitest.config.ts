import { defineConfig } from "vitest/config";

/**
 * Two projects. `unit`: beside the source, seconds in all, run at every commit by `npm run check`.
 * `system`: real browsers, proxies, builds and packages, run by `npm test`.
 */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["packages/*/src/**/*.test.ts", "vectors/**/*.test.ts"] } },
      {
        test: {
          name: "system",
          include: ["apps/**/*.test.ts", "deploy/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
