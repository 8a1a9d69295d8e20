/** A log in Postgres that was opened for a test, with what it said. */
import type { Entry, Log, LogPosition, OpenLogOptions, Tail } from "../../packages/tidings/src/log/log.ts";
import { postgresLog, type PostgresLogOptions } from "../../packages/tidings/src/log/postgres/index.ts";
import { CLIENTS, type TestClient } from "./postgres-clients.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";
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

  async postgres(settings?: string): Promise<PostgresServer> {
    return this.add(await startPostgres(settings), (server) => server.end());
  }

  async switchboard(target: number): Promise<Switchboard> {
    return this.add(await openSwitchboard(target), (board) => board.close());
  }

  async client(name: string, port: number): Promise<TestClient> {
    return this.add(await CLIENTS[name]!(port), (client) => client.close());
  }
}

export const retention = { messages: 100_000, bytes: 2 ** 30, ageMs: 3_600_000 };
export const draft = (text: string, topic = "a") => ({ topic, body: new TextEncoder().encode(text) });
export const textOf = ({ body }: Entry): string => new TextDecoder().decode(body);

export interface Opened extends TestClient {
  readonly log: Log;
  readonly position: LogPosition;
  readonly parts: Tail[];
  readonly resets: LogPosition[];
  readonly states: string[];
  readonly errors: unknown[];
  readonly seen: () => string[];
}

export async function openLog(
  cleanups: Cleanups,
  { client = "pg", port, ...options }: { client?: string; port: number } & PostgresLogOptions,
  more: Partial<OpenLogOptions> = {},
): Promise<Opened> {
  const connected = await cleanups.client(client, port);
  const log = postgresLog(connected.client, options);
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
  return { ...connected, log, position, parts, resets, states, errors, seen };
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
