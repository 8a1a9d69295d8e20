/**
 * The demo server as `npm start` runs it, on a port of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "./run-typescript.ts";

export interface DemoServer {
  readonly port: string;
  stop(): Promise<void>;
}

export async function startDemoServer(): Promise<DemoServer> {
  const server = spawn(process.execPath, [join(ROOT, "apps/playground/dist/server/main.js")], {
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = (): void => void server.kill("SIGKILL");
  process.once("exit", kill);
  for await (const line of createInterface(server.stdout)) {
    const port = /http:\/\/127\.0\.0\.1:(?<port>\d+)/.exec(line)?.groups?.["port"];
    if (port === undefined) continue;
    return {
      port,
      async stop() {
        process.off("exit", kill);
        server.kill();
        if (server.exitCode === null) await once(server, "exit");
      },
    };
  }
  throw new Error("Cannot start demo server: it printed no address, and says above why");
}
