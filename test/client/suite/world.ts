/**
 * What a case of the client's suite is given, wherever it runs: a server to script, and the client under test.
 * A case is a plain function, since no test framework runs in all of these places: a page, a worker, workerd.
 */
import type { ConnectOptions, connect, EventSource } from "tidings/client";
import type { Answer } from "tidings/test";

export type Door = "connect" | "EventSource";

export interface Case {
  readonly name: string;
  readonly door: Door;
  /** Whether it takes so much that it would hold up others: it runs after them. */
  readonly alone?: boolean;
  readonly run: (world: World) => Promise<void>;
}

export interface Outcome {
  readonly name: string;
  readonly ok: boolean;
  readonly error?: string;
  readonly ms: number;
}

/** How a runtime reaches the server. */
export interface Setting {
  /** The server of this run. */
  readonly origin: string;
  /** `"fetch"`, or `"xhr"` where there is one. */
  readonly transport: "fetch" | "xhr";
  /** How many cases at once: browsers open six connections to a server. */
  readonly concurrency: number;
}

/** A request as the server saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly lastEventId?: string;
  readonly atMs: number;
  readonly state: "waiting" | "open" | "ended" | "cut" | "left";
  readonly isStalled: boolean;
}

export interface World extends Setting {
  readonly connect: typeof connect;
  readonly EventSource: typeof EventSource;
  /** Options that choose the transport under test, and return fast. */
  readonly options: ConnectOptions;
  /** How long a chunk must stand alone to be seen alone. */
  readonly chunkPauseMs: number;
  /** A stream of its own, that answers as scripted. */
  readonly script: (...answers: readonly ScriptedAnswer[]) => Promise<Site>;
}

/** An answer as JSON carries it. */
export type ScriptedAnswer =
  | "refuse"
  | (Omit<Answer, "body"> & { readonly body?: string | readonly JsonStep[] });
export type JsonStep =
  | string
  | { readonly bytes: readonly number[] }
  | { readonly event?: string; readonly data?: unknown; readonly id?: string; readonly retry?: number }
  | { readonly comment: string }
  | { readonly waitMs: number }
  | { readonly repeat: number; readonly text: string };

export interface Site {
  readonly url: string;
  readonly path: string;
  requests(): Promise<readonly Seen[]>;
  /** Breaks what is open. Whatever comes together with a break, some platforms drop: so it is for when that was seen. */
  cut(): Promise<void>;
  /** Asks until `is` says yes, and returns the requests. @param withinMs - Default: 20,000. */
  until(
    what: string,
    is: (requests: readonly Seen[]) => boolean | Promise<boolean>,
    withinMs?: number,
  ): Promise<readonly Seen[]>;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Compares as JSON does, but for `undefined`, which it shows. */
export function equal(actual: unknown, expected: unknown, what = "it"): void {
  const [one, other] = [show(actual), show(expected)];
  if (one !== other) throw new Error(`${what} is ${one}, expected ${other}`);
}

export function ok(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Whether a code is one of a broken response: to WebKitGTK it has ended, since it tells a break from an end in none. */
export function isBreak(code: unknown): boolean {
  return (
    code === "network" ||
    (code === "ended" && /^(?!.*Chrome\/).*AppleWebKit\//.test(globalThis.navigator?.userAgent ?? ""))
  );
}

/** Fulfils as the promise does, or fails in words. */
export async function soon<T>(what: string, promise: PromiseLike<T>, withinMs = 15_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${withinMs} ms`)), withinMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A list to collect in, and to wait on. */
export function collector<T>(): { readonly items: T[]; push(item: T): void; count(n: number): Promise<T[]> } {
  const items: T[] = [];
  let wake: (() => void) | undefined;
  return {
    items,
    push(item) {
      items.push(item);
      wake?.();
    },
    count: (n) =>
      soon(
        `item ${n} (there are ${items.length})`,
        (async () => {
          while (items.length < n) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          return items;
        })(),
      ),
  };
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (part === undefined ? "undefined" : part));
}
