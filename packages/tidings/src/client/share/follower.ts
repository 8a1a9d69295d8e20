/**
 * A tab that follows the leader: takes its entries in their order, each once, and finds its way back whenever it missed some, had some
 * already, or the leader is another. Pure of the platform: it is handed what tells, asks and takes.
 * This module is browser compatible.
 */
import type { Verdict } from "../core/connection.ts";
import { isBehind } from "../features/cursor/hub-cursors.ts";
import type { EventStreamError } from "../core/event-stream-error.ts";
import type { Clock } from "../core/clock.ts";
import type { ConnectionState } from "../core/reconnect.ts";
import { createRecent, type Entry, type Recent } from "./recent.ts";
import type { Ask, Opened, Told } from "./words.ts";

export interface FollowerHost {
  /** The tab's name. */
  readonly me: string;
  readonly clock: Clock;
  /** How long a leader may be silent. */
  readonly takeoverMs: number;
  /** How many entries may wait for a slow reader. */
  readonly maxQueued: number;
  /** And how many bytes, and one entry, at 2 for each character. */
  readonly maxQueuedBytes: number;
  /** How many of the leader's entries may wait while this tab is catching up. */
  readonly maxRecent: number;
  /** What a tab without a cursor begins with. Default: a request, if the stream has ids by which the two can meet. */
  readonly begin: "now" | "request" | undefined;
  ask(ask: Ask): void;
  /** Hands an entry to the application. @returns A promise while its reader is behind. */
  take(entry: Entry): void | PromiseLike<void>;
  /** Asks the server, over a connection of this tab's own, for what came after the tab's cursor. */
  catchUp(pass: (entry: Entry) => unknown, onEpoch: (epoch: string) => void): { close(): void };
  /** The leader is dead, though it has not left. */
  takeOver(): void;
  /** The reader is too far behind, and without ids there is no way back. */
  onOverflow(): void;
  onState(state: ConnectionState, response?: Opened): void;
  onError(error: EventStreamError): void;
  onEnd(verdict: Verdict): void;
}

export interface Follower {
  hear(told: Told): void;
  /** Asks where the stream stands. */
  ask(): void;
  /** Final. */
  stop(): void;
}

/** Unanswered questions after which a leader counts as dead; one is sent each quarter of `takeoverMs`. */
const QUESTIONS = 3;

