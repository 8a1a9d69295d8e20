/**
 * The terminal of this process.
 */
import type { Io } from "./io.ts";
import { watchReader } from "./watch-reader.ts";

export function processIo(): Io {
  const { stdout, stderr, stdin, env } = process;
  const stop = new AbortController();
  const interrupt = (): void => {
    // A second time, whatever hangs is left.
    if (stop.signal.aborted) process.exit(130);
    stop.abort("interrupted");
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  // `tidings listen … | head -3`: the reader has what it wanted, and that is no failure.
  const gone = (): void => void (stop.signal.aborted || stop.abort("closed"));
  stdout.on("error", gone);
  stderr.on("error", gone);
  return io({ out: takesColor(stdout), err: takesColor(stderr) });

  function io(color: Io["color"]): Io {
    return {
      out: (text) => void (stop.signal.reason === "closed" || stdout.write(text)),
      err: (text) => void (stop.signal.reason === "closed" || stderr.write(text)),
      drained: () =>
        stdout.writableNeedDrain && !stop.signal.aborted
          ? new Promise((resolve) => {
              stdout.once("drain", resolve);
              stop.signal.addEventListener("abort", () => resolve(), { once: true });
            })
          : Promise.resolve(),
      stdin,
      env,
      isTerminal: { out: isTerminal(stdout), err: isTerminal(stderr) },
      color,
      columns: () => stdout.columns || stderr.columns || 80,
      signal: stop.signal,
      watchReader: () => watchReader(gone),
      withoutColor: () => io({ out: false, err: false }),
    };
  }

  function takesColor(stream: { readonly isTTY?: boolean }): boolean {
    if (env["NO_COLOR"]) return false;
    if (env["FORCE_COLOR"] !== undefined) return env["FORCE_COLOR"] !== "0";
    return isTerminal(stream) && env["TERM"] !== "dumb";
  }
}

// Its type says that it is always there; it is not where the stream is a file or a pipe.
function isTerminal({ isTTY }: { readonly isTTY?: boolean }): boolean {
  return isTTY === true;
}
