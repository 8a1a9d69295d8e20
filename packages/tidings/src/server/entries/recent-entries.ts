/**
 * The newest entries of the log, encoded once, for the streams that keep up: what they are sent comes from here, and
 * a stream that has fallen behind reads the log instead. It is a cache with a bound of its own, for all topics together.
 *
 * An entry is found by *route*: one for each topic that some stream selects by name, and one for the patterns of a selection,
 * which are matched together. Routes stay for a while without streams: when a proxy restarts, all streams of a topic leave at
 * once, and return at once for what came meanwhile. What nobody selected is not kept.
 */
import { EntryQueue } from "../../log/entries/entry-queue.ts";
import type { Entry, LogPosition, Tail } from "../../log/log.ts";
import { type Batch, EncodedEntry, idBatch } from "../out/batch.ts";
import type { TopicSelection } from "../topics/topic-selection.ts";
import { type RoutePatterns, TopicRoutes } from "./topic-routes.ts";

/** The entries of one topic, or of all topics that the patterns of one selection match. */
export interface Route<User> {
  readonly name: string;
  /** Absent for a topic by name. */
  readonly patterns: RoutePatterns | undefined;
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

/** An entry, and the routes that hold it. */
class RoutedEntry<User> extends EncodedEntry {
  readonly routes: readonly Route<User>[];

  constructor(epoch: string, entry: Entry, routes: readonly Route<User>[]) {
    super(epoch, entry);
    this.routes = routes;
  }
}

/** Routes that are kept though no stream selects them any more: those left last. */
const MOST_IDLE = 256;
/** In the queues of all routes together, 8 bytes each: one message may be in the queue of every subscription. */
const MOST_PLACES = 4_000_000;
/**
 * What asking patterns may cost between two slices of the fan-out, in characters that are matched: half a millisecond. A client may
 * choose its patterns for their cost. Beyond that, the log is asked, which divides its work.
 */
const MOST_STEPS = 50_000;

export class RecentEntries<User> {
  /** The newest position that was handed to {@link add}. */
  epoch: string;
  head: number;
  /** Receives the routes that are made and dropped, where the log has to follow them. Set before the first. */
  interest: { add(route: Route<User>): void; remove(route: Route<User>): void; close?(): void } | undefined;

  /** Called with everything that is added. */
  readonly readers: RecentReader[] = [];

  readonly #limits: RecentEntriesLimits;
  readonly #routes = new TopicRoutes<Route<User>>(MOST_STEPS);
  readonly #idle = new Set<Route<User>>();
  readonly #all = new EntryQueue<RoutedEntry<User>>();
  /** In the queues of all routes together. */
  #places = 0;
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
    return this.#routes.size - this.#idle.size;
  }

  /** The routes of a selection, made where missing, for `user` until it gives them back to {@link release}. */
  acquire(selection: TopicSelection, user: User): Route<User>[] {
    const { names, patterns, prefixes = [], matchesPattern, steps = () => 0 } = selection;
    const routes = names.map((name) => this.#routes.named(name) ?? this.#add(name, undefined));
    if (matchesPattern !== undefined) {
      // No topic and no pattern has a line break.
      const name = patterns.join("\n");
      const known = this.#routes.matching(name);
      routes.push(known ?? this.#add(name, { matches: matchesPattern, prefixes, steps }));
    }
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
    this.#routes.begin();
    for (const entry of entries) {
      if (entry.offset <= this.head) continue;
      const { routes, unasked } = this.#routes.to(entry.topic);
      // It may be theirs, and is not kept for them: their streams read the log.
      for (const route of unasked) {
        raise(route, through);
        this.#markDirty(route);
      }
      if (routes.length === 0) continue;
      const encoded = new RoutedEntry(this.epoch, entry, routes);
      this.#all.push(encoded);
      this.#bytes += encoded.bytes.length;
      this.#places += routes.length;
      for (const route of routes) {
        route.entries.push(encoded);
        this.#markDirty(route);
      }
    }
    this.head = Math.max(this.head, through);
    const { messages, bytes } = this.#limits;
    while (this.#all.length > messages || this.#bytes > bytes || this.#places > MOST_PLACES) this.#evict();
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
    for (const route of this.#routes) {
      route.missing = head;
      if (route.floor !== Infinity) route.floor = head;
    }
  }

  /** The routes that something came for since the last call. */
  takeDirty(): readonly Route<User>[] {
    this.#routes.rest();
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
    this.#routes.remove(route);
    this.#places -= route.entries.length;
    route.entries.compact(() => false);
  }

  #add(name: string, patterns: RoutePatterns | undefined): Route<User> {
    const route: Route<User> = {
      name,
      patterns,
      entries: new EntryQueue<EncodedEntry>(),
      floor: this.interest === undefined ? this.head : Infinity,
      missing: this.head,
      users: new Set(),
      dirty: false,
    };
    this.#routes.add(route);
    this.interest?.add(route);
    return route;
  }

  #evict(): void {
    const oldest = this.#all.shift()!;
    this.#bytes -= oldest.bytes.length;
    for (const route of oldest.routes) {
      // One that was dropped has nothing any more.
      if (route.entries.first !== oldest) continue;
      route.entries.shift();
      this.#places -= 1;
      raise(route, oldest.offset);
    }
  }

  /** Entries up to `offset` may never have come: a stream before them has to read the log. */
  #skipTo(offset: number): void {
    while (this.#all.length > 0) this.#evict();
    for (const route of this.#routes) {
      raise(route, offset);
      this.#markDirty(route);
    }
  }
}

/** Entries of a route up to `offset` may not be here: a stream before them reads the log. */
function raise(route: { floor: number; missing: number }, offset: number): void {
  if (route.missing < offset) route.missing = offset;
  if (route.floor < offset) route.floor = offset;
}
