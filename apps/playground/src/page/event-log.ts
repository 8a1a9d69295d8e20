/**
 * What happened, in order: the events of the list, and counts over all of them.
 * The last 1,000 events and 16 Mi characters of data are kept; what is older goes, and is counted.
 */
import type { Ending, Failure } from "./stream-client.ts";

export const MOST_EVENTS = 1000;
const MOST_CHARACTERS = 16 * 2 ** 20;

interface Common {
  /** Counts from 1 and never again, so that a row can be found by it. */
  readonly number: number;
  readonly at: Date;
  /** Since the event before it; absent for the first. */
  readonly sinceMs: number | undefined;
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

export interface EventLog {
  /** Oldest first. */
  readonly events: readonly LoggedEvent[];
  readonly messages: number;
  readonly bytes: number;
  /** How many are no longer in `events`. */
  readonly dropped: number;
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
    add,
    clear() {
      events = [];
      characters = messages = bytes = dropped = 0;
    },
  };

  function add(happening: Happening, attempt: number, at: Date = new Date()): LoggedEvent {
    const previous = events.at(-1);
    const sinceMs = previous && at.getTime() - previous.at.getTime();
    const logged: LoggedEvent = { ...happening, number: ++number, at, sinceMs, attempt };
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
