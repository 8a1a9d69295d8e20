/**
 * The newest entries of the log, encoded once, for the streams that keep up: what they are sent comes from here, and
 * a stream that has fallen behind reads the log instead. It is a cache with a bound of its own, for all topics together.
 *
 * An entry is found by *route*: one for each topic or pattern that some stream selects, or did lately: when a proxy restarts,
 * all streams of a topic leave at once, and return at once for what came meanwhile. What nobody selected is not kept.
 */
import { EntryQueue } from "../../log/entry-queue.ts";
import type { Entry, LogPosition, Tail } from "../../log/log.ts";
import { type Batch, EncodedEntry, idBatch } from "../out/batch.ts";
import { isReserved } from "../topics/reserved-topics.ts";
import type { TopicSelection } from "../topics/topic-selection.ts";
import { compileTopicPattern, type TopicMatcher } from "../topics/topic-pattern.ts";

/** The entries of one topic, or of all topics that one pattern matches. */
export interface Route<User> {
  readonly name: string;
  /** Absent for a topic by name. */
  readonly matches: TopicMatcher | undefined;
  readonly entries: EntryQueue<EncodedEntry>;
  /** Every entry of the route after this offset is in `entries`. Infinity until the log follows it. */
  floor: number;
  /** The newest offset that is no longer in `entries`, or may never have been. */
  missing: number;
  readonly users: Set<User>;
  /** Something came since it was handed out by {@link RecentEntries.takeDirty}. */
  dirty: boolean;
}

/** A reader of the entries, which is notified of new ones. */
export interface RecentReader {
  /** @param entries - What came; undefined when some of it may be missing here. */
  added(entries: readonly Entry[] | undefined): void;
}

export interface RecentEntriesLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** Routes that are kept though no stream selects them any more: those left last. */
const MOST_IDLE = 256;

/** Topics whose routes are remembered; beyond that, all are looked up anew. */
const MOST_CACHED_TOPICS = 20_000;

export class RecentEntries<User> {
  /** The newest position that was handed to {@link add}. */
  epoch: string;
  head: number;
  /** Receives the routes that are made and dropped, where the log has to follow them. Set before the first. */
  interest: { add(route: Route<User>): void; remove(route: Route<User>): void } | undefined;

  /** Called with everything that is added. */
  readonly readers: RecentReader[] = [];

  readonly #limits: RecentEntriesLimits;
  readonly #byName = new Map<string, Route<User>>();
  readonly #byPattern = new Map<string, Route<User>>();
  readonly #routesOf = new Map<string, readonly Route<User>[]>();
  readonly #idle = new Set<Route<User>>();
  readonly #all = new EntryQueue<EncodedEntry>();
  #dirty: Route<User>[] = [];
  #bytes = 0;
  #headBatch: Batch | undefined;

  constructor(epoch: string, head: number, limits: RecentEntriesLimits) {
    this.epoch = epoch;
    this.head = head;
    this.#limits = limits;
  }

