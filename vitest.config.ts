import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Five minutes of silence begin before the first test. The test that asks what came of them is the last. */
class SilenceLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLast = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith("/doctor/silence.test.ts");
    const sorted = await super.sort(files);
    return [...sorted.filter((file) => !isLast(file)), ...sorted.filter(isLast)];
  }
}

const ENGINES = ["test/engines/**/*.test.ts", "test/answers/**/*.test.ts"];
const PROGRAMS = ["test/cli/**/*.test.ts", "apps/**/*.test.ts"];

/**
 * Four projects. `unit`: beside the source, seconds in all, run at every commit by `npm run check`.
 * `system`: real browsers, proxies, builds and packages, run by `npm test`. Beside it, since all of them wait more than they work, and
 * one after the other, so that each side takes about as long: `engines`, what goes through Redis, Postgres and NATS, and `programs`, what
 * users run, the command line and the playground.
 * What is waited for has seconds to come, since a busy machine is slow and nothing is lost by patience.
 */
// A machine that runs this unattended may be busy for a moment. What fails twice fails; run by hand, once is enough.
const retry = process.env["CI"] === undefined ? 0 : 1;

export default defineConfig({
  test: {
    // A core each: the default leaves one for other things, and much of what the tests do is waiting.
    maxWorkers: 2,
    sequence: { sequencer: SilenceLast },
    projects: [
      {
        test: {
          name: "unit",
          retry,
          // A worker for all its files, each with modules of its own: to start one per file was half of the work.
          isolate: false,
          setupFiles: "test/support/fresh-modules.ts",
          include: ["packages/*/src/**/*.test.ts", "vectors/**/*.test.ts"],
          testTimeout: 20_000,
          expect: { poll: { interval: 5, timeout: 10_000 } },
        },
      },
      system("system", {
        include: ["deploy/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
        exclude: ["**/node_modules/**", ...ENGINES, ...PROGRAMS],
      }),
      // Most of the time a server is away, hangs or takes over, and a test waits: two files at once.
      system("engines", { include: ENGINES, fileParallelism: true }),
      system("programs", { globalSetup: "test/cli/doctor/silence-setup.ts", include: PROGRAMS }),
    ],
  },
});

/** Projects whose tests use what is outside this process. */
function system(
  name: string,
  options: TestProjectInlineConfiguration["test"],
): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      retry,
      testTimeout: 60_000,
      expect: { poll: { interval: 5, timeout: 10_000 } },
      hookTimeout: 120_000,
      fileParallelism: false,
      // The package as its users load it: by Node, not by way of a transformation.
      server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
      ...options,
    },
  };
}
