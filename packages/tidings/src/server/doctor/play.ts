/**
 * Plays a program into a response: one timer at a time, by the time since the start, so that late timers do not add up.
 * This module is browser compatible.
 */
import type { Outcome, Step } from "./program.ts";

/** Where a run's bytes go. */
export interface Sink {
  head(fields: Record<string, string>): void;
  /** @returns Whether more may be written at once. */
  write(text: string): boolean;
  end(): void;
  crash(): void;
  onDrain(listener: () => void): void;
}

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
  // RFC 10036: asks proxies to forward it as it arrives.
  incremental: "?1",
};
const FLOOD_BYTES = 24 * 2 ** 20;
const FLOOD_PIECE = `data: ${"x".repeat(65_000)}\n\n`;

/** @returns What to call when the response is over. */
export function play({ program, run, seen }: Extract<Outcome, { kind: "stream" }>, sink: Sink): () => void {
  const { bare, steps } = program;
  const startMs = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  let seq = 0;
  const stop = (): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    run.closed();
  };
  sink.head(bare ? { "content-type": "text/event-stream" } : { ...HEADERS });

  const write = (text: string): boolean => {
    run.wrote(text.length);
    return sink.write(text);
  };
  const message = (bytes: number): void => {
    const clockMs = performance.now();
    const facts = { run: run.id, seq: seq++, atMs: clockMs - startMs, clockMs, ...(seq === 1 && { seen }) };
    write(
      `id: ${facts.seq}\ndata: ${JSON.stringify(facts)}\n${bytes === 0 ? "" : `data: ${filler(bytes)}\n`}\n`,
    );
  };
  const flood = (from: number): void => {
    for (let sent = from; !over && sent < FLOOD_BYTES; sent += FLOOD_PIECE.length) {
      // Who holds back is heard of here; if nobody does, all of it is gone at once.
      if (!write(FLOOD_PIECE)) return sink.onDrain(() => over || flood(sent + FLOOD_PIECE.length));
    }
    finish("end");
  };
  const finish = (how: "end" | "crash"): void => {
    if (over) return;
    sink[how]();
    stop();
  };

  let dueMs = 0;
  const next = (index: number): void => {
    const step: Step | undefined = steps[index];
    if (over || step === undefined) return;
    dueMs += step.waitMs;
    const waitMs = dueMs - (performance.now() - startMs);
    const run = (): void => {
      const { what } = step;
      if (what === "comment") write(":\n\n");
      else if (typeof what === "number") message(what);
      else if (what === "flood") flood(0);
      else finish(what);
      next(index + 1);
    };
    // What is due at once leaves with the head.
    if (waitMs <= 0) run();
    else timer = setTimeout(run, waitMs);
  };
  next(0);
  return stop;
}

/** Text that compresses about as well as data does. */
function filler(bytes: number): string {
  let text = "";
  let seed = bytes;
  while (text.length < bytes) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    text += `${seed.toString(36)} tick `;
  }
  return text.slice(0, bytes);
}
