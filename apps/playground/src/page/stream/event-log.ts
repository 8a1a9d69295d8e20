/**
 * What happened, in order: the events of the list, by the run that they belong to, and counts over the current run.
 * The last 1,000 events and 16 Mi characters of data are kept; what is older goes, and is counted.
 */
import type { Ending, Failure } from "./stream-client.ts";

export const MOST_EVENTS = 1000;
const MOST_CHARACTERS = 16 * 2 ** 20;

interface Common {
  /** Counts from 1 and never again, so that a row can be found by it. */
  readonly number: number;
  readonly at: Date;
  /** Since the event before it in the same run; absent for the first. */
  readonly sinceMs: number | undefined;
  /** Which run of a stream it belongs to, from 1. */
  readonly run: number;
  readonly attempt: number;
}
export type LoggedEvent = Common & Happening;

export type Happening =
  | { readonly kind: "open"; readonly status: number | undefined }
  | {
      readonly kind: "message";
      readonly event: string;
      readonly data: string;
      readonly id: string;
      /** Of the data, in UTF-8. */
      readonly bytes: number;
    }
  | { readonly kind: "error"; readonly failure: Failure }
  | { readonly kind: "end"; readonly ending: Ending };

/** One stream from Start to its end. */
export interface Run {
  readonly method: string;
  readonly url: string;
  readonly at: Date;
}

export interface EventLog {
  /** Of all runs, oldest first. */
  readonly events: readonly LoggedEvent[];
  /** Of the current run, as is `bytes`. */
  readonly messages: number;
  readonly bytes: number;
  /** How many are no longer in `events`. */
  readonly dropped: number;
  /** Begins another run: what is added from now on belongs to it, and its counts are 0. */
  begin(method: string, url: string, at?: Date): void;
  /** @param run - Of an event that is kept. */
  run(run: number): Run;
  add(happening: Happening, attempt: number, at?: Date): LoggedEvent;
  clear(): void;
}

export function createEventLog(): EventLog {
  let events: LoggedEvent[] = [];
  let characters = 0;
  let number = 0;
  let messages = 0;
  let bytes = 0;
  let dropped = 0;
  let run = 0;
  const runs = new Map<number, Run>();

  return {
    get events() {
      return events;
    },
    get messages() {
      return messages;
    },
    get bytes() {
      return bytes;
    },
    get dropped() {
      return dropped;
    },
    begin(method, url, at = new Date()) {
      messages = bytes = 0;
      runs.set(++run, { method, url, at });
      forgetRuns();
    },
    run: (number) => runs.get(number)!,
    add,
    clear() {
      events = [];
      characters = messages = bytes = dropped = 0;
      forgetRuns();
    },
  };

  /** Keeps the current run, and those that have an event. */
  function forgetRuns(): void {
    const oldest = events[0]?.run ?? run;
    for (const number of runs.keys()) if (number < oldest) runs.delete(number);
  }

  function add(happening: Happening, attempt: number, at: Date = new Date()): LoggedEvent {
    const previous = events.at(-1);
    const sinceMs = previous?.run === run ? at.getTime() - previous.at.getTime() : undefined;
    const logged: LoggedEvent = { ...happening, number: ++number, at, sinceMs, run, attempt };
    events.push(logged);
    characters += length(logged);
    if (logged.kind === "message") {
      messages++;
      bytes += logged.bytes;
    }
    // The newest stays whatever its size: there would be nothing to see.
    while (events.length > MOST_EVENTS || (characters > MOST_CHARACTERS && events.length > 1)) {
      characters -= length(events.shift()!);
      dropped++;
    }
    return logged;
  }
}

function length(event: LoggedEvent): number {
  return event.kind === "message" ? event.data.length : 0;
}
