/**
 * The processes of a log and who is present in each, as their records say. Every process applies the same records in the same
 * order, so all agree on who joined and left, and when.
 * This module is browser compatible.
 */
import type { TopicChange } from "./local-presence.ts";
import type { PresenceLimits, ProcessIdentity } from "./process-records.ts";

/** Who is present in a topic, over all processes. */
export interface Presence {
  /** Streams that select the topic by name. */
  readonly streams: number;
  /** The subscribers among them, each once, in the order in which they came. */
  readonly members: readonly string[];
  /** Some are not counted here: `presence.maxTopics` or `presence.maxMembers` is passed, or there are more than 1,000 processes. */
  readonly isPartial: boolean;
}

export interface KnownProcess<Stats> extends ProcessIdentity {
  /** The last record of it, by the hub's clock, and where it stands in the log. */
  seenMs: number;
  seenAt: number;
  /** The newest record that it had taken when it gave its last sign of life. */
  heard: number;
  stats: Stats | undefined;
  /** Undefined: it keeps no presence, or has not said that it does. */
  limits: PresenceLimits | undefined;
  /** It has taken every record behind this offset. 0: it has not said. */
  since: number;
  /** It says that it knows of everyone who is present. */
  knowsAll: boolean;
  /** It came here with its greeting: nothing that it told can have been missed. */
  isGreeted: boolean;
  /** All that it has is known here. Otherwise what seems to change when it tells all it has is not news. */
  isWhole: boolean;
  readonly topics: Map<string, { streams: number; readonly members: Set<string> }>;
}

/** Processes of one log. */
const MOST_PROCESSES = 1_000;

export class ProcessTable<Stats> {
  readonly #own: PresenceLimits;
  /** The least of all processes: all have to count the same. */
  #limits: PresenceLimits;
  readonly #processes = new Map<string, KnownProcess<Stats>>();
  /** Over all processes: the streams of a topic, and in how many processes a subscriber is. */
  readonly #topics = new Map<string, { streams: number; readonly members: Map<string, number> }>();
  /** Those that were declared gone, and where in the log. */
  readonly #gone = new Map<string, number>();
  #members = 0;
  #isPartial = false;

  constructor(limits: PresenceLimits) {
    this.#own = this.#limits = limits;
  }

  get isPartial(): boolean {
    return this.#isPartial;
  }

  get(id: string): KnownProcess<Stats> | undefined {
    return this.#processes.get(id);
  }

  [Symbol.iterator](): Iterator<KnownProcess<Stats>> {
    return this.#processes.values();
  }

  /**
   * @param heard - The newest record that it had when it said so.
   * @returns Undefined when there are too many, or it is gone: what it had under way may come after that.
   */
  add(identity: ProcessIdentity, heard = 0): KnownProcess<Stats> | undefined {
    const known = this.#processes.get(identity.id);
    if (known !== undefined) return known;
    if (this.isGone(identity.id, heard)) return undefined;
    if (this.#processes.size >= MOST_PROCESSES) {
      this.#isPartial = true;
      return undefined;
    }
    const added: KnownProcess<Stats> = {
      ...identity,
      seenMs: 0,
      seenAt: 0,
      heard: 0,
      stats: undefined,
      limits: undefined,
      since: 0,
      knowsAll: false,
      isGreeted: false,
      isWhole: false,
      topics: new Map(),
    };
    this.#processes.set(identity.id, added);
    return added;
  }

  /** A process says how much it counts. The others count no more than that. */
  limit(process: KnownProcess<Stats>, limits: PresenceLimits | undefined): void {
    const { limits: before } = process;
    process.limits = limits;
    if (before?.maxTopics !== limits?.maxTopics || before?.maxMembers !== limits?.maxMembers)
      this.#findLimits();
  }

