/**
 * Finds what a topic is routed to: its own route, and those whose patterns match it. What was found is remembered, and of a
 * route that is new each topic learns when it is next looked up: a topic meets a pattern once, however many come and go. Patterns
 * stand by what they begin with, so that a topic meets only those that could match it.
 * This module is browser compatible.
 */
import type { TopicMatcher } from "../topics/topic-pattern.ts";

/** How the patterns of a route are asked. */
export interface RoutePatterns {
  readonly matches: TopicMatcher;
  /** Every topic that is matched begins with one of these. */
  readonly prefixes: readonly string[];
  /** What `matches` has cost so far, in characters that were matched. */
  readonly steps: () => number;
}

export interface TopicRoute {
  readonly name: string;
  /** Absent for a topic by name. */
  readonly patterns: RoutePatterns | undefined;
}

export interface Routed<Route> {
  readonly routes: readonly Route[];
  /** Those that may be its routes, too, and were not asked, since that would have cost too much. */
  readonly unasked: readonly Route[];
}

interface Found<Route> {
  routes: readonly Route[];
  /** It has met the routes by pattern with a lower number. */
  met: number;
  /** How many routes had been removed. */
  removed: number;
}

/** A route by pattern, numbered in the order in which they came. */
interface Numbered<Route> {
  readonly route: Route;
  readonly number: number;
}

/** Routes one of whose patterns begins with the same characters. */
interface Bucket<Route> {
  readonly numbered: Numbered<Route>[];
  /** Those from this number on were given as unasked since {@link TopicRoutes.begin}. */
  unaskedFrom: number;
}

/** Topics whose routes are remembered, and their routes in all; beyond that, all are looked up anew. */
const MOST_REMEMBERED = 20_000;
const MOST_ROUTES_REMEMBERED = 4_000_000;
/** Characters by which patterns are told apart before they are asked. */
const LONGEST_PREFIX = 64;
/** What asking a pattern costs besides, in characters that are matched. */
const ASK_STEPS = 20;

export class TopicRoutes<Route extends TopicRoute> {
  readonly #mostSteps: number;
  readonly #byName = new Map<string, Route>();
  readonly #byPattern = new Map<string, Numbered<Route>>();
  readonly #buckets = new Map<string, Bucket<Route>>();
  /** How long the keys of the buckets are, ascending. */
  #lengths: readonly number[] = [];
  /** How many routes by pattern there have been. */
  #numbers = 0;
  #removed = 0;
  readonly #found = new Map<string, Found<Route>>();
  #routesFound = 0;
  #spent = 0;
  /** Buckets whose routes were given as unasked since {@link begin}. */
  readonly #unasked = new Set<Bucket<Route>>();

  /** @param mostSteps - What asking patterns may cost between two calls of {@link rest}, in characters that are matched. */
  constructor(mostSteps: number) {
    this.#mostSteps = mostSteps;
  }

  get size(): number {
    return this.#byName.size + this.#byPattern.size;
  }

