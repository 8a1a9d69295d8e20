/**
 * Runs the lines of a transcript that open with `$ `, and holds what they print against what the document shows.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface Exchange {
  readonly command: string;
  /** What the document says it prints. */
  readonly shown: string;
}

/** The exchanges of a transcript. A command goes on in the next line after a backslash. */
export function exchangesOf(text: string): Exchange[] {
  const exchanges: { command: string; shown: string }[] = [];
  let continues = false;
  for (const line of text.split("\n")) {
    const last = exchanges.at(-1);
    if (continues && last !== undefined) last.command += `\n${line}`;
    else if (line.startsWith("$ ")) exchanges.push({ command: line.slice(2), shown: "" });
    else if (last !== undefined) last.shown += `${line}\n`;
    else if (line !== "")
      throw new TypeError(`Cannot read transcript: ${JSON.stringify(line)} stands before any command`);
    continues = exchanges.length > 0 && (line.startsWith("$ ") || continues) && line.endsWith("\\");
  }
  return exchanges.map(({ command, shown }) => ({ command, shown: normalise(shown) }));
}

/** What a command prints, curl's progress left out. */
export async function printed(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)("bash", ["-c", command], {
    timeout: 30_000,
    env: { ...process.env, CURL_HOME: "/nonexistent", no_proxy: "127.0.0.1" },
  });
  return normalise(stdout);
}

/** Times of day and dates are never the same twice; blank lines at the end are the document's own. */
function normalise(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replaceAll(/\b\d\d:\d\d:\d\d\b/g, "HH:MM:SS")
    .replace(/^Date: .*$/gim, "Date: …")
    .trimEnd();
}
