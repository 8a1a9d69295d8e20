/**
 * What the subscribers of this process follow, counted: a topic is followed until everyone who asked for it has left it.
 * This module is browser compatible.
 */
import type { Followed } from "./log.ts";

export class FollowedTopics {
  readonly #counts = new Map<string, number>();
  #all = 0;

  /** Whether everything is followed. */
  get all(): boolean {
    return this.#all > 0;
  }

  /** How many topics are followed by name. */
  get size(): number {
    return this.#counts.size;
  }

  names(): IterableIterator<string> {
    return this.#counts.keys();
  }

  /** Whether a message of this topic is wanted. */
  includes(topic: string): boolean {
    return this.#all > 0 || this.#counts.has(topic);
  }

  add(topics: Followed): void {
    if (topics === "all") this.#all += 1;
    else for (const topic of topics) this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + 1);
  }

  /** @returns What nobody follows any more. */
  remove(topics: Followed): Followed {
    if (topics === "all") {
      if (this.#all === 0) return [];
      return --this.#all === 0 ? "all" : [];
    }
    const removed: string[] = [];
    for (const topic of topics) {
      const count = this.#counts.get(topic) ?? 0;
      if (count > 1) this.#counts.set(topic, count - 1);
      else if (this.#counts.delete(topic)) removed.push(topic);
    }
    return removed;
  }
}
