/**
 * What the log asks of a client of Postgres, whichever it is.
 */
import { asError } from "../../guard/as-error.ts";
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";

export interface PostgresLink {
  /**
   * Runs one statement by itself, on any connection. Rejects when there is no answer within `ms`, and gives up the connection
   * where the client can.
   * @returns The only column of the only row.
   */
  run(text: string, values: readonly SqlValue[], ms: number): Promise<string | null>;
  /** Runs several statements in one transaction. */
  script(text: string, ms: number): Promise<void>;
  /** Listens on a channel, over a connection of its own that is opened again whenever it is lost. */
  listen(channel: string, events: ListenEvents): Listener;
}

export type SqlValue = string | Uint8Array;

export interface ListenEvents {
  /** Something was said on the channel. */
  readonly onWake: () => void;
  /** It listens, for the first time or again: what was said meanwhile was not heard. */
  readonly onUp: () => void;
}

export interface Listener {
  /**
   * As {@link PostgresLink.run}, over the connection that listens: nothing else waits for that one, and it is warm. Undefined while it
   * is lost, and of a client that cannot.
   */
  readonly run?: PostgresLink["run"] | undefined;
  close(): void;
}

/** Calls `work` with a time limit. `onLate` is called when that has passed. */
export async function within<T>(work: Promise<T>, ms: number, onLate?: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(new Error(`no answer within ${Math.round(ms)} ms`));
        onLate?.();
      },
      Math.min(Math.max(0, ms), LONGEST_TIMER_MS),
    );
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw asError(error);
  } finally {
    clearTimeout(timer);
  }
}
