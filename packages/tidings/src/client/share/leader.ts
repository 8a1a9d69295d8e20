/**
 * The tab that reads: it has the one connection, tells all tabs what comes, and helps those that are a little behind.
 * This module is browser compatible.
 */
import type { ConnectOptions, Connection } from "../connect.ts";
import type { ConnectionState } from "../core/reconnect.ts";
import { announcedEpoch } from "../features/cursor/hub-cursors.ts";
import type { Entry, Recent } from "./recent.ts";
import type { Ask, Opened, Told } from "./words.ts";

export interface Leader {
  start(): void;
  answer(ask: Ask): void;
  /** Closes the connection. Resolves when it passes nothing more on. @param replaced - Whether another tab leads already. */
  stop(replaced: boolean): Promise<void>;
}

export interface LeaderHost {
  readonly term: string;
  /** Opens the connection from the cursor in these options. */
  connect(this: void, options: Partial<ConnectOptions>): Connection;
  tell(this: void, told: Told): void;
}

/** @param recent - Where the tab stands; the stream is continued from its cursor. */
export function lead({ term, connect, tell }: LeaderHost, recent: Recent): Leader {
  let seq = 0;
  let state: ConnectionState = "connecting";
  let response: Opened | undefined;
  let epoch: string | undefined;
  const say = (what: Partial<Told>) => tell({ term, seq, id: recent.cursor, epoch, ...what });
  const pass = (entry: Entry) => {
    recent.add(entry);
    seq++;
    say({ entry });
  };

  let source: Connection | undefined;
  let ended: Promise<void> | undefined;
  let stopped = false;

  return {
    start() {
      say({ lead: true, state });
      if (stopped) return;
      source = connect({
        ...readInto(recent, pass, (announced) => {
          epoch = announced;
        }),
        onState(next) {
          // That it is open is told with the response; that it is closed, with the verdict.
          if (next === "open" || next === "closed") return;
          state = next;
          say({ state });
        },
        onOpen(opened) {
          state = "open";
          response = { status: opened.status, url: opened.url, type: opened.header("content-type") };
          say({ state, response });
        },
        onError: (error) => say({ error }),
      });
      if (stopped) source.close();
      ended = source.ended.then((verdict) => {
        if (!stopped) say({ verdict });
      });
    },
    answer({ ask, from }) {
      say({ to: ask, from, state, response, tail: from === undefined ? from : recent.after(from) });
    },
    async stop(replaced) {
      // Later: this tab may have left on the message that is the last for all, and that the source is about to judge.
      await Promise.resolve();
      if (source?.state !== "closed") {
        stopped = true;
        source?.close();
      }
      await ended;
      if (replaced) say({ resigned: true });
    },
  };
}

/**
 * What makes a connection continue from a cursor and hand on all that moves it.
 * @param onEpoch - Told when a hub announces its epoch.
 */
export function readInto(
  recent: Pick<Recent, "cursor">,
  pass: (entry: Entry) => unknown,
  onEpoch: (epoch: string) => void,
): Partial<ConnectOptions> {
  return {
    use: [
      () => ({
        comment(text) {
          const epoch = announcedEpoch(text);
          if (epoch) onEpoch(epoch);
        },
      }),
    ],
    cursor: {
      get: () => recent.cursor,
      set(id) {
        if (id !== recent.cursor) pass({ id });
      },
    },
    onMessage: (message) => pass({ id: message.id, message }),
  };
}
