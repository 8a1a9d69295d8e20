/**
 * Readers in this process that have read everything, and are notified when something arrives for them. Found by topic, so that a
 * publish costs what it wakes.
 */
import type { Entry } from "../../log/log.ts";
import type { RecentReader } from "../entries/recent-entries.ts";
import type { TopicSelection } from "../topics/topic-selection.ts";

export interface WaitingReader {
  readonly selection: TopicSelection;
  /** Something came since it last looked. */
  readonly awake: boolean;
  wake(): void;
}

export class WaitingReaders implements RecentReader {
  readonly #byName = new Map<string, Set<WaitingReader>>();
  readonly #withPatterns = new Set<WaitingReader>();

  add(reader: WaitingReader): void {
    for (const name of reader.selection.names) {
      const readers = this.#byName.get(name);
      if (readers === undefined) this.#byName.set(name, new Set([reader]));
      else readers.add(reader);
    }
    if (reader.selection.patterns.length > 0) this.#withPatterns.add(reader);
  }

  remove(reader: WaitingReader): void {
    for (const name of reader.selection.names) {
      const readers = this.#byName.get(name);
      readers?.delete(reader);
      if (readers?.size === 0) this.#byName.delete(name);
    }
    this.#withPatterns.delete(reader);
  }

  added(entries: readonly Entry[] | undefined): void {
    if (entries === undefined) return this.wakeAll();
    if (this.#byName.size === 0 && this.#withPatterns.size === 0) return;
    for (const { topic } of entries) {
      for (const reader of this.#byName.get(topic) ?? []) reader.wake();
      for (const reader of this.#withPatterns) {
        // One that is awake reads on until it has everything: its patterns need not be asked.
        if (!reader.awake && reader.selection.matches(topic)) reader.wake();
      }
    }
  }

  /** Topics and patterns are handed on from now on. */
  wakeRoutes(routes: readonly { readonly name: string; readonly patterns: unknown }[]): void {
    for (const { name, patterns } of routes) {
      const readers = patterns === undefined ? (this.#byName.get(name) ?? []) : this.#withPatterns;
      for (const reader of readers) reader.wake();
    }
  }

  wakeAll(): void {
    for (const readers of this.#byName.values()) for (const reader of readers) reader.wake();
    for (const reader of this.#withPatterns) reader.wake();
  }
}
