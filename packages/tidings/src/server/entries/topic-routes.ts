/**
 * Finds what a topic is routed to: its own route, and those whose patterns match it. What was found is remembered, and of a
 * route that is new each topic learns when it is next looked up: a topic meets a pattern once, however many come and go.
 * This module is browser compatible.
 */
import type { TopicMatcher } from "../topics/topic-pattern.ts";

export interface TopicRoute {
  readonly name: string;
  /** Absent for a topic by name. */
  readonly matches: TopicMatcher | undefined;
}

interface Found<Route> {
  routes: readonly Route[];
  /** How many of the list of routes by pattern it has met. */
  met: number;
  /** How many routes had been removed. */
  removed: number;
}

/** Topics whose routes are remembered; beyond that, all are looked up anew. */
const MOST_REMEMBERED = 20_000;

export class TopicRoutes<Route extends TopicRoute> {
  readonly #byName = new Map<string, Route>();
  readonly #byPattern = new Map<string, Route>();
  /** Those by pattern, in the order in which they came; undefined where one was removed. */
  #list: (Route | undefined)[] = [];
  #removed = 0;
  readonly #found = new Map<string, Found<Route>>();

  get size(): number {
    return this.#byName.size + this.#byPattern.size;
  }

  *[Symbol.iterator](): Iterator<Route> {
    yield* this.#byName.values();
    yield* this.#byPattern.values();
  }

  named(topic: string): Route | undefined {
    return this.#byName.get(topic);
  }

  matching(patterns: string): Route | undefined {
    return this.#byPattern.get(patterns);
  }

  add(route: Route): void {
    if (route.matches !== undefined) {
      this.#byPattern.set(route.name, route);
      this.#list.push(route);
      return;
    }
    this.#byName.set(route.name, route);
    const found = this.#found.get(route.name);
    if (found !== undefined) found.routes = [route, ...found.routes];
  }

  remove(route: Route): void {
    this.#removed += 1;
    if (route.matches === undefined) {
      this.#byName.delete(route.name);
      return;
    }
    this.#byPattern.delete(route.name);
    this.#list[this.#list.indexOf(route)] = undefined;
    if (this.#list.length < 64 || this.#list.length < this.#byPattern.size * 2) return;
    this.#list = this.#list.filter((one) => one !== undefined);
    this.#found.clear();
  }

  to(topic: string): readonly Route[] {
    let found = this.#found.get(topic);
    if (found === undefined) {
      const named = this.#byName.get(topic);
      found = { routes: named === undefined ? [] : [named], met: 0, removed: this.#removed };
      if (this.#found.size >= MOST_REMEMBERED) this.#found.clear();
      this.#found.set(topic, found);
    }
    if (found.removed !== this.#removed) {
      found.removed = this.#removed;
      if (found.routes.length > 0) found.routes = found.routes.filter((route) => this.#has(route));
    }
    if (found.met < this.#list.length) {
      const matching = this.#list.slice(found.met).filter((route) => route?.matches!(topic) === true);
      found.met = this.#list.length;
      if (matching.length > 0) found.routes = [...found.routes, ...(matching as Route[])];
    }
    return found.routes;
  }

  #has(route: Route): boolean {
    return (route.matches === undefined ? this.#byName : this.#byPattern).get(route.name) === route;
  }
}
