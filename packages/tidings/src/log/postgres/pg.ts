/** The `pg` package (node-postgres), version 8 and later. */
import { unawaited } from "../../guard/as-error.ts";
import { tell } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import { within, type ListenEvents, type Listener, type PostgresLink, type SqlValue } from "./link.ts";

/** What is used of its `Pool`. */
export interface PgPool {
  connect(callback: (error: Error | undefined, client: PgClient | undefined) => void): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly totalCount: number;
  readonly options: object;
  readonly ending?: boolean;
}

/** How a client makes values of what Postgres replies. */
interface Types {
  getTypeParser(): (value: unknown) => string;
}

/** What is used of a client that the pool lends. */
export interface PgClient {
  query(query: { text: string; values?: unknown[]; rowMode: "array"; types?: Types }): Promise<Rows>;
  on(event: "error" | "end" | "notification", listener: () => void): unknown;
  release(destroy?: Error | boolean): void;
}

interface Rows {
  readonly rows: unknown[][];
}

/** Between looks whether the connection that listens is alive. */
const LOOK_MS = 10_000;
const SILENCE_MS = 5_000;
const RETRY_MS = [200, 5_000] as const;

/** Parsers of the application are not asked: what the functions of the log return is text. */
const AS_TEXT: Types = { getTypeParser: () => String };

/** Pools and clients whose errors are heard: a connection that breaks is no reason to end the process. */
const heard = new WeakSet();

function hear(one: PgPool | PgClient): void {
  if (heard.has(one)) return;
  unawaited(one.on("error", ignore));
  heard.add(one);
}

export function fromPg(pool: PgPool): PostgresLink {
  tell(ignore, () => hear(pool));
  return {
    run: async (text, values, ms) => {
      return firstOf(await borrow(pool, ms, (client) => ask(client, text, values)));
    },
    script: async (text, ms) => {
      await borrow(pool, ms, (client) => client.query({ text, rowMode: "array" }));
    },
    listen: (channel, events) => new PgListener(pool, channel, events),
  };
}

function ask(client: PgClient, text: string, values: readonly SqlValue[]): Promise<Rows> {
  return Promise.resolve(client.query({ text, values: [...values], rowMode: "array", types: AS_TEXT }));
}

function firstOf({ rows }: Rows): string | null {
  return (rows[0]?.[0] ?? null) as string | null;
}

/**
 * Takes a client. Its errors are heard from the start: one may come in the same packet as the word that it is ready, before a
 * promise could tell of it. And to its end: a pool does not hear those of one that it was not given back.
 */
function lend(pool: PgPool): Promise<PgClient> {
  return new Promise((resolve, reject) => {
    const asked: unknown = pool.connect((error, client) => {
      if (client === undefined) return reject(error ?? new Error("The pool gave no client"));
      // Called back by the pool, where what is thrown is uncaught.
      try {
        hear(client);
        resolve(client);
      } catch (cause) {
        tell(ignore, () => client.release(true));
        reject(cause);
      }
    });
    // It calls back, or rejects if it is another one.
    unawaited(asked, reject);
  });
}

/** Has a client for the length of `work`. One that failed, or that is late, is not given back. */
async function borrow<T>(pool: PgPool, ms: number, work: (client: PgClient) => Promise<T>): Promise<T> {
  let client: PgClient | undefined;
  let over = false;
  const end = (destroy: boolean): void => {
    over = true;
    const lent = client;
    client = undefined;
    tell(ignore, () => lent?.release(destroy));
  };
  const done = (async () => {
    const lent = await lend(pool);
    client = lent;
    // It was waited for in vain.
    if (over) return end(false) as never;
    return work(client);
  })();
  try {
    const result = await within(done, ms);
    end(false);
    return result;
  } catch (error) {
    end(true);
    throw error;
  }
}

class PgListener implements Listener {
  readonly #pool: PgPool;
  readonly #channel: string;
  readonly #events: ListenEvents;
  #closed = false;
  #waitMs: number = RETRY_MS[0];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end: (() => void) | undefined;
  /** The connection, while it listens. */
  #client: PgClient | undefined;

  constructor(pool: PgPool, channel: string, events: ListenEvents) {
    this.#pool = pool;
    this.#channel = channel;
    this.#events = events;
    void this.#connect();
  }

  get run(): PostgresLink["run"] | undefined {
    this.#leaveEndingPool();
    const [client, end] = [this.#client, this.#end];
    if (client === undefined) return undefined;
    return async (text, values, ms) => firstOf(await within(ask(client, text, values), ms, end));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#end?.();
  }

  async #connect(): Promise<void> {
    let client: PgClient | undefined;
    const down = (): void => {
      if (client === undefined) return;
      const lent = client;
      client = this.#client = this.#end = undefined;
      // With what it listens to: others must not get it. Its errors are still to be heard until it is gone.
      tell(ignore, () => lent.release(true));
      this.#again();
    };
    try {
      client = await lend(this.#pool);
      unawaited(client.on("error", down));
      unawaited(client.on("end", down));
      if (this.#closed) return down();
      this.#end = down;
      unawaited(
        client.on("notification", () => {
          if (client !== undefined) this.#events.onWake();
        }),
      );
      await within(
        Promise.resolve(client.query({ text: `LISTEN "${this.#channel}"`, rowMode: "array" })),
        SILENCE_MS,
      );
      if (client === undefined) return;
      this.#waitMs = RETRY_MS[0];
      this.#client = client;
      this.#events.onUp();
      this.#look(client, down);
    } catch {
      if (client === undefined) this.#again();
      else down();
    }
  }

  #look(client: PgClient, down: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#leaveEndingPool()) return;
      const looking = async (): Promise<unknown> => client.query({ text: "SELECT 1", rowMode: "array" });
      within(looking(), SILENCE_MS).then(() => {
        if (this.#end === down) this.#look(client, down);
      }, down);
    }, LOOK_MS);
    this.#timer.unref();
  }

  /** A pool that was told to end waits until it has all its connections back. */
  #leaveEndingPool(): boolean {
    if (this.#pool.ending === true) this.close();
    return this.#closed;
  }

  #again(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#connect(), this.#waitMs * (0.5 + Math.random()));
    this.#waitMs = Math.min(this.#waitMs * 2, RETRY_MS[1]);
  }
}
