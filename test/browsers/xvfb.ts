/**
 * A screen for programs that will not run without one.
 */
import { findProgram } from "./installed.ts";
import { startChild } from "./child.ts";

export interface Screen {
  /** What `DISPLAY` must be: `":99"`. */
  readonly display: string;
  stop(): Promise<void>;
}

/** Starts Xvfb on the first display that is free, and settles when it takes connections. */
export async function startScreen(): Promise<Screen> {
  const xvfb = startChild(
    findProgram(["Xvfb"], "xvfb"),
    ["-displayfd", "3", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"],
    { extraPipe: true },
  );
  const number = await new Promise<string>((resolve, reject) => {
    let text = "";
    // It writes the number and a line break once it listens.
    xvfb.process.stdio[3]!.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.endsWith("\n")) resolve(text.trim());
    });
    xvfb.process.once("exit", (code) => {
      reject(new Error(`Cannot start Xvfb: it ended with ${code}: ${xvfb.output()}`));
    });
  });
  return { display: `:${number}`, stop: () => xvfb.stop() };
}
