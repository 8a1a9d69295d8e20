/**
 * The demo server in a process of its own, built from the source as it is now, so that a test can kill it.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Child, startChild, until } from "../../../test/browsers/index.ts";

const PLAYGROUND = fileURLToPath(new URL("../", import.meta.url));
const TSC = fileURLToPath(new URL("../../../node_modules/.bin/tsc", import.meta.url));

/** Compiles the server and the page: a second, and never an old page under test. */
export function buildPlayground(): void {
  try {
    execFileSync(TSC, ["-p", `${PLAYGROUND}tsconfig.build.json`], { encoding: "utf8" });
  } catch (error) {
    throw new Error(`Cannot build the playground: ${(error as { stdout: string }).stdout}`, { cause: error });
  }
}

/** As `npm start` runs it, in the end. @param port - 0 for any. */
export function startMain(port: number | string): Child {
  return startChild(process.execPath, [`${PLAYGROUND}dist/server/main.js`], { env: { PORT: String(port) } });
}

export interface PlaygroundProcess {
  readonly origin: string;
  readonly port: number;
  /** SIGKILL: no farewell to anyone. */
  kill(): Promise<void>;
}

/** The same server with another pace. */
export async function startPlaygroundProcess(port: number, tickMs: number): Promise<PlaygroundProcess> {
  const app = JSON.stringify(`${PLAYGROUND}dist/server/app.js`);
  const script = `
    const { createPlayground } = await import(${app});
    const server = createPlayground({ tickMs: ${tickMs} }).app.listen(${port}, "127.0.0.1", (error) => {
      if (error) throw error;
      console.log("port " + server.address().port);
    });`;
  const child = startChild(process.execPath, ["--input-type=module", "--eval", script]);
  const found = await until(
    "the port of the demo server",
    () => /port (\d+)/.exec(child.output())?.[1] ?? "",
  );
  const gone = new Promise<void>((resolve) => {
    child.process.once("exit", () => resolve());
  });
  return {
    origin: `http://127.0.0.1:${found}`,
    port: Number(found),
    async kill() {
      child.process.kill("SIGKILL");
      await gone;
    },
  };
}
