/**
 * Reads the log for those that stand further back than what is recent: subscribers that return, and slow readers. Equal reads
 * are one, what was read lately is kept, and few reads are under way at once, so that thousands that return together cost the
 * log, the memory and the event loop about as much as one.
 */
import { ask } from "../../guard/foreign.ts";
import type { Entry, Log } from "../../log/log.ts";
import { Batch, EncodedEntry } from "../out/batch.ts";
import type { Timed, TimerWheel } from "../time/timer-wheel.ts";
import type { TurnGate } from "../time/turn-gate.ts";
import type { TopicSelection, MessageFilter } from "../topics/topic-selection.ts";
import { FailedRead } from "./failed-read.ts";

/** Who reads: equal subscriptions. */
export interface ReadingGroup {
  readonly selection: TopicSelection;
  readonly filter: MessageFilter | undefined;
  /** Whether it gets the topics in the data. */
  readonly envelope?: boolean | undefined;
}

/** A page of the log as a group gets it. */
export interface LoggedPage {
  /** Everything selected up to this offset is in the page, or lost. */
  readonly through: number;
  /** The newest selected offset that is discarded. */
  readonly lostThrough: number;
  /** All of them only where the options say so. Otherwise the first, without its body: its place is what is asked for. */
  readonly entries: readonly Entry[];
  /** The messages of the page that the filter lets through, in one batch for all. */
  readonly batch: Batch;
}

export interface PageReaderOptions {
  readonly recent: { readonly epoch: string };
  readonly log: Pick<Log, "read">;
  /** Bytes of one page at most, but for a message that alone is larger. */
  readonly writeBytes: number;
  /** Bytes of one message at most. */
  readonly messageBytes: number;
  /** Whether pages keep what the log gave beside their batch. */
  readonly keepsEntries: boolean;
  /** Bytes of all pages that are being read. */
  readonly readBytes: number;
  readonly wheel: TimerWheel;
  /** What the streams that open pass. */
  readonly openings: TurnGate;
}

/** Reads of the log under way at once, where their bytes allow as many. Further ones wait for their turn. */
const MOST_READS = 64;
const PAGE_MESSAGES = 1_000;
/** What is kept of what was read: at most this many bytes, for at most this long. */
const MOST_KEPT_BYTES = 4 * 2 ** 20;
const KEPT_MS = 10_000;
/** Pages that are found again as long as somebody holds them: those that wait for slow readers. */
const MOST_FOUND = 4_096;

export class PageReader implements Timed {
  dueTick = 0;
  readonly #options: PageReaderOptions;
  readonly #mostReads: number;
  #reads = 0;
  readonly #waiting: (() => void)[] = [];
  /** What is being read, by group and offset. */
  readonly #reading = new Map<ReadingGroup, Map<number, Promise<LoggedPage>>>();
  readonly #found = new Map<ReadingGroup, Map<number, WeakRef<LoggedPage>>>();
  #foundSize = 0;
  /** Held here, so that it can be found though nobody else holds it: the newest last. */
  readonly #kept = new Set<LoggedPage>();
  #keptBytes = 0;

  constructor(options: PageReaderOptions) {
    this.#options = options;
    const { readBytes, writeBytes, messageBytes } = options;
    // Where a message may be of any size, nothing can be said about its page.
    const pageBytes = messageBytes === Infinity ? writeBytes : Math.max(writeBytes, messageBytes);
    const fitting = Math.floor(readBytes / pageBytes);
    this.#mostReads = Math.max(1, Math.min(MOST_READS, fitting));
  }

  /** Reads the page after an offset. Rejects with a {@link FailedRead} where the log rejects, or the filter throws. */
  read(group: ReadingGroup, after: number): Promise<LoggedPage> {
    return this.#known(group, after) ?? this.#begin(group, after);
  }

  /**
   * The same for a stream that opens. Where many wait for one page, all of them would be opened, and written to, in the turn of the
   * event loop in which it comes.
   */
  readFirst(group: ReadingGroup, after: number): Promise<LoggedPage> {
    const known = this.#known(group, after);
    return known === undefined ? this.#begin(group, after) : this.#inTurn(known);
  }

