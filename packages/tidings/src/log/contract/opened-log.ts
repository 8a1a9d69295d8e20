/**
 * What the tests of the contract work with: a log that was opened, its clock, and a few short forms.
 */
import type { Draft, Entry, Log, LogPosition, OpenLogOptions, Page, ReadRequest, Retention } from "../log.ts";

/** Makes an empty log that reads the time from `now`, in milliseconds since 1970. */
export type CreateLog = (options: { now: () => number }) => Log | Promise<Log>;

/** Declares a test that is given an open log, which is closed behind it. */
export type DeclareTest = (
  title: string,
  body: (bench: Bench) => Promise<void>,
  options?: BenchOptions,
) => unknown;

export interface BenchOptions extends Partial<Retention> {
  /** Has `onEntries` throw. */
  readonly brokenTail?: boolean;
}

/** An open log, and what one test needs of it. */
export interface Bench {
  readonly log: Log;
  readonly position: LogPosition;
  readonly clock: { ms: number };
  readonly tail: Entry[];
  /** What the log told of by `onError`. */
  readonly errors: unknown[];
  readonly read: (
    topics: readonly string[] | ((topic: string) => boolean),
    request?: Partial<ReadRequest>,
  ) => Promise<Page>;
}

export async function openBench(
  create: CreateLog,
  { brokenTail = false, ...retention }: BenchOptions,
): Promise<Bench> {
  const clock = { ms: 1_000 };
  const tail: Entry[] = [];
  const errors: unknown[] = [];
  const log = await create({ now: () => clock.ms });
  const options: OpenLogOptions = {
    retention: { messages: 10_000, bytes: 2 ** 24, ageMs: 3_600_000, ...retention },
    onEntries: (entries) => {
      if (brokenTail) throw new Error("the tail is broken");
      tail.push(...entries);
    },
    onError: (error) => errors.push(error),
  };
  return {
    log,
    clock,
    tail,
    errors,
    position: await log.open(options),
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
