/**
 * The suite of all servers over a Next application, built and started as its users do it.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startChild } from "../browsers/child.ts";
import { bundle, portOf } from "../runtimes/runtimes.ts";
import { describeServer, type RunningServer } from "../servers/contract.ts";

const FOLDER = dirname(fileURLToPath(import.meta.url));
const NEXT = join(FOLDER, "node_modules/next/dist/bin/next");
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };

async function startNext(): Promise<RunningServer> {
  if (!existsSync(NEXT)) {
    throw new Error(
      `Cannot start Next: ${NEXT} is not installed, expected it from: npm ci --prefix test/next`,
    );
  }
  await bundle(join(FOLDER, "../servers/answer.ts"), join(FOLDER, ".cache/answer.mjs"));
  await promisify(execFile)(process.execPath, [NEXT, "build", FOLDER], { cwd: FOLDER, env });
  const child = startChild(process.execPath, [NEXT, "start", FOLDER, "-p", "0", "-H", "127.0.0.1"], { env });
  const port = await portOf("Next", child, /http:\/\/127\.0\.0\.1:(\d+)/);
  return { origin: `http://127.0.0.1:${port}`, stop: () => child.stop() };
}

describeServer("Next", startNext);
