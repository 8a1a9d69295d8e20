/** What `forTopic` says, asked once per topic. */
import type { Retention, TopicRetention } from "./log.ts";

/** Topics whose bounds are remembered. */
const MOST = 10_000;

export class TopicBounds {
  readonly #retention: Retention;
  readonly #known = new Map<string, Partial<TopicRetention> | undefined>();

  constructor(retention: Retention) {
    this.#retention = retention;
  }

  of(topic: string): Partial<TopicRetention> | undefined {
    if (this.#retention.forTopic === undefined) return undefined;
    if (this.#known.has(topic)) return this.#known.get(topic);
    if (this.#known.size >= MOST) this.#known.clear();
    const bounds = this.#retention.forTopic(topic);
    this.#known.set(topic, bounds);
    return bounds;
  }
}