  get messages(): number {
    return this.#all.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A block that moves the last event ID to the newest offset; the same for all until something newer comes. */
  get headBatch(): Batch {
    if (this.#headBatch?.lastOffset !== this.head) this.#headBatch = idBatch(this.epoch, this.head);
    return this.#headBatch;
  }

  /** Those that some stream selects. */
  get routes(): number {
    return this.#byName.size + this.#byPattern.size - this.#idle.size;
  }

  /** The routes of a selection, made where missing, for `user` until it gives them back to {@link release}. */
  acquire(selection: TopicSelection, user: User): Route<User>[] {
    const routes = [
      ...selection.names.map((name) => this.#byName.get(name) ?? this.#addName(name)),
      ...selection.patterns.map((pattern) => this.#byPattern.get(pattern) ?? this.#addPattern(pattern)),
    ];
    for (const route of routes) {
      route.users.add(user);
      this.#idle.delete(route);
    }
    return routes;
  }

  release(routes: readonly Route<User>[], user: User): void {
    for (const route of routes) {
      route.users.delete(user);
      if (route.users.size > 0) continue;
      this.#idle.add(route);
      if (this.#idle.size > MOST_IDLE) this.#drop(this.#idle.values().next().value!);
    }
  }

  /** Takes what the log's tail hands on. */
  add({ after, through, entries }: Tail): void {
    const isWhole = after <= this.head;
    if (!isWhole) this.#skipTo(after);
    for (const entry of entries) {
      if (entry.offset <= this.head) continue;
      const routes = this.#routesTo(entry.topic);
      if (routes.length === 0) continue;
      const encoded = new EncodedEntry(this.epoch, entry);
      this.#all.push(encoded);
      this.#bytes += encoded.bytes.length;
      for (const route of routes) {
        route.entries.push(encoded);
        this.#markDirty(route);
      }
    }
    this.head = Math.max(this.head, through);
    const { messages, bytes } = this.#limits;
    while (this.#all.length > messages || this.#bytes > bytes) this.#evict();
    for (const reader of this.readers) reader.added(isWhole ? entries : undefined);
  }

  /** From now on, everything of these routes after `offset` comes to {@link add}. */
  followed(routes: readonly Route<User>[], offset: number): void {
    for (const route of routes) {
      route.floor = Math.max(offset, route.missing);
      // Its streams may stand before that.
      this.#markDirty(route);
    }
  }

  /** Another log has replaced this one: nothing that is here counts any more. */
  reset({ epoch, head }: LogPosition): void {
    while (this.#all.length > 0) this.#evict();
    this.epoch = epoch;
    this.head = head;
    this.#headBatch = undefined;
    for (const routes of [this.#byName, this.#byPattern]) {
      for (const route of routes.values()) {
        route.missing = head;
        if (route.floor !== Infinity) route.floor = head;
      }
    }
  }

  /** The routes that something came for since the last call. */
  takeDirty(): readonly Route<User>[] {
    const routes = this.#dirty;
    if (routes.length === 0) return routes;
    this.#dirty = [];
    for (const route of routes) route.dirty = false;
    return routes;
  }

  #markDirty(route: Route<User>): void {
    if (route.dirty) return;
    route.dirty = true;
    this.#dirty.push(route);
  }

  #drop(route: Route<User>): void {
    this.#idle.delete(route);
    this.interest?.remove(route);
    if (route.matches === undefined) {
      this.#byName.delete(route.name);
      this.#routesOf.delete(route.name);
    } else {
      this.#byPattern.delete(route.name);
      this.#routesOf.clear();
    }
  }

  #addName(name: string): Route<User> {
    const route = this.#newRoute(name, undefined);
    this.#byName.set(name, route);
    this.#routesOf.delete(name);
    return route;
  }

  #addPattern(pattern: string): Route<User> {
    const route = this.#newRoute(pattern, compileTopicPattern(pattern));
    this.#byPattern.set(pattern, route);
    this.#routesOf.clear();
    return route;
  }

  #newRoute(name: string, matches: TopicMatcher | undefined): Route<User> {
    const route: Route<User> = {
      name,
      matches,
      entries: new EntryQueue<EncodedEntry>(),
      floor: this.interest === undefined ? this.head : Infinity,
      missing: this.head,
      users: new Set(),
      dirty: false,
    };
    this.interest?.add(route);
    return route;
  }

  #routesTo(topic: string): readonly Route<User>[] {
    let routes = this.#routesOf.get(topic);
    if (routes === undefined) {
      const named = this.#byName.get(topic);
      const found = named === undefined ? [] : [named];
      // No pattern matches what is the hub's own.
      if (!isReserved(topic)) {
        for (const route of this.#byPattern.values()) {
          if (route.matches!(topic)) found.push(route);
        }
      }
      routes = found;
      if (this.#routesOf.size >= MOST_CACHED_TOPICS) this.#routesOf.clear();
      this.#routesOf.set(topic, routes);
    }
    return routes;
  }

  #evict(): void {
    const oldest = this.#all.shift()!;
    this.#bytes -= oldest.bytes.length;
    for (const route of this.#routesTo(oldest.topic)) {
      // A route made after the entry came does not hold it.
      if (route.entries.first !== oldest) continue;
      route.entries.shift();
      raise(route, oldest.offset);
    }
  }

  /** Entries up to `offset` may never have come: a stream before them has to read the log. */
  #skipTo(offset: number): void {
    while (this.#all.length > 0) this.#evict();
    for (const routes of [this.#byName, this.#byPattern]) {
      for (const route of routes.values()) {
        raise(route, offset);
        this.#markDirty(route);
      }
    }
  }
}

function raise(route: { floor: number; missing: number }, offset: number): void {
  route.missing = offset;
  if (route.floor < offset) route.floor = offset;
}
