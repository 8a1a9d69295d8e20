/**
 * Has the log's tail hand on what streams select, where the log asks for that: a process then costs the log what it reads, not
 * what all processes publish. Until a topic is followed its streams read the log.
 * This module is browser compatible.
 */
import type { Followed, Log } from "../../log/log.ts";
import { type Report, tell } from "../../guard/foreign.ts";
import { show } from "../../guard/show.ts";

/** What is followed: a topic, or everything for the sake of a pattern. */
export interface Interesting {
  readonly name: string;
  /** Absent for a topic by name. */
  readonly patterns: unknown;
}

export interface InterestOptions<Route extends Interesting> {
  /** One that has `follow`. */
  readonly log: Pick<Log, "follow" | "unfollow">;
  /** Called when everything of these routes after `offset` is handed on. */
  readonly onFollowed: (routes: readonly Route[], offset: number) => void;
  readonly onError: Report;
}

/** The wait before a log that refused is asked again. */
const RETRY_MS = 1_000;

export class Interest<Route extends Interesting> {
  readonly #options: InterestOptions<Route>;
  /** Those that are wanted, and whether the log was asked for them. */
  readonly #wanted = new Map<Route, "new" | "asked" | "followed">();
  #scheduled = false;
  #failing = false;
  #closed = false;
  readonly #retries = new Set<ReturnType<typeof setTimeout>>();

  constructor(options: InterestOptions<Route>) {
    this.#options = options;
  }

  add(route: Route): void {
    this.#wanted.set(route, "new");
    this.#schedule();
  }

  remove(route: Route): void {
    // One that the log was asked for is given back when it answers.
    if (this.#wanted.get(route) === "followed") this.#unfollow([route]);
    this.#wanted.delete(route);
  }

  /** What is wanted in one turn is requested together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      const routes = [...this.#wanted].filter(([, state]) => state === "new").map(([route]) => route);
      void this.#follow(routes.filter(({ patterns }) => patterns === undefined));
      for (const route of routes) if (route.patterns !== undefined) void this.#follow([route]);
    });
  }

  async #follow(routes: readonly Route[]): Promise<void> {
    if (routes.length === 0) return;
    const { log, onFollowed, onError } = this.#options;
    for (const route of routes) this.#wanted.set(route, "asked");
    try {
      const offset: unknown = await log.follow!(toFollowed(routes));
      if (typeof offset !== "number") {
        throw new TypeError(`Cannot follow log: follow returned ${show(offset)}, expected an offset`);
      }
      this.#failing = false;
      const still = routes.filter((route) => this.#wanted.has(route));
      for (const route of still) this.#wanted.set(route, "followed");
      this.#unfollow(routes.filter((route) => !this.#wanted.has(route)));
      if (still.length > 0) onFollowed(still, offset);
    } catch (error) {
      // A log that is closed answers nobody.
      if (this.#closed) return;
      if (!this.#failing) onError(error);
      this.#failing = true;
      const timer = setTimeout(() => {
        this.#retries.delete(timer);
        for (const route of routes) if (this.#wanted.has(route)) this.add(route);
      }, RETRY_MS);
      this.#retries.add(timer);
      // A number in browsers and Workers.
      (timer as { unref?: () => void }).unref?.();
    }
  }

  /** Nothing more is followed, nor tried again: a log that failed may fail for ever. */
  close(): void {
    this.#closed = true;
    this.#wanted.clear();
    for (const timer of this.#retries) clearTimeout(timer);
    this.#retries.clear();
  }

  #unfollow(routes: readonly Route[]): void {
    if (routes.length === 0) return;
    const { log, onError } = this.#options;
    tell(onError, () => log.unfollow?.(toFollowed(routes)));
  }
}

/** @param routes - All by name, or one by pattern. */
function toFollowed(routes: readonly Interesting[]): Followed {
  return routes[0]!.patterns === undefined ? routes.map(({ name }) => name) : "all";
}
