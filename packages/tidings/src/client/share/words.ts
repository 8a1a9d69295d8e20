/**
 * What the tabs of a share say to each other over their channel.
 * This module is browser compatible.
 */
import type { Verdict } from "../core/connection.ts";
import { EventStreamError } from "../core/event-stream-error.ts";
import type { ConnectionState } from "../core/reconnect.ts";
import type { Entry } from "./recent.ts";

/** Who leads, and how the stream goes on from where the asker stands? */
export interface Ask {
  readonly ask: string;
  /** The asker's cursor; absent when it only wants a sign of life. */
  readonly from?: string | undefined;
}

/** What a leader says, in its order. */
export interface Told {
  /** The leadership, not the tab: one that leads again has another. */
  readonly term: string;
  /** How many entries this term has had, with this one. */
  readonly seq: number;
  /** The cursor after them. */
  readonly id: string;
  /** The hub's epoch, if it is known that the server is one: only then do ids tell their order. */
  readonly epoch?: string | undefined;
  /** The beginning of the term. */
  readonly lead?: boolean;
  readonly entry?: Entry;
  readonly state?: ConnectionState;
  readonly response?: Opened | undefined;
  readonly error?: EventStreamError;
  /** The stream is at its end, for all. */
  readonly verdict?: Verdict;
  /** The term is over, and another tab leads. */
  readonly resigned?: boolean;
  /** Whose question this answers. */
  readonly to?: string;
  readonly from?: string | undefined;
  /** What came after `from`, if the leader knows. */
  readonly tail?: readonly Entry[] | undefined;
}

/** The part of a response that can be passed to another tab. */
export interface Opened {
  readonly status: number | undefined;
  readonly url: string;
  readonly type: string | null;
}

/** The structured clone of an error keeps its message and nothing else of ours, and refuses many a cause: errors go as plain objects. */
export function pack(said: Ask | Told): unknown {
  return withErrors(said as Told, (error) =>
    Object.assign({}, error, { message: error.message, cause: error.cause && String(error.cause as Error) }),
  );
}

export function unpack(packed: unknown): Ask | Told {
  return withErrors(packed as Told, (plain) =>
    Object.assign(new EventStreamError(plain.code, plain.message), plain),
  );
}

function withErrors(said: Told, change: (error: EventStreamError) => unknown): Told {
  const { error, verdict } = said;
  const cause = verdict?.cause as EventStreamError | undefined;
  return {
    ...said,
    ...(error && { error: change(error) }),
    ...(cause && { verdict: { ...verdict, cause: change(cause) } }),
  } as Told;
}
