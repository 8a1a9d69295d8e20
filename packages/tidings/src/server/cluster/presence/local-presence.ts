/**
 * Who is present in the topics of this process, and what of that changed since it was last told.
 * This module is browser compatible.
 */
import { isReserved } from "../../topics/reserved-topics.ts";
import type { CheckedPresence } from "../cluster-options.ts";

/** Who joined and left a topic in one process, and how many streams it has there now. */
export interface TopicChange {
  readonly topic: string;
  readonly streams: number;
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

interface TopicPresence {
  streams: number;
  /** How many streams each has. */
  readonly members: Map<string, number>;
}

/** What of a stream is not counted, because there was no room when it came. */
interface Uncounted {
  readonly topics: Set<string>;
  /** Topics in which it is counted without its subscriber. */
  readonly nameless: Set<string>;
}

export class LocalPresence {
  readonly #limits: Pick<CheckedPresence, "matches" | "maxTopics" | "maxMembers">;
  readonly #topics = new Map<string, TopicPresence>();
  /** Who was present when it was last published, in topics that have changed. */
  readonly #before = new Map<string, Map<string, boolean>>();
  readonly #uncounted = new WeakMap<object, Uncounted>();
  #members = 0;

  constructor(limits: Pick<CheckedPresence, "matches" | "maxTopics" | "maxMembers">) {
    this.#limits = limits;
  }

  /**
   * @param stream - Not looked into: what it is that enters, and leaves later.
   * @returns Whether anything changed.
   */
  enter(names: readonly string[], subscriber: string | undefined, stream: object): boolean {
    const { matches, maxTopics, maxMembers } = this.#limits;
    let changed = false;
    for (const name of names) {
      if (isReserved(name) || !matches(name)) continue;
      let topic = this.#topics.get(name);
      if (topic === undefined) {
        if (this.#topics.size >= maxTopics) {
          this.#uncountedOf(stream).topics.add(name);
          continue;
        }
        this.#topics.set(name, (topic = { streams: 0, members: new Map() }));
      }
      changed = true;
      topic.streams += 1;
      const before = this.#changeOf(name);
      if (subscriber === undefined) continue;
      const streams = topic.members.get(subscriber) ?? 0;
      if (streams === 0) {
        if (this.#members >= maxMembers) {
          this.#uncountedOf(stream).nameless.add(name);
          continue;
        }
        this.#members += 1;
        if (!before.has(subscriber)) before.set(subscriber, false);
      }
      topic.members.set(subscriber, streams + 1);
    }
    return changed;
  }

  /** @returns Whether anything changed. */
  leave(names: readonly string[], subscriber: string | undefined, stream: object): boolean {
    const uncounted = this.#uncounted.get(stream);
    let changed = false;
    for (const name of names) {
      const topic = this.#topics.get(name);
      if (uncounted?.topics.delete(name) === true || topic === undefined) continue;
      changed = true;
      topic.streams -= 1;
      const before = this.#changeOf(name);
      const isNameless = subscriber === undefined || uncounted?.nameless.delete(name) === true;
      const streams = isNameless ? 0 : (topic.members.get(subscriber) ?? 0);
      if (streams > 1) topic.members.set(subscriber!, streams - 1);
      else if (streams === 1) {
        topic.members.delete(subscriber!);
        this.#members -= 1;
        if (!before.has(subscriber!)) before.set(subscriber!, true);
      }
      if (topic.streams === 0) this.#topics.delete(name);
    }
    return changed;
  }

  /** What changed since the last call. One who came and left again is not in it. */
  takeChanges(): TopicChange[] {
    const changes: TopicChange[] = [];
    for (const [name, before] of this.#before) {
      const topic = this.#topics.get(name);
      const joined: string[] = [];
      const left: string[] = [];
      for (const [subscriber, wasThere] of before) {
        const isThere = topic?.members.has(subscriber) === true;
        if (isThere && !wasThere) joined.push(subscriber);
        if (!isThere && wasThere) left.push(subscriber);
      }
      changes.push({ topic: name, streams: topic?.streams ?? 0, joined, left });
    }
    this.#before.clear();
    return changes;
  }

  /** All there is, which tells what has changed as well. */
  takeAll(): TopicChange[] {
    this.#before.clear();
    return Array.from(this.#topics, ([topic, { streams, members }]) => ({
      topic,
      streams,
      joined: [...members.keys()],
      left: [],
    }));
  }

  #uncountedOf(stream: object): Uncounted {
    let uncounted = this.#uncounted.get(stream);
    if (uncounted === undefined)
      this.#uncounted.set(stream, (uncounted = { topics: new Set(), nameless: new Set() }));
    return uncounted;
  }

  #changeOf(name: string): Map<string, boolean> {
    let before = this.#before.get(name);
    if (before === undefined) this.#before.set(name, (before = new Map()));
    return before;
  }
}
