/** The `postgres` package (postgres.js), version 3.4 and later. */
import { unawaited } from "../../guard/as-error.ts";
import { tell } from "../../guard/foreign.ts";
import { ignore } from "../../guard/ignore.ts";
import { within, type ListenEvents, type Listener, type PostgresLink } from "./link.ts";

/** What is used of its client. */
export interface PostgresJs {
  unsafe(
    query: string,
    parameters?: never[],
  ): PromiseLike<unknown> & { raw(): PromiseLike<readonly object[]> };
  listen(
    channel: string,
    onNotify: (payload: string) => void,
    onListen?: () => void,
  ): PromiseLike<{ unlisten(): PromiseLike<unknown> }>;
}

const RETRY_MS = 1_000;
const utf8 = new TextDecoder();

export function fromPostgresJs(sql: PostgresJs): PostgresLink {
  return {
    run: async (text, values, ms) => {
      const rows = await within(rawRowsOf(sql.unsafe(text, [...values] as never[])), ms);
      const value: unknown = rows[0] === undefined ? null : Object.values(rows[0])[0];
      return (value instanceof Uint8Array ? utf8.decode(value) : value) as string | null;
    },
    script: async (text, ms) => {
      await within(Promise.resolve(sql.unsafe(text)), ms);
    },
    listen: (channel, events) => listen(sql, channel, events),
  };
}

/** Parsers and `transform` of the application are not asked, but for the one of rows. */
async function rawRowsOf(query: ReturnType<PostgresJs["unsafe"]>): Promise<readonly object[]> {
  let rows: PromiseLike<readonly object[]>;
  try {
    rows = query.raw();
  } catch (error) {
    // It may reject all the same.
    unawaited(query);
    throw error;
  }
  return rows;
}

/** The client opens its connection again by itself, and calls back each time. */
function listen(sql: PostgresJs, channel: string, { onWake, onUp }: ListenEvents): Listener {
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unlisten: (() => PromiseLike<unknown>) | undefined;
  const end = (): void => {
    tell(ignore, unlisten);
  };
  const connect = async (): Promise<void> => {
    try {
      const listening = await sql.listen(
        channel,
        () => closed || onWake(),
        () => closed || onUp(),
      );
      unlisten = () => listening.unlisten();
      if (closed) end();
    } catch {
      if (closed) return;
      timer = setTimeout(() => void connect(), RETRY_MS);
      timer.unref();
    }
  };
  void connect();
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      end();
    },
  };
}
