/**
 * Keeps a response for `--record`: the format of `tidings/test`, which `replay` and tests play again.
 */
import { writeFileSync } from "node:fs";
import { systemProblem } from "../arguments/usage-error.ts";
import { type ExchangeEnd, type ExchangeHead, headerOf } from "../http/exchange.ts";
import { formatRecording, type RecordedChunk } from "../../testing/index.ts";

/** More is not kept: the recording then is open at its end. */
const MOST_BYTES = 2 ** 26;
/** Headers that say nothing of whose they are. */
const KEPT = ["content-type", "retry-after"];

export interface Recorder {
  head(head: ExchangeHead): void;
  chunk(bytes: Uint8Array, atMs: number): void;
  end(how: ExchangeEnd): void;
  /** Writes the file. @returns How many bytes of the stream are in it; undefined if there was no response. */
  save(): number | undefined;
}

export function createRecorder(file: string): Recorder {
  // Found out now, rather than when an hour was recorded.
  write("");
  let head: ExchangeHead | undefined;
  let ending: { how: ExchangeEnd; atMs: number } | undefined;
  let bytes = 0;
  let full = false;
  const chunks: RecordedChunk[] = [];
  const since = (atMs: number): number =>
    Math.max(chunks.at(-1)?.atMs ?? 0, Math.round(atMs - (head?.atMs ?? atMs)));

  return {
    head(given) {
      head ??= given;
    },
    chunk(chunk, atMs) {
      if (ending !== undefined || full) return;
      full = bytes + chunk.length > MOST_BYTES;
      if (full) return;
      bytes += chunk.length;
      chunks.push({ atMs: since(atMs), bytes: new Uint8Array(chunk) });
    },
    end(how) {
      if (!full) ending ??= { how, atMs: since(performance.now()) };
    },
    save() {
      if (head === undefined) return undefined;
      const headers: Record<string, string> = {};
      for (const name of KEPT) {
        const value = headerOf(head, name);
        if (value !== undefined) headers[name] = value;
      }
      write(formatRecording({ status: head.status, headers, chunks, ...(ending && { ending }) }));
      return bytes;
    },
  };

  function write(text: string): void {
    try {
      writeFileSync(file, text);
    } catch (error) {
      throw systemProblem(`Cannot write ${file}`, error);
    }
  }
}
