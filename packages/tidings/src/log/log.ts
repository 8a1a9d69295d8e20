/**
 * The log: what was published, in one order, for as long as it is retained.
 * Live delivery, replay, slow readers and restarts are all "read the log from the cursor"; nothing else keeps messages.
 *
 * One log serves all topics of a hub, with one sequence of offsets. A stream of many topics so has one cursor, which fits
 * in one `id`, orders everything it sees, and stays exact whatever it selects: a topic is an index into the log, not a log
 * of its own. Retention may differ by topic; the log remembers for each topic how far it was discarded, so that a
 * subscriber gets a gap exactly when something it selected is gone, never because of a busier topic.
 *
 * Any implementation passes `describeLog` of contract.ts.
 * This module is browser compatible.
 */

export interface Log {
  /**
   * Milliseconds after which the caller of a method gets a LogError `failed`, if the call has not settled. Default: 30,000, for a log
   * that is not of this package. What an append that took longer does is not known. Calls that never settle hold 64 MiB at most of
   * each method; further ones get a LogError `busy`.
   */
  readonly deadlineMs?: number;
  /**
   * Opens the log, creating it with a random epoch when there is none, and starts its tail.
   * Called once, before anything else.
   */
  open(options: OpenLogOptions): Promise<LogPosition>;
  /**
   * Appends all of `drafts` or none, at consecutive offsets. Resolves when they are as safe as this log makes them.
   * @throws {LogError} `full`, `busy`, `closed` or `failed`: nothing was appended, unless it says otherwise.
   * @throws {RangeError} If there are no drafts, or one is larger than this log can take.
   */
  append(drafts: readonly Draft[], options?: AppendOptions): Promise<Appended>;
  /**
   * Only of a log that is kept in a database of the application. Appends all of `drafts`, next to each other, if and only if a
   * transaction of the application commits. Resolves when they are part of the transaction: where they will be is not known then.
   * @throws {TypeError} If it is not a transaction. @throws What the database says: then the transaction cannot commit.
   */
  enlist?(transaction: unknown, drafts: readonly Draft[], options?: AppendOptions): Promise<void>;
  /** Reads forward from a position. Costs what it returns, not what lies between. */
  read(request: ReadRequest): Promise<Page>;
  /** Where the log is now. Costs little, however much is retained. Called for returning subscribers. */
  head(): Promise<LogPosition>;
  /** How much is retained now. */
  stats(): Promise<LogStats>;
  /**
   * How long it remembers idempotency keys, in milliseconds, with this retention. A log that does not say it is taken to remember
   * them long enough.
   */
  keyAgeMs?(retention: Pick<Retention, "ageMs">): number;
  /**
   * Only of a log whose tail hands on what is followed; without it, the tail hands on everything.
   * Has the tail hand on topics, or all of them. A topic is followed until {@link unfollow} was called as often.
   * @returns An offset: everything of these topics after it is handed on.
   */
  follow?(topics: Followed): Promise<number>;
  /** The tail need not hand these on any more, though it may. */
  unfollow?(topics: Followed): void;
  /**
   * Stops the tail; appends under way are settled first. The log may be opened again by another instance. What waits for it gives up
   * after fifteen seconds.
   */
  close(): Promise<void>;
}

/** Topics by name, or all there are: what patterns need. */
export type Followed = readonly string[] | "all";

