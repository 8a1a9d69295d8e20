/**
 * What a slow reader gets instead of everything, where the application said so: of each topic and key the newest message.
 * This module is browser compatible.
 */
import type { EncodedEntry } from "../out/batch.ts";

/**
 * What happens to a reader for which more waits, when it takes bytes again, than fits in one write:
 * - `"resume"`: it gets all of it, from the log, and a gap event for what the log no longer has.
 * - `"latest"`: it gets a gap event, then the newest message of each key (of the topic, when messages have none).
 * - `"close"`: its stream is ended; it may come back, and then gets all of it.
 */
export type SlowPolicy = "resume" | "latest" | "close";

export class Conflation {
  /** It was read up to here. */
  upTo: number;
  /** Where it ends: what is newer comes the usual way. */
  readonly target: number;
  /** Messages were replaced, or lost. */
  dropped = false;
  /** Messages were discarded before they were read. */
  lost = false;
  bytes = 0;
  readonly #policyOf: (topic: string) => SlowPolicy;
  readonly #kept = new Map<string, EncodedEntry>();

  constructor(policyOf: (topic: string) => SlowPolicy, after: number, target: number) {
    this.#policyOf = policyOf;
    this.upTo = after;
    this.target = target;
  }

  /** @returns False when the reader is to be closed. */
  add(entry: EncodedEntry): boolean {
    const policy = this.#policyOf(entry.topic);
    if (policy === "close") return false;
    // No topic and key looks like an offset alone.
    const place = policy === "latest" ? JSON.stringify([entry.topic, entry.key]) : String(entry.offset);
    const older = this.#kept.get(place);
    if (older !== undefined) {
      this.dropped = true;
      this.bytes -= older.bytes.length;
      // So that the map stays in the order of the log.
      this.#kept.delete(place);
    }
    this.#kept.set(place, entry);
    this.bytes += entry.bytes.length;
    return true;
  }

  get entries(): readonly EncodedEntry[] {
    return [...this.#kept.values()];
  }
}
