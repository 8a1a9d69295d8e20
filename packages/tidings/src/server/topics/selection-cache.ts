/**
 * Remembers selections of one topic: most streams have one, and many the same.
 * This module is browser compatible.
 */
import { selectTopics, type TopicSelection, type TopicSelector } from "./topic-selection.ts";

const MOST_REMEMBERED = 1_000;

export class SelectionCache {
  readonly #byTopic = new Map<string, TopicSelection>();

  /** The same as `selectTopics`, which throws for what is no selection. */
  get(topics: readonly TopicSelector[], mostTopics: number): TopicSelection {
    const topic = Array.isArray(topics) && topics.length === 1 ? (topics[0] as unknown) : undefined;
    if (typeof topic !== "string") return selectTopics(topics, mostTopics);
    let selection = this.#byTopic.get(topic);
    if (selection === undefined) {
      selection = selectTopics(topics, mostTopics);
      if (this.#byTopic.size >= MOST_REMEMBERED) this.#byTopic.clear();
      this.#byTopic.set(topic, selection);
    }
    return selection;
  }
}
