/**
 * What streams get that have fallen behind what is recent: pages of the log. A page becomes its messages, with a gap event
 * first where some are lost; or, where the application said so for slow readers, the newest message of each key.
 * Few pages are read at once, and one is held per stream at most.
 */
import { formatCursor } from "../../log/cursor.ts";
import type { Log, Page } from "../../log/log.ts";
import { Conflation, type SlowPolicy } from "../entries/conflation.ts";
import { batchOf, EncodedEntry } from "../entries/encoded-entry.ts";
import { encodeGap, type GapReason } from "../gaps/gap.ts";
import { countGap } from "../observe/hub-stats.ts";
import type { StreamGroup, HubStream } from "../streams/hub-stream.ts";
import type { Batch } from "../out/batch.ts";
import type { HubLink } from "../streams/hub-link.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import { planResume } from "../gaps/resume-plan.ts";
import type { StreamEnd } from "../streams/subscription.ts";

export interface BacklogOptions {
  readonly recent: RecentEntries<StreamGroup>;
  readonly log: Pick<Log, "read">;
  /** Bytes of one page at most, but for a message that alone is larger. */
  readonly writeBytes: number;
  readonly counters: { readonly gaps: Record<GapReason, number> };
  /** What slow readers of a topic get; absent, all of them everything. */
  readonly slowPolicyOf?: ((topic: string) => SlowPolicy) | undefined;
  readonly hub: HubLink;
}

/** What a page becomes. */
export interface Delivery {
  /** To be written now; absent when the page held nothing for the stream. */
  readonly batch: Batch | undefined;
  /** The stream ends behind it. */
  readonly end: StreamEnd | undefined;
}

/** Reads of the log under way at once; further streams wait for their turn. */
const MOST_READS = 64;
const PAGE_MESSAGES = 1_000;

export class Backlog {
  readonly #options: BacklogOptions;
  #reads = 0;
  #waiting: HubStream[] = [];
  /** Streams whose log was replaced, and the cursor that they had. */
  readonly #replaced = new Map<HubStream, string>();

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** Reads the next page for a stream. Nothing is to be written to it until that is there. */
  read(stream: HubStream): void {
    stream.reading = true;
    if (this.#reads >= MOST_READS) {
      this.#waiting.push(stream);
      return;
    }
    this.#reads += 1;
    const { log, writeBytes, hub, recent } = this.#options;
    const { epoch } = recent;
    const { selection: topics } = stream.group;
    const after = stream.conflation?.upTo ?? stream.offset;
    log.read({ topics, after, maxMessages: PAGE_MESSAGES, maxBytes: writeBytes }).then(
      (page) => {
        // A page of a log that was replaced meanwhile is of no use.
        if (stream.end === undefined && epoch === recent.epoch) stream.page = page;
        this.#readDone(stream);
        if (stream.end === undefined) hub.wake(stream);
      },
      (error: unknown) => {
        this.#readDone(stream);
        if (stream.end === undefined) hub.end(stream, "failed", error);
      },
    );
  }

  /** The log was replaced by another one, in which the stream has to begin anew. @param from - The cursor it had. */
  restart(stream: HubStream, from: string): void {
    if (!this.#replaced.has(stream)) this.#replaced.set(stream, from);
    stream.page = undefined;
    stream.conflation = undefined;
    stream.offset = 0;
    stream.sentOffset = 0;
    stream.lossToldUpTo = 0;
    stream.caughtUp = false;
  }

  /** Whether a stream has yet to be told that the log was replaced. */
  hasToRestart(stream: HubStream): boolean {
    return this.#replaced.size > 0 && this.#replaced.has(stream);
  }

  /** The stream is over. */
  forget(stream: HubStream): void {
    this.#replaced.delete(stream);
  }

  /** Begins to gather what a slow reader gets instead of everything. @returns Whether the application wants that at all. */
  conflate(stream: HubStream): boolean {
    const { slowPolicyOf, recent } = this.#options;
    if (slowPolicyOf === undefined) return false;
    stream.conflation = new Conflation(slowPolicyOf, stream.offset, recent.head);
    this.read(stream);
    return true;
  }

  /**
   * Takes the page that was read for a stream, and moves its cursor behind it.
   * @returns What to write; undefined while more has to be read first.
   * @throws What the filter of the subscription throws.
   */
  take(stream: HubStream): Delivery | undefined {
    const page = stream.page!;
    stream.page = undefined;
    return stream.conflation === undefined
      ? this.#resume(stream, page)
      : this.#gather(stream, stream.conflation, page);
  }

  #resume(stream: HubStream, page: Page): Delivery {
    const { recent, counters } = this.#options;
    const replaced = this.#replaced.get(stream);
    this.#replaced.delete(stream);
    const reason: GapReason = replaced === undefined ? "slow" : "epoch";
    const position = {
      from: replaced ?? formatCursor(recent.epoch, stream.offset),
      after: stream.offset,
      lossToldUpTo: stream.lossToldUpTo,
      onGap: stream.onGap,
    };
    const plan = planResume(position, page, recent, reason);
    const entries = [...this.#wanted(stream, plan.entries)];
    stream.offset = plan.upTo;
    stream.lossToldUpTo = plan.lossToldUpTo;
    if (plan.told !== undefined) {
      stream.tell(plan.told);
      countGap(counters, stream, reason);
    }
    const batch = batchOf(entries, plan.upTo, { gap: plan.gap, gapOffset: plan.gapOffset });
    return { batch: batch.length === 0 ? undefined : batch, end: plan.fails ? "gap" : undefined };
  }

  #gather(stream: HubStream, conflation: Conflation, page: Page): Delivery | undefined {
    const { recent, counters, writeBytes } = this.#options;
    if (page.lostThrough > Math.max(conflation.upTo, stream.lossToldUpTo)) conflation.dropped = true;
    stream.lossToldUpTo = Math.max(stream.lossToldUpTo, page.lostThrough);
    for (const entry of this.#wanted(stream, page.entries)) {
      if (!conflation.add(entry)) {
        return { batch: undefined, end: "slow" };
      }
    }
    conflation.upTo = page.through;
    // What all keys together need is bounded like everything else: the rest follows when this was taken.
    if (conflation.upTo < conflation.target && conflation.bytes < writeBytes * 16) {
      this.read(stream);
      return undefined;
    }
    stream.conflation = undefined;
    const { entries, dropped, upTo } = conflation;
    let gap: Uint8Array | undefined;
    if (dropped) {
      stream.tell({ after: stream.offset, upTo, reason: "slow", retainedSent: false });
      countGap(counters, stream, "slow");
      const from = formatCursor(recent.epoch, stream.offset);
      // Without an id: whoever is cut off behind it comes back to where the gap began.
      gap = encodeGap({ from, to: formatCursor(recent.epoch, upTo), reason: "slow" }, undefined);
    }
    stream.offset = upTo;
    const batch = batchOf(entries, upTo, { gap, gapOffset: undefined });
    return { batch: batch.length === 0 ? undefined : batch, end: undefined };
  }

  *#wanted({ group: { filter } }: HubStream, entries: Page["entries"]): Generator<EncodedEntry> {
    const { epoch } = this.#options.recent;
    for (const entry of entries) {
      const encoded = new EncodedEntry(epoch, entry);
      if (filter === undefined || filter(encoded.message, encoded.topic)) yield encoded;
    }
  }

  #readDone(stream: HubStream): void {
    this.#reads -= 1;
    stream.reading = false;
    while (this.#reads < MOST_READS) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.end === undefined) this.read(next);
    }
  }
}