  /** Whether it was declared gone, and has not heard of that. One that has, and keeps its id, had given a sign of life before. */
  isGone(id: string, heard: number): boolean {
    return heard < (this.#gone.get(id) ?? 0);
  }

  /** Another log has replaced the one before: where records of that stood means nothing. */
  replaced(): void {
    this.#gone.clear();
    for (const process of this.#processes.values()) process.seenAt = process.heard = process.since = 0;
  }

  /** A process is gone, and with it its members. @returns Who left: those who are in no other process. */
  remove(id: string, offset: number): TopicChange[] {
    const process = this.#processes.get(id);
    const left = process === undefined ? [] : this.replace(process, []);
    this.#processes.delete(id);
    if (process?.limits !== undefined) this.#findLimits();
    // Also one that is not known here: it may have been there before this one began.
    this.#gone.set(id, offset);
    if (this.#gone.size > MOST_PROCESSES) this.#gone.delete(this.#gone.keys().next().value!);
    return left;
  }

  /** This is all that a process has. @returns What that changes over all processes. */
  replace(process: KnownProcess<Stats>, all: readonly TopicChange[]): TopicChange[] {
    const now = new Map(all.map((change) => [change.topic, change]));
    const changes = all.map(({ topic, streams, joined }) => {
      const wanted = new Set(joined);
      const left = [...(process.topics.get(topic)?.members ?? [])].filter((member) => !wanted.has(member));
      return { topic, streams, joined, left };
    });
    for (const [topic, { members }] of process.topics) {
      if (!now.has(topic)) changes.push({ topic, streams: 0, joined: [], left: [...members] });
    }
    return this.apply(process, changes);
  }

  /** @returns What that changes over all processes: only those who joined the first, or left the last. */
  apply(process: KnownProcess<Stats>, changes: readonly TopicChange[]): TopicChange[] {
    return changes.flatMap((change) => this.#applyOne(process, change) ?? []);
  }

  /** How many streams and members a topic has. */
  countsOf(name: string): { readonly streams: number; readonly members: number } {
    const topic = this.#topics.get(name);
    return { streams: topic?.streams ?? 0, members: topic?.members.size ?? 0 };
  }

  presence(name: string): Presence {
    const topic = this.#topics.get(name);
    return {
      streams: topic?.streams ?? 0,
      members: topic === undefined ? [] : [...topic.members.keys()],
      isPartial: this.#isPartial,
    };
  }

  #findLimits(): void {
    let { maxTopics, maxMembers } = this.#own;
    for (const { limits } of this.#processes.values()) {
      maxTopics = Math.min(maxTopics, limits?.maxTopics ?? Infinity);
      maxMembers = Math.min(maxMembers, limits?.maxMembers ?? Infinity);
    }
    this.#limits = { maxTopics, maxMembers };
  }

  #applyOne(process: KnownProcess<Stats>, change: TopicChange): TopicChange | undefined {
    const { maxTopics, maxMembers } = this.#limits;
    let here = process.topics.get(change.topic);
    let topic = this.#topics.get(change.topic);
    if (topic === undefined) {
      if (change.streams === 0) return undefined;
      if (this.#topics.size >= maxTopics) {
        this.#isPartial = true;
        return undefined;
      }
      this.#topics.set(change.topic, (topic = { streams: 0, members: new Map() }));
    }
    if (here === undefined) process.topics.set(change.topic, (here = { streams: 0, members: new Set() }));
    topic.streams += change.streams - here.streams;
    here.streams = change.streams;
    const joined: string[] = [];
    const left: string[] = [];
    for (const member of change.streams === 0 ? [...here.members] : change.left) {
      if (!here.members.delete(member)) continue;
      this.#members -= 1;
      const processes = topic.members.get(member)! - 1;
      if (processes > 0) topic.members.set(member, processes);
      else {
        topic.members.delete(member);
        left.push(member);
      }
    }
    for (const member of change.streams === 0 ? [] : change.joined) {
      if (here.members.has(member)) continue;
      if (this.#members >= maxMembers) {
        this.#isPartial = true;
        break;
      }
      here.members.add(member);
      this.#members += 1;
      const processes = topic.members.get(member) ?? 0;
      topic.members.set(member, processes + 1);
      if (processes === 0) joined.push(member);
    }
    if (here.streams === 0 && here.members.size === 0) process.topics.delete(change.topic);
    if (topic.streams <= 0 && topic.members.size === 0) {
      this.#topics.delete(change.topic);
      if (this.#topics.size === 0) this.#isPartial = false;
    }
    return joined.length + left.length === 0
      ? undefined
      : { topic: change.topic, streams: topic.streams, joined, left };
  }
}

interface Line extends TopicChange {
  readonly joined: string[];
}

/**
 * All of a process's presence, which comes in parts: lines of one topic are joined. What another process tells is bounded by what
 * is counted here, also where its last part never comes.
 */
export class PresenceParts {
  readonly #topics = new Map<string, Line>();
  readonly #limits: PresenceLimits | undefined;
  #members = 0;

  /** @param limits - Undefined where no presence is kept. */
  constructor(limits: PresenceLimits | undefined) {
    this.#limits = limits;
  }

  add({ topic, streams, joined }: TopicChange): void {
    const { maxTopics = 0, maxMembers = 0 } = this.#limits ?? {};
    let line = this.#topics.get(topic);
    if (line === undefined) {
      // One beyond the bound, by which the table knows that some are not counted.
      if (this.#topics.size > maxTopics) return;
      this.#topics.set(topic, (line = { topic, streams, joined: [], left: [] }));
    }
    for (const member of joined) {
      if (this.#members > maxMembers) return;
      this.#members += 1;
      line.joined.push(member);
    }
  }

  get changes(): TopicChange[] {
    return [...this.#topics.values()];
  }
}
