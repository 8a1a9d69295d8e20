/**
 * One line at the bottom of a terminal that changes while other lines are written above it.
 */
import type { Io } from "./io.ts";

export interface LiveLine {
  /** Writes `text`, whole lines, above the live line. */
  above(this: void, text: string): void;
  /** Takes the line away until it is drawn again, for others who write. */
  clear(): void;
  /** Takes the line away, for good. */
  end(): void;
}

const REFRESH_MS = 250;
const CLEAR = "\r\u001b[K";

/**
 * Starts one where the standard error is a terminal; elsewhere `above` only writes.
 * @param write - Where lines above it go: `io.out` or `io.err`.
 */
export function startLiveLine(
  io: Io,
  text: () => string,
  write: (text: string) => void,
  enabled: boolean = true,
): LiveLine {
  if (!enabled || !io.isTerminal.err || io.env["TERM"] === "dumb") {
    return { above: write, clear() {}, end() {} };
  }
  let shown = false;
  let over = false;
  const clear = (): void => {
    if (shown) io.err(CLEAR);
    shown = false;
  };
  const draw = (): void => {
    if (over) return;
    io.err(CLEAR + fitted(text(), io.columns() - 1));
    shown = true;
  };
  const timer = setInterval(draw, REFRESH_MS);
  timer.unref();
  return {
    above(lines) {
      clear();
      write(lines);
      // Drawn again by the timer: a fast stream is not slowed by it.
    },
    clear,
    end() {
      over = true;
      clearInterval(timer);
      clear();
    },
  };
}

/** Cut to so many columns, colours not counted. */
function fitted(text: string, columns: number): string {
  let width = 0;
  let result = "";
  // eslint-disable-next-line no-control-regex
  for (const part of text.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith("\u001b")) result += part;
    else {
      const fits = part.slice(0, Math.max(0, columns - width));
      width += fits.length;
      result += fits;
    }
  }
  return result;
}