  *[Symbol.iterator](): Iterator<Route> {
    yield* this.#byName.values();
    for (const { route } of this.#byPattern.values()) yield route;
  }

  named(topic: string): Route | undefined {
    return this.#byName.get(topic);
  }

  matching(patterns: string): Route | undefined {
    return this.#byPattern.get(patterns)?.route;
  }

  add(route: Route): void {
    if (route.patterns === undefined) {
      this.#byName.set(route.name, route);
      const found = this.#found.get(route.name);
      if (found !== undefined) found.routes = [route, ...found.routes];
      return;
    }
    const numbered = { route, number: this.#numbers };
    this.#numbers += 1;
    this.#byPattern.set(route.name, numbered);
    for (const key of keysOf(route.patterns)) {
      const bucket = this.#buckets.get(key);
      if (bucket === undefined) {
        this.#buckets.set(key, { numbered: [numbered], unaskedFrom: Infinity });
      } else {
        bucket.numbered.push(numbered);
        // It was not given with the others.
        bucket.unaskedFrom = Infinity;
      }
      if (!this.#lengths.includes(key.length)) this.#countLengths();
    }
  }

  remove(route: Route): void {
    this.#removed += 1;
    if (route.patterns === undefined) {
      this.#byName.delete(route.name);
      return;
    }
    const { number } = this.#byPattern.get(route.name)!;
    this.#byPattern.delete(route.name);
    for (const key of keysOf(route.patterns)) {
      const bucket = this.#buckets.get(key)!;
      bucket.numbered.splice(indexFrom(bucket.numbered, number), 1);
      if (bucket.numbered.length === 0) this.#buckets.delete(key);
    }
    if (this.#buckets.size === 0) this.#lengths = [];
  }

  /** What comes from now on is other messages: routes that were given as unasked have to be given again. */
  begin(): void {
    for (const bucket of this.#unasked) bucket.unaskedFrom = Infinity;
    this.#unasked.clear();
  }

  /** Patterns may be asked again. */
  rest(): void {
    this.#spent = 0;
  }

  /** The routes of a topic. One that was given as unasked since {@link begin} is not given as such again. */
  to(topic: string): Routed<Route> {
    let found = this.#found.get(topic);
    if (found === undefined) {
      const named = this.#byName.get(topic);
      found = { routes: named === undefined ? [] : [named], met: 0, removed: this.#removed };
      if (this.#found.size >= MOST_REMEMBERED || this.#routesFound > MOST_ROUTES_REMEMBERED) {
        this.#found.clear();
        this.#routesFound = 0;
      }
      this.#found.set(topic, found);
    }
    if (found.removed !== this.#removed) {
      found.removed = this.#removed;
      if (found.routes.length > 0) found.routes = found.routes.filter((route) => this.#has(route));
    }
    const unasked = found.met < this.#numbers ? this.#meet(topic, found) : NONE;
    return { routes: found.routes, unasked };
  }

  /** Asks the patterns that the topic has not met. @returns Those that may not be asked now. */
  #meet(topic: string, found: Found<Route>): readonly Route[] {
    const { met } = found;
    const buckets: Bucket<Route>[] = [];
    for (const length of this.#lengths) {
      if (length > topic.length) break;
      const bucket = this.#buckets.get(topic.slice(0, length));
      if (bucket !== undefined && bucket.numbered.at(-1)!.number >= met) buckets.push(bucket);
    }
    const matching: Route[] = [];
    if (this.#spent < this.#mostSteps) {
      found.met = this.#numbers;
      for (const { route, number } of inOrder(buckets, met)) {
        if (this.#spent >= this.#mostSteps) {
          found.met = number;
          break;
        }
        const { matches, steps } = route.patterns!;
        const begun = steps();
        if (matches(topic)) matching.push(route);
        this.#spent += ASK_STEPS + steps() - begun;
      }
    }
    if (matching.length > 0) found.routes = [...found.routes, ...matching];
    this.#routesFound += matching.length;
    return found.met < this.#numbers ? this.#leave(buckets, found.met) : NONE;
  }

  /** Those that the topic has not met, but for those that were given before. */
  #leave(buckets: readonly Bucket<Route>[], met: number): readonly Route[] {
    const left = new Set<Route>();
    for (const bucket of buckets) {
      const { numbered, unaskedFrom } = bucket;
      for (let at = indexFrom(numbered, met); at < numbered.length; at += 1) {
        if (numbered[at]!.number >= unaskedFrom) break;
        left.add(numbered[at]!.route);
      }
      if (met < unaskedFrom) bucket.unaskedFrom = met;
      this.#unasked.add(bucket);
    }
    return [...left];
  }

  #has(route: Route): boolean {
    if (route.patterns === undefined) return this.#byName.get(route.name) === route;
    return this.#byPattern.get(route.name)?.route === route;
  }

  #countLengths(): void {
    const lengths = new Set([...this.#buckets.keys()].map((key) => key.length));
    this.#lengths = [...lengths].sort((one, other) => one - other);
  }
}

const NONE: readonly never[] = [];

function keysOf({ prefixes }: RoutePatterns): Set<string> {
  return new Set(prefixes.map((prefix) => prefix.slice(0, LONGEST_PREFIX)));
}

/** Those from a number on, each once though it has several patterns. */
function inOrder<Route>(buckets: readonly Bucket<Route>[], from: number): readonly Numbered<Route>[] {
  const parts = buckets.map(({ numbered }) => numbered.slice(indexFrom(numbered, from)));
  if (parts.length <= 1) return parts[0] ?? [];
  return [...new Set(parts.flat())].sort((one, other) => one.number - other.number);
}

/** The index of the first with this number or a later one. */
function indexFrom(numbered: readonly Numbered<unknown>[], number: number): number {
  let low = 0;
  let high = numbered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbered[middle]!.number < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
