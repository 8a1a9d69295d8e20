/**
 * Rates and latencies of the last seconds, for the live line.
 */
import { formatBytes, formatCount, formatDuration, plural } from "../arguments/units.ts";

const WINDOW_MS = 5000;
/** Samples that are kept at most; at more than that, the window is shorter. */
const MOST_SAMPLES = 4096;

export class Traffic {
  messages = 0;
  bytes = 0;
  comments = 0;
  readonly #startMs = performance.now();
  #samples: { atMs: number; messages: number; bytes: number; latencyMs: number | undefined }[] = [];

  add(messages: number, bytes: number, latencyMs?: number): void {
    this.messages += messages;
    this.bytes += bytes;
    this.#samples.push({ atMs: performance.now(), messages, bytes, latencyMs });
    if (this.#samples.length > MOST_SAMPLES) this.#samples.splice(0, MOST_SAMPLES / 2);
  }

  /** Since when nothing came. */
  get silentMs(): number {
    return performance.now() - (this.#samples.at(-1)?.atMs ?? this.#startMs);
  }

  /** `134 messages, 10/s, 24 KiB, 1.9 KiB/s, latency 12 ms, 0.4 s ago` */
  toString(): string {
    const now = performance.now();
    this.#samples = this.#samples.filter(({ atMs }) => now - atMs < WINDOW_MS);
    const seconds = Math.min(WINDOW_MS, Math.max(1000, now - this.#startMs)) / 1000;
    const sum = (of: (sample: { messages: number; bytes: number }) => number): number =>
      this.#samples.reduce((total, sample) => total + of(sample), 0) / seconds;
    const rate = sum(({ messages }) => messages);
    const latencies = this.#samples.flatMap(({ latencyMs }) => latencyMs ?? []).sort((a, b) => a - b);
    const median = latencies[latencies.length >> 1];
    return [
      `${plural(this.messages, "message")}, ${rate < 10 ? rate.toFixed(1) : formatCount(rate)}/s`,
      `${formatBytes(this.bytes)}, ${formatBytes(sum(({ bytes }) => bytes))}/s`,
      ...(median === undefined ? [] : [`latency ${formatDuration(Math.max(0, median))}`]),
      ...(this.comments === 0 ? [] : [plural(this.comments, "comment")]),
      `last byte ${formatDuration(this.silentMs)} ago`,
    ].join(" · ");
  }
}