/** @param recent - Where the tab stands; the follower adds to it what it hands over. */
export function follow(host: FollowerHost, recent: Recent): Follower {
  const { me, clock, takeoverMs } = host;
  /**
   * - `"asking"`: where the leader stands is not known.
   * - `"in step"`: its next entry is the next one here, but for those in `ahead`.
   * - `"catching up"`: over a connection of its own; what the leader says waits in `waiting` until the two meet.
   * - `"behind"`: the reader is, so that nothing is taken until it has caught up.
   */
  let mode: "asking" | "in step" | "catching up" | "behind" = "asking";
  let term = "";
  let seq = 0;
  let previousTerm = "";
  let previousSeq = 0;
  /** What the leader before said after another one had begun. */
  let late: Entry[] = [];
  /** Ids that were handed over and that the leader has yet to come to. */
  let ahead: string[] | undefined;
  let waiting = createRecent("", 0);
  let own: { close(): void } | undefined;
  let epoch: string | undefined;
  let begun = host.begin === "now";
  let queued = 0;
  let queuedLength = 0;
  let heard = false;
  let unanswered = 0;
  let timer: unknown;

  watch();
  return { hear, ask, stop };

  function hear(told: Told): void {
    const answer = told.to === me && mode === "asking";
    if (told.term === previousTerm && previousTerm !== term && !told.lead && !answer) return hearLate(told);
    if (told.verdict && told.term === term) return host.onEnd(told.verdict);
    if (told.term !== term && !told.lead && !answer) return;
    heard = true;
    epoch = told.epoch || epoch;
    if (told.resigned) {
      term = "";
      return ask();
    }
    if (told.state) host.onState(told.state, told.response);
    if (told.error) host.onError(told.error);
    if (told.lead || answer) return meet(told);
    if (mode === "asking" || mode === "behind") return;
    const { entry } = told;
    const isNext = told.seq === seq + (entry ? 1 : 0);
    seq = told.seq;
    if (mode === "catching up") {
      if (!isNext) waiting = createRecent(told.id, host.maxRecent);
      else if (entry) keep(entry);
    } else if (!isNext) ask();
    else if (entry) take(entry);
  }

  /**
   * The last words of a leader that has left, when another leads already: a lock and a message come by different ways. Its entries
   * come again from the new leader, unless the old one says that the stream is at its end.
   */
  function hearLate(told: Told): void {
    if (told.error) host.onError(told.error);
    if (told.entry && told.seq === previousSeq + 1 && late.length < host.maxRecent) {
      previousSeq++;
      late.push(told.entry);
    }
    if (!told.verdict) return;
    for (const entry of late) {
      if (!recent.after(entry.id) && !isOld(entry.id, recent.cursor)) advance(entry);
    }
    host.onEnd(told.verdict);
  }

  /** Finds the place of this tab in the stream of a leader that says where it stands. */
  function meet({ term: theirTerm, seq: theirSeq, id, to, from, tail }: Told): void {
    const { cursor } = recent;
    if (theirTerm !== term) {
      previousTerm = term;
      previousSeq = seq;
      late = [];
    }
    term = theirTerm;
    seq = theirSeq;
    ahead = undefined;
    if (isFull()) {
      mode = "behind";
      return;
    }
    // Without ids the two would never meet.
    if (!id && theirSeq > 0 && host.begin === undefined) begun = true;
    const further = recent.after(id);
    const isNew = !cursor && begun;
    // A term that begins where this tab stands begins for both, though it be at the start.
    if (cursor === id && (begun || theirSeq === 0)) inStep();
    else if (isNew) {
      inStep();
      advance({ id });
    } else if (further || isOld(id, cursor)) {
      inStep();
      ahead = idsOf(further);
    } else if (tail && from === cursor) {
      inStep();
      for (const entry of tail) advance(entry);
    } else if (to || own) {
      mode = "catching up";
      waiting = createRecent(id, host.maxRecent);
      own ??= host.catchUp(fromServer, (announced) => {
        epoch = announced;
      });
      comeTogether();
    } else ask();
  }

  function inStep(): void {
    mode = "in step";
    begun = true;
    own?.close();
    own = undefined;
  }

  /** The leader's next entry. */
  function take(entry: Entry): void {
    if (ahead) {
      const at = ahead.indexOf(entry.id);
      if (at >= 0) ahead.splice(0, at + 1);
      if (at >= 0 || isOld(entry.id, recent.cursor)) {
        if (entry.id === recent.cursor && ahead.length === 0) ahead = undefined;
        return;
      }
      // A gap is of the leader's way; behind it may come what this tab has.
      if (entry.message?.event !== "gap") ahead = undefined;
    }
    advance(entry);
  }

  /** The leader's next entry, while this tab is on its own. */
  function keep(entry: Entry): void {
    const further = recent.after(entry.id);
    if (further || isOld(entry.id, recent.cursor)) {
      inStep();
      ahead = idsOf(further);
    } else waiting.add(entry);
  }

  function fromServer(entry: Entry): unknown {
    const pressure = advance(entry);
    if (mode === "catching up") comeTogether();
    return pressure;
  }

  /** Ends the tab's own connection when it has come to where the leader's entries begin, or among them. */
  function comeTogether(): void {
    const { cursor } = recent;
    const rest =
      waiting.after(cursor) ?? (isOld(waiting.base, cursor) ? waiting.after(waiting.base) : undefined);
    if (!rest) return;
    inStep();
    ahead = [];
    rest.forEach(take);
  }

  function advance(entry: Entry): void | PromiseLike<void> {
    if (mode === "behind") return;
    recent.add(entry);
    const pressure = host.take(entry);
    if (!pressure) return;
    if (entry.message) queuedLength += entry.message.data.length;
    if (++queued === 1) void pressure.then(caughtUp);
    if (isFull() && !own) {
      mode = "behind";
      if (!recent.cursor) host.onOverflow();
    }
    return pressure;
  }

  /** Whether the stream had reached `id` when it stood at `cursor`; false where ids do not tell. */
  function isOld(id: string, cursor: string): boolean {
    return isBehind(id, cursor, epoch);
  }

  function isFull(): boolean {
    return queued >= host.maxQueued || queuedLength * 2 >= host.maxQueuedBytes;
  }

  function caughtUp(): void {
    queued = queuedLength = 0;
    if (mode === "behind") ask();
  }

  function ask(): void {
    mode = "asking";
    host.ask({ ask: me, from: recent.cursor });
  }

  /** Asks a silent leader for a sign of life. Its timers may stand still, as those of hidden pages do; it answers all the same. */
  function watch(): void {
    timer = clock.setTimeout(watch, (takeoverMs / 4) * (1 - clock.random() / 4));
    if (heard) unanswered = -1;
    heard = false;
    if (++unanswered === 0) return;
    if (unanswered > QUESTIONS) {
      unanswered = 0;
      // Whatever it says of the end of the stream from now on is its own affair.
      term = "";
      mode = "asking";
      host.takeOver();
    } else if (mode === "asking") ask();
    else host.ask({ ask: me });
  }

  function stop(): void {
    clock.clearTimeout(timer);
    own?.close();
  }
}

function idsOf(entries: readonly Entry[] = []): string[] {
  return entries.map(({ id }) => id);
}
