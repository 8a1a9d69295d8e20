/** The `pg` package (node-postgres), version 8 and later. */
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
  removeListener(event: "error", listener: () => void): unknown;
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

const guarded = new WeakSet<PgPool>();

export function fromPg(pool: PgPool): PostgresLink {
  // A connection that breaks while it is idle is no reason to end the process.
  if (!guarded.has(pool)) {
    guarded.add(pool);
    pool.on("error", ignore);
  }
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
  return client.query({ text, values: [...values], rowMode: "array", types: AS_TEXT });
}

function firstOf({ rows }: Rows): string | null {
  return (rows[0]?.[0] ?? null) as string | null;
}

/**
 * Takes a client. Its errors are heard from the start: one may come in the same packet as the word that it is ready, before a
 * promise could tell of it.
 */
function lend(pool: PgPool): Promise<PgClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) return reject(error ?? new Error("The pool gave no client"));
      client.on("error", ignore);
      resolve(client);
    });
  });
}

/** Has a client for the length of `work`. One that failed, or that is late, is not given back. */
async function borrow<T>(pool: PgPool, ms: number, work: (client: PgClient) => Promise<T>): Promise<T> {
  let client: PgClient | undefined;
  let over = false;
  const end = (destroy: boolean): void => {
    over = true;
    // One that is ended may still have something to say.
    if (!destroy) client?.removeListener("error", ignore);
    client?.release(destroy);
    client = undefined;
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
      lent.release(true);
      this.#again();
    };
    try {
      client = await lend(this.#pool);
      client.on("error", down);
      client.on("end", down);
      if (this.#closed) return down();
      this.#end = down;
      client.on("notification", () => {
        if (client !== undefined) this.#events.onWake();
      });
      await within(client.query({ text: `LISTEN "${this.#channel}"`, rowMode: "array" }), SILENCE_MS);
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
      within(client.query({ text: "SELECT 1", rowMode: "array" }), SILENCE_MS).then(() => {
        if (this.#end === down) this.#look(client, down);
      }, down);
    }, LOOK_MS);
    this.#timer.unref();
  }

  #again(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#connect(), this.#waitMs * (0.5 + Math.random()));
    this.#waitMs = Math.min(this.#waitMs * 2, RETRY_MS[1]);
  }
}
