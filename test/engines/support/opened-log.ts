/** A log that was opened for a test, with what it said, and what ends with the test. The same for every server that keeps logs. */
import { expect } from "vitest";
import type { Entry, Log, LogPosition, OpenLogOptions, Tail } from "../../../packages/tidings/src/log/log.ts";
import { createHub, type Hub } from "../../../packages/tidings/src/server/index.ts";
import { openSwitchboard, type Switchboard } from "./switchboard.ts";

/** What ends with a test, the last first. */
export class Cleanups {
  readonly #all: (() => unknown)[] = [];

  add<T>(thing: T, end: (thing: T) => unknown): T {
    this.#all.push(() => end(thing));
    return thing;
  }

  async run(): Promise<void> {
    for (let end = this.#all.pop(); end !== undefined; end = this.#all.pop()) await end();
  }

  async switchboard(target: number): Promise<Switchboard> {
    return this.add(await openSwitchboard(target), (board) => board.close());
  }
}

export const retention = { messages: 100_000, bytes: 2 ** 30, ageMs: 3_600_000 };
export const draft = (text: string, topic = "a") => ({ topic, body: new TextEncoder().encode(text) });
export const textOf = ({ body }: Entry): string => new TextDecoder().decode(body);

export interface Opened {
  readonly log: Log;
  readonly position: LogPosition;
  readonly parts: Tail[];
  readonly resets: LogPosition[];
  readonly states: string[];
  readonly errors: unknown[];
  readonly seen: () => string[];
}

/** Opens a log, and closes it with the test. */
export async function openForTest(
  cleanups: Cleanups,
  log: Log,
  more: Partial<OpenLogOptions> = {},
): Promise<Opened> {
  const parts: Tail[] = [];
  const resets: LogPosition[] = [];
  const states: string[] = [];
  const errors: unknown[] = [];
  const position = await log.open({
    retention,
    onTail: (part) => parts.push(part),
    onReset: (next) => resets.push(next),
    onState: (state) => states.push(state),
    onError: (error) => errors.push(error),
    ...more,
  });
  cleanups.add(log, () => log.close());
  const seen = (): string[] => parts.flatMap(({ entries }) => entries).map(textOf);
  return { log, position, parts, resets, states, errors, seen };
}

export async function readAll(log: Log, topic = "a"): Promise<{ entries: Entry[]; lostThrough: number }> {
  const entries: Entry[] = [];
  let lostThrough = 0;
  const { head } = await log.head();
  for (let after = 0; after < head;) {
    const topics = { exact: [topic], matches: (one: string) => one === topic };
    const page = await log.read({ topics, after, maxMessages: 1_000, maxBytes: 2 ** 20 });
    entries.push(...page.entries);
    if (page.lostThrough > after) ({ lostThrough } = page);
    after = page.through;
  }
  return { entries, lostThrough };
}

/** The parts join, but where one says that something has to be read. @returns What has to be. */
export function missedBy(parts: readonly Tail[], from: number): [after: number, through: number][] {
  const missed: [number, number][] = [];
  let through = from;
  for (const part of parts) {
    if (part.after > through) missed.push([through, part.after]);
    ({ through } = part);
  }
  return missed;
}

/** Each of these entries was handed on once, or the parts say that it has to be read. */
export function expectHandedOn(
  { parts, seen }: Pick<Opened, "parts" | "seen">,
  entries: readonly Entry[],
  from: number,
): void {
  const missed = missedBy(parts, from);
  const handedOn = new Set(seen());
  const isSaid = ({ offset }: Entry): boolean =>
    missed.some(([after, through]) => offset > after && offset <= through);
  expect(entries.filter((entry) => !handedOn.has(textOf(entry)) && !isSaid(entry))).toEqual([]);
  expect(seen().length).toBe(handedOn.size);
}

/** Nothing answers for longer than an attempt takes: what is appended meanwhile is stored once, in its order, and handed on. */
export async function expectStoredOnce(
  { log, seen }: Pick<Opened, "log" | "seen">,
  { hang, goOn }: { readonly hang: () => unknown; readonly goOn: () => unknown },
): Promise<void> {
  await log.follow!(["a"]);
  await log.append([draft("before")]);
  await hang();
  const appending = Promise.all(["1", "2", "3"].map((text) => log.append([draft(text)])));
  await new Promise((resolve) => void setTimeout(resolve, 3_500));
  await goOn();
  expect((await appending).map(({ first }) => first)).toEqual([2, 3, 4]);
  expect((await readAll(log)).entries.map(textOf)).toEqual(["before", "1", "2", "3"]);
  await expect.poll(() => seen(), { timeout: 20_000 }).toEqual(["before", "1", "2", "3"]);
}

/**
 * Of what was acknowledged at offsets 1 to 3, a server that took over has the first: a reader at one of them has lost what lies
 * before `first`, which that server gave the next message, and the log is still the same.
 */
export async function expectLossTold({ log, position }: Opened, first: number): Promise<void> {
  expect(first).toBeGreaterThan(1_000_000);
  const topics = { exact: ["a"], matches: () => true };
  for (const after of [1, 2, 3]) {
    const page = await log.read({ topics, after, maxMessages: 9, maxBytes: 999 });
    expect(page.lostThrough).toBe(first - 1);
    expect(page.entries.map(textOf)).toEqual(["after"]);
  }
  expect((await log.head()).epoch).toBe(position.epoch);
}

/** A hub on a log, with one stream that has had a message of each of its two topics and none of another. */
export async function hubWithStream(
  cleanups: Cleanups,
  log: Log,
): Promise<{ hub: Hub; text: () => string; data: () => string[] | null }> {
  const hub = createHub({ log, onError: () => undefined });
  cleanups.add(hub, () => hub.drain({ overMs: 0, graceMs: 100 }));
  const response = await hub.respond(new Request("http://127.0.0.1/"), {
    topics: ["a", { pattern: "b/*" }],
  });
  let text = "";
  void (async () => {
    for await (const bytes of response.body!) text += new TextDecoder().decode(bytes);
  })().catch(() => undefined);
  const data = (): string[] | null => text.match(/^data: .*$/gm);
  await hub.publish("a", { data: "1" });
  await hub.publish("b/1", { data: "2" });
  await hub.publish("c", { data: "not selected" });
  await expect.poll(data).toEqual(["data: 1", "data: 2"]);
  return { hub, text: () => text, data };
}
