/**
 * What the tabs of a share say to each other over their channel.
 * This module is browser compatible.
 */
import type { Verdict } from "../core/connection.ts";
import { EventStreamError, wordsOf } from "../core/event-stream-error.ts";
import type { ConnectionState } from "../core/reconnect.ts";
import type { ParsedMessage } from "../../wire/message.ts";
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
    Object.assign({}, error, { message: error.message, cause: error.cause && wordsOf(error.cause) }),
  );
}

/** @returns Nothing for what no tab of this version says: all scripts of the origin can speak here. */
export function unpack(packed: unknown): Ask | Told | undefined {
  const said = Object(packed) as Ask & Told;
  if (!(isAsk(said) || isTold(said))) return undefined;
  return withErrors(said, (plain) => Object.assign(new EventStreamError(plain.code, plain.message), plain));
}

function isAsk({ ask, from }: Partial<Ask>): boolean {
  return isText(ask) && isTextOr(from, undefined);
}

function isTold({
  term,
  seq,
  id,
  epoch,
  entry,
  state,
  response,
  error,
  verdict,
  to,
  from,
  tail,
}: Told): boolean {
  return (
    isText(term) &&
    isText(id) &&
    Number.isSafeInteger(seq) &&
    [epoch, to, from].every((text) => isTextOr(text, undefined)) &&
    (state === undefined || STATES.indexOf(state) >= 0) &&
    (response === undefined || (isText(response?.url) && isTextOr(response.type, null))) &&
    [error, verdict?.cause].every((one) => one === undefined || isText((one as EventStreamError)?.message)) &&
    (verdict === undefined || isText(verdict?.reason)) &&
    (entry === undefined || isEntry(entry)) &&
    (tail === undefined || (Array.isArray(tail) && tail.every(isEntry)))
  );
}

const STATES: readonly ConnectionState[] = ["connecting", "open", "waiting", "paused", "closed"];

function isEntry(entry: Entry | null): boolean {
  const { id, message } = Object(entry) as Entry;
  const { event, data, id: own } = Object(message) as Partial<ParsedMessage>;
  return isText(id) && (message === undefined || [event, data, own].every(isText));
}

function isTextOr(value: unknown, other: null | undefined): boolean {
  return value === other || isText(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
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
