/**
 * What the tests of the contract work with: a log that was opened, its clock, and a few short forms.
 */
import type {
  Draft,
  Entry,
  Log,
  LogPosition,
  OpenLogOptions,
  Page,
  ReadRequest,
  Retention,
  Tail,
} from "../log.ts";

/** Makes an empty log that reads the time from `now`, in milliseconds since 1970, if it takes a clock. */
export type CreateLog = (options: { now: () => number }) => Log | Promise<Log>;

/** What a log can do beyond what all can. Default: everything. */
export interface LogAbilities {
  /** `"own"`: it goes by a clock that the suite cannot set, so that the suite waits for ages to pass. */
  readonly clock: "given" | "own";
  /** False: a reader may get a gap for a topic that lost nothing; never the reverse. */
  readonly exactLosses: boolean;
  /** False: of the drafts of one append, some may be stored when others fail. */
  readonly atomicBatches: boolean;
  /** False: `forTopic` has no effect. */
  readonly topicBounds: boolean;
  /** False: what `forTopic` discards still counts towards the bounds of the whole log. */
  readonly topicBoundsFree: boolean;
  /** False: `bytes` counts more than bodies, so that less is retained. */
  readonly exactBytes: boolean;
}

export const ALL_ABILITIES: LogAbilities = {
  clock: "given",
  exactLosses: true,
  atomicBatches: true,
  topicBounds: true,
  topicBoundsFree: true,
  exactBytes: true,
};

/** Declares a test that is given an open log, which is closed behind it. */
export type DeclareTest = (
  title: string,
  body: (bench: Bench) => Promise<void>,
  options?: BenchOptions & {
    /** Only for logs with this ability. */
    readonly needs?: "topicBounds" | "exactBytes";
  },
) => unknown;

export interface BenchOptions extends Partial<Retention> {
  /** Has `onTail` throw. */
  readonly brokenTail?: boolean;
}

/** An open log, and what one test needs of it. */
export interface Bench {
  readonly log: Log;
  readonly position: LogPosition;
  readonly abilities: LogAbilities;
  readonly clock: { ms: number };
  /** Waits for the tail where that comes from another process: elsewhere it comes before `append` resolves. */
  readonly tailed: (entries: number) => Promise<void>;
  /** Lets time pass. */
  readonly pass: (ms: number) => Promise<void>;
  /** What was handed on. */
  readonly tail: Entry[];
  readonly parts: Tail[];
  /** What the log reported to `onError`. */
  readonly errors: unknown[];
  readonly read: (
    topics: readonly string[] | ((topic: string) => boolean),
    request?: Partial<ReadRequest>,
  ) => Promise<Page>;
}

export async function openBench(
  create: CreateLog,
  { brokenTail = false, ...retention }: BenchOptions,
  abilities: LogAbilities = ALL_ABILITIES,
): Promise<Bench> {
  const clock = { ms: 1_000_000 };
  const tail: Entry[] = [];
  const parts: Tail[] = [];
  const errors: unknown[] = [];
  const log = await create({ now: () => clock.ms });
  const options: OpenLogOptions = {
    retention: { messages: 10_000, bytes: 2 ** 24, ageMs: 3_600_000, ...retention },
    onTail: (part) => {
      if (brokenTail) throw new Error("the tail is broken");
      parts.push(part);
      tail.push(...part.entries);
    },
    onError: (error) => errors.push(error),
  };
  const position = await log.open(options);
  await log.follow?.("all");
  return {
    log,
    abilities,
    clock,
    tailed: async (count) => {
      if (log.follow !== undefined) await until(() => tail.length >= count, `${count} entries in the tail`);
    },
    pass: async (ms) => {
      if (abilities.clock === "given") clock.ms += ms;
      else await new Promise((resolve) => void setTimeout(resolve, ms));
    },
    tail,
    parts,
    errors,
    position,
    read: (topics, request) =>
      log.read({
        topics:
          typeof topics === "function"
            ? { matches: topics }
            : { exact: topics, matches: (topic) => topics.includes(topic) },
        after: 0,
        maxMessages: 10_000,
        maxBytes: 2 ** 24,
        ...request,
      }),
  };
}

export function draft(topic: string, body: string): Draft {
  return { topic, body: bytes(body) };
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function text({ body }: Entry): string {
  return new TextDecoder().decode(body);
}

export function plain(entry: Entry): object {
  return { offset: entry.offset, topic: entry.topic, body: text(entry), key: entry.key, atMs: entry.atMs };
}

export function offsets({ entries }: Page): number[] {
  return entries.map(({ offset }) => offset);
}

export async function shape(reading: Promise<Page>): Promise<object> {
  const page = await reading;
  return { offsets: offsets(page), through: page.through, lostThrough: page.lostThrough };
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Waits for what comes by itself. */
export async function until(condition: () => boolean, what: string, ms = 10_000): Promise<void> {
  for (const giveUp = Date.now() + ms; !condition();) {
    if (Date.now() > giveUp) throw new Error(`waited ${ms / 1_000} s for ${what}`);
    await new Promise((resolve) => void setTimeout(resolve, 5));
  }
}
