/**
 * The Next application of test/next/rewrites, built and started, before a plain server and one that uses Tidings.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Origin, startOrigin } from "../../deploy/origin.ts";
import { startChild } from "../browsers/child.ts";
import { portOf } from "../runtimes/runtimes.ts";

const FOLDER = fileURLToPath(new URL("../next/rewrites", import.meta.url));
const NEXT = join(FOLDER, "../node_modules/next/dist/bin/next");

export interface NextRewrites {
  readonly plain: Origin;
  readonly tidings: Origin;
  /** Starts it, with more in its environment. @returns Its URL; what is asked below `/plain` and `/tidings` is rewritten. */
  start(env?: Record<string, string>): Promise<string>;
  stop(): Promise<void>;
}

/** Rewrites are fixed when the application is built, so the servers come first. */
export async function buildNextRewrites(): Promise<NextRewrites> {
  if (!existsSync(NEXT)) {
    throw new Error(
      `Cannot start Next: ${NEXT} is not installed, expected it from: npm ci --prefix test/next`,
    );
  }
  const plain = await startOrigin();
  const tidings = await startOrigin({ tidings: true });
  const stops = [() => plain.stop(), () => tidings.stop()];
  const env = {
    ...process.env,
    NEXT_TELEMETRY_DISABLED: "1",
    NODE_ENV: "production" as const,
    PLAIN: plain.url,
    TIDINGS: tidings.url,
  };
  await promisify(execFile)(process.execPath, [NEXT, "build", FOLDER], { cwd: FOLDER, env });
  return {
    plain,
    tidings,
    async start(more = {}) {
      const args = [NEXT, "start", FOLDER, "-p", "0", "-H", "127.0.0.1"];
      const child = startChild(process.execPath, args, { env: { ...env, ...more } });
      stops.push(() => child.stop());
      const port = await portOf("Next", child, /http:\/\/127\.0\.0\.1:(\d+)/);
      return `http://127.0.0.1:${port}`;
    },
    stop: async () => void (await Promise.all(stops.map((stop) => stop()))),
  };
}
