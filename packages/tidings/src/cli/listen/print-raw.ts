/**
 * The bytes as they came: a line for each chunk says when and how much, and line ends and other control characters are shown.
 */
import { stylesFor } from "../terminal/style.ts";
import type { Io } from "../terminal/io.ts";
import type { Printer } from "./heard.ts";
import { timeOf } from "./print-messages.ts";

/** @param above - Writes whole lines. */
export function rawPrinter(io: Io, above: (text: string) => void): Printer {
  const { dim, strong, bad, good, warn } = stylesFor(io.color.out);
  let lastMs: number | undefined;
  return {
    head({ status, httpVersion, headers }) {
      lastMs = undefined;
      above(`${strong(`HTTP/${httpVersion} ${status}`)}\n`);
      for (const [name, value] of headers) above(`${dim(`${shown(name)}:`)} ${shown(value)}\n`);
      above("\n");
    },
    chunk(bytes, wallMs) {
      const since = lastMs === undefined ? "" : ` +${Math.round(wallMs - lastMs)} ms`;
      lastMs = wallMs;
      above(`${dim(`-- ${timeOf(wallMs)}${since} ${bytes.length} B --`)}\n`);
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
      // A line of ours for each of the stream's, and one for what has no end yet.
      const lines = text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [];
      for (const line of lines) {
        const [, body = "", end = ""] = /^([^\r\n]*)([\r\n]*)$/.exec(line) ?? [];
        const marks = end.replace("\r", "\\r").replace("\n", "\\n");
        above(`${shown(body)}${marks === "" ? warn(" (cut here)") : dim(marks)}\n`);
      }
    },
    bodyEnd(how) {
      above(how === "end" ? `${good("-- end --")}\n` : `${bad("-- cut: the connection broke --")}\n`);
    },
  };
}

function shown(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\ufeff\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.codePointAt(0)!;
    return code === 9
      ? "\\t"
      : code < 256
        ? `\\x${code.toString(16).padStart(2, "0")}`
        : `\\u${code.toString(16)}`;
  });
}
