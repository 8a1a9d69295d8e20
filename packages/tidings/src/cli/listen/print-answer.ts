/**
 * A model's answer as text while it comes, and what there is to say of it at its end.
 */
import { formatDuration, plural } from "../arguments/units.ts";
import { harmless, stylesFor } from "../terminal/style.ts";
import type { Io } from "../terminal/io.ts";
import type { DialectName, Piece } from "./dialects.ts";
import { READ } from "./dialects.ts";
import type { Printer } from "./heard.ts";

export interface AnswerPrinter extends Printer {
  /** Whether the message that was printed last ended the answer. */
  readonly ended: boolean;
}

export function answerPrinter(dialect: DialectName, io: Io, write: (text: string) => void): AnswerPrinter {
  const { dim, bad, good } = stylesFor(io.color.err);
  const startMs = performance.now();
  let firstMs: number | undefined;
  let lastMs = startMs;
  let usage: NonNullable<Piece["usage"]> = {};
  let pieces = 0;
  let stop: string | undefined;
  let error: string | undefined;
  let ended = false;
  let mode: "text" | "reasoning" | undefined;
  let lineOpen = false;

  function show(text: string, as: typeof mode): void {
    if (text === "") return;
    lastMs = performance.now();
    firstMs ??= lastMs;
    pieces++;
    // Reasoning is not part of the answer, so it is left out where a program reads it.
    if (as === "reasoning" && !io.isTerminal.out) return;
    if (mode !== undefined && mode !== as && lineOpen) write("\n");
    mode = as;
    lineOpen = !text.endsWith("\n");
    const safe = harmless(text);
    write(as === "text" ? safe : stylesFor(io.color.out).dim(safe));
  }

  return {
    get ended() {
      return ended;
    },
    message(message) {
      const piece = READ[dialect](message);
      if (piece.reasoning !== undefined) show(piece.reasoning, "reasoning");
      if (piece.text !== undefined) show(piece.text, "text");
      if (piece.note !== undefined) {
        if (lineOpen && io.isTerminal.out) write("\n");
        lineOpen = false;
        io.err(dim(`[${harmless(piece.note)}]\n`));
      }
      if (piece.usage !== undefined) usage = { ...usage, ...piece.usage };
      stop = piece.stop ?? stop;
      error = piece.error ?? error;
      ended ||= piece.end === true;
    },
    verdict() {
      if (lineOpen) write("\n");
      const complete = ended && error === undefined;
      const took = lastMs - (firstMs ?? lastMs);
      const rate = (usage.output ?? pieces) / (took / 1000);
      const facts = [
        firstMs === undefined ? "no text" : `first text after ${formatDuration(firstMs - startMs)}`,
        usage.input === undefined ? undefined : `${plural(usage.input, "token")} in`,
        usage.output === undefined ? plural(pieces, "piece") : `${plural(usage.output, "token")} out`,
        took > 0 && pieces > 1 ? `${rate.toFixed(rate < 10 ? 1 : 0)}/s` : undefined,
        stop === undefined ? undefined : `stopped by ${harmless(stop)}`,
      ].filter((fact) => fact !== undefined);
      const word =
        error !== undefined
          ? bad(`failed: ${harmless(error)}`)
          : complete
            ? good("complete")
            : bad("truncated: it ended without its last event");
      io.err(`${word} ${dim(`(${facts.join(", ")})`)}\n`);
      return complete;
    },
  };
}