  async #inTurn(known: Promise<LoggedPage>): Promise<LoggedPage> {
    const page = await known;
    await this.#options.openings.pass();
    return page;
  }

  #known(group: ReadingGroup, after: number): Promise<LoggedPage> | undefined {
    const found = this.#found.get(group)?.get(after)?.deref();
    return found === undefined ? this.#reading.get(group)?.get(after) : Promise.resolve(found);
  }

  #begin(group: ReadingGroup, after: number): Promise<LoggedPage> {
    const reading = this.#read(group, after);
    put(this.#reading, group, after, reading);
    // A page that was asked for before the log was replaced is none of the new one.
    const isCurrent = (): boolean => this.#reading.get(group)?.get(after) === reading;
    ask(
      () => reading,
      (page) => {
        if (!isCurrent()) return;
        take(this.#reading, group, after);
        this.#keep(group, after, page);
      },
      () => {
        if (isCurrent()) take(this.#reading, group, after);
      },
    );
    return reading;
  }

  /** Forgets what was read, because another log has replaced this one. */
  forget(): void {
    this.#reading.clear();
    this.#found.clear();
    this.#foundSize = 0;
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  /** @internal Called by the timer wheel. */
  onDue(): undefined {
    this.#kept.clear();
    this.#keptBytes = 0;
    return undefined;
  }

  async #read({ selection, filter, envelope }: ReadingGroup, after: number): Promise<LoggedPage> {
    if (this.#reads < this.#mostReads) this.#reads += 1;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      const { log, writeBytes, recent, keepsEntries } = this.#options;
      const { epoch } = recent;
      const page = await log.read({
        topics: selection,
        after,
        maxMessages: PAGE_MESSAGES,
        maxBytes: writeBytes,
      });
      const { entries, through, lostThrough } = page;
      const encoded = entries.map((entry) => new EncodedEntry(epoch, entry));
      const wanted =
        filter === undefined ? encoded : encoded.filter(({ message, topic }) => filter(message, topic));
      const seen = envelope ? wanted.map(({ enveloped }) => enveloped) : wanted;
      const kept = keepsEntries ? entries : entries.slice(0, 1).map((entry) => ({ ...entry, body: NO_BODY }));
      return { through, lostThrough, entries: kept, batch: Batch.join(seen, through, NOTHING_LEADING) };
    } catch (error) {
      throw new FailedRead(error);
    } finally {
      // The place goes to the next that waits, before another can take it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#reads -= 1;
      else next();
    }
  }

  #keep(group: ReadingGroup, after: number, page: LoggedPage): void {
    const { length } = page.batch;
    // The end of the log is read again and again, and each time there may be more.
    if (length < this.#options.writeBytes / 2) return;
    if (this.#foundSize >= MOST_FOUND) {
      this.#found.clear();
      this.#foundSize = 0;
    }
    this.#foundSize += 1;
    put(this.#found, group, after, new WeakRef(page));
    this.#kept.add(page);
    this.#keptBytes += length;
    for (const oldest of this.#kept) {
      if (this.#keptBytes <= MOST_KEPT_BYTES) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= oldest.batch.length;
    }
    if (this.dueTick === 0) this.#options.wheel.add(this, KEPT_MS);
  }
}

function put<Value>(
  all: Map<ReadingGroup, Map<number, Value>>,
  group: ReadingGroup,
  after: number,
  value: Value,
): void {
  let values = all.get(group);
  if (values === undefined) {
    values = new Map();
    all.set(group, values);
  }
  values.set(after, value);
}

function take(all: Map<ReadingGroup, Map<number, unknown>>, group: ReadingGroup, after: number): void {
  const values = all.get(group);
  values?.delete(after);
  if (values?.size === 0) all.delete(group);
}

const NO_BODY = new Uint8Array(0);
const NOTHING_LEADING = { gap: undefined, gapOffset: undefined };