export interface OpenLogOptions {
  readonly retention: Retention;
  /** The tail: what is appended after the position that `open` gave, by any process. In one process it is called before `append` resolves. */
  readonly onTail: (tail: Tail) => void;
  /**
   * The log was replaced by another one while it was open: its storage lost everything, say. Offsets begin anew, under another
   * epoch, and the tail goes on after `position`. Called before an append to the new log resolves.
   */
  readonly onReset?: ((position: LogPosition) => void) | undefined;
  /**
   * The tail is interrupted, or goes on after an interruption. The log takes it up again by itself, and then hands on what
   * came meanwhile, or says what it cannot. Not called for the first time with `"following"`.
   */
  readonly onState?: ((state: TailState) => void) | undefined;
  /** Receives errors that no call can report: one for each interruption of the tail, and what `onTail` throws. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export type TailState = "following" | "interrupted";

/** A part of the tail. Offsets that are missing between `after` and `through` are of topics that are not followed. */
export interface Tail {
  /** The `through` of the part before. When it is above that, what lies between was not handed on, and has to be read. */
  readonly after: number;
  /** Everything that is followed, up to this offset, was handed on. */
  readonly through: number;
  /** In the order of their offsets; may be none. */
  readonly entries: readonly Entry[];
}

/** Bounds of the whole log: an entry is discarded, oldest first, when any of them is passed. */
export interface Retention {
  readonly messages: number;
  /** Bytes of the entries' bodies. */
  readonly bytes: number;
  readonly ageMs: number;
  /** Tighter bounds for one topic, each optional. Called once per topic. */
  forTopic?(topic: string): Partial<TopicRetention> | undefined;
}

/** Bounds of one topic, within those of the log. */
export interface TopicRetention {
  readonly messages: number;
  readonly bytes: number;
  readonly ageMs: number;
}

/** What is to be appended. */
export interface Draft {
  readonly topic: string;
  /** Event stream text without an `id` line, ending with the blank line. Not to be changed afterwards. */
  readonly body: Uint8Array;
  /** What a newer entry of the same topic and key replaces, for readers that want only the newest. */
  readonly key?: string;
}

/** What was appended. */
export interface Entry extends Draft {
  /** 1, 2, 3… in the order of the log, without holes. */
  readonly offset: number;
  /** When it was appended, in milliseconds since 1970; never less than that of the entry before. */
  readonly atMs: number;
}

export interface AppendOptions {
  /**
   * A second append with the same key to the same topics appends nothing and returns what the first one did. Remembered for
   * a while; see the log.
   */
  readonly idempotencyKey?: string | undefined;
}

export interface Appended {
  /** The offset of the first draft; the others follow it, unless there are `offsets`. */
  readonly first: number;
  readonly last: number;
  /** Of each draft, where other processes have appended between them. Only of a log without atomic batches. */
  readonly offsets?: readonly number[];
  /** Whether these are the offsets of an earlier append with the same idempotency key. */
  readonly repeated: boolean;
}

export interface LogPosition {
  /** Random when the log was created: letters, digits, `-` and `_`, at most 64. Offsets of another epoch mean nothing here. */
  readonly epoch: string;
  /** The newest offset, 0 when nothing was ever appended. */
  readonly head: number;
}

/** The topics that a reader wants. */
export interface Selection {
  /** Topics by name. Without `prefixes`, all that it can match. */
  readonly exact?: readonly string[];
  /** Every topic that it matches is in `exact` or begins with one of these, so that the others need not be looked at. */
  readonly prefixes?: readonly string[];
  readonly matches: (topic: string) => boolean;
  /**
   * What `matches` has cost so far, in characters, of which a million take some 10 ms. A log that asks it about many topics divides
   * its work by that, since a client may choose patterns for their cost.
   */
  readonly steps?: () => number;
}

/** Whether a selection has no patterns. */
export function isByName(topics: Selection): topics is Selection & { readonly exact: readonly string[] } {
  return topics.exact !== undefined && topics.prefixes === undefined;
}

export interface ReadRequest {
  readonly topics: Selection;
  /** The offset that was read last; 0 reads from the beginning. */
  readonly after: number;
  /** Entries at most, 1 or more. */
  readonly maxMessages: number;
  /** Bytes of bodies at most; the first entry is returned even when it alone is larger. */
  readonly maxBytes: number;
}

export interface Page {
  readonly entries: readonly Entry[];
  /** Everything selected up to this offset was returned or is lost: where to read on. At the end, the log's newest offset. */
  readonly through: number;
  /** The newest offset that may have been selected and is discarded. When it is above `after`, the reader has a gap. */
  readonly lostThrough: number;
  /** The log's newest offset when it was read, from logs that say it: where `through` has reached it, nothing is left to read. */
  readonly head?: number;
  /**
   * What time it was for the log when it was read, in milliseconds since 1970: that of which `atMs` of an entry that is appended then
   * is made, so that the difference is the age of an entry. Not before `atMs` of any entry of the page. Default: readers take the
   * clock of their machine, which may be another one.
   */
  readonly nowMs?: number;
}

export interface LogStats extends LogPosition {
  /** The oldest retained offset, 0 when nothing is retained. */
  readonly oldest: number;
  readonly messages: number;
  readonly bytes: number;
  /** Topics with a retained entry. Undefined where they are not counted. */
  readonly topics: number | undefined;
}

/**
 * An append or a read that a program can recover from.
 * `full`: no room on disk or in its map. `busy`: too much is waiting to be written; try again. `closed`: the log was closed.
 * `clock`: reported to `onError` alone; the time of this machine jumped. `failed`: anything else, with its `cause`.
 */
export class LogError extends Error {
  readonly code: "full" | "busy" | "closed" | "clock" | "failed";

  constructor(code: LogError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LogError";
    this.code = code;
  }
}
