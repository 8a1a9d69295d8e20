/**
 * What streams get that have fallen behind what is recent: pages of the log. A page becomes its messages, with a gap event
 * in its place where some are lost, with the application's state behind it; or, where the application said so for slow
 * readers, the newest message of each key. One page is held per stream at most, and streams at the same place share theirs.
 */
import { ask } from "../../guard/foreign.ts";
import { formatCursor } from "../../log/cursor.ts";
import { Conflation, type SlowPolicy } from "../entries/conflation.ts";
import type { GapReason } from "../gaps/gap.ts";
import { countGap } from "../observe/hub-stats.ts";
import type { AskState, HubLink, HubStream, StreamGroup } from "../streams/hub-stream.ts";
import { Batch, EncodedEntry } from "../out/batch.ts";
import type { LoggedPage } from "../entries/page-reader.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import { encodeGap, planResume } from "../gaps/resume-plan.ts";
import type { StreamEnd } from "../streams/subscription.ts";

export interface BacklogOptions {
  readonly recent: RecentEntries<StreamGroup>;
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
  /** The page that the batch is: others that stand there get the same as long as it is held. */
  readonly page?: LoggedPage;
  /** The stream ends behind it. */
  readonly end: StreamEnd | undefined;
}

export class Backlog {
  readonly #options: BacklogOptions;
  /** Streams that wait for the application's snapshot after a gap. */
  readonly #asking = new Map<HubStream, AbortController>();
  /** Streams whose log was replaced, and the cursor that they had. */
  readonly #replaced = new Map<HubStream, string>();

  constructor(options: BacklogOptions) {
    this.#options = options;
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

  /** Whether a stream still has to get the gap for a replaced log. */
  hasToRestart(stream: HubStream): boolean {
    return this.#replaced.size > 0 && this.#replaced.has(stream);
  }

  /** The stream is over. */
  forget(stream: HubStream): void {
    this.#replaced.delete(stream);
    this.#asking.get(stream)?.abort();
    this.#asking.delete(stream);
  }

  /**
   * Begins to gather what a slow reader gets instead of everything.
   * @returns Whether the application wants that at all. Then pages have to be read.
   */
  conflate(stream: HubStream): boolean {
    const { slowPolicyOf, recent } = this.#options;
    if (slowPolicyOf === undefined) return false;
    stream.conflation = new Conflation(slowPolicyOf, stream.offset, recent.head);
    return true;
  }

  /**
   * Takes the page that was read for a stream, and moves its cursor behind it.
   * @returns What to write; `"read-on"` when more has to be read first, undefined while the application decides.
   * @throws What the filter of the subscription throws.
   */
  take(stream: HubStream): Delivery | "read-on" | undefined {
    const page = stream.page!;
    stream.page = undefined;
    if (page instanceof Batch) {
      stream.offset = page.upTo;
      return { batch: page, end: undefined };
    }
    return stream.conflation === undefined
      ? this.#resume(stream, page)
      : this.#gather(stream, stream.conflation, page);
  }

  #resume(stream: HubStream, page: LoggedPage): Delivery | undefined {
    const { recent, counters } = this.#options;
    const replaced = this.#replaced.get(stream);
    this.#replaced.delete(stream);
    const reason: GapReason = replaced === undefined ? "slow" : "epoch";
    const askState = stream.onGap === "live" ? stream.askState : undefined;
    const position = {
      from: replaced ?? formatCursor(recent.epoch, stream.offset),
      after: stream.offset,
      lossToldUpTo: stream.lossToldUpTo,
      onGap: stream.onGap,
      snapshot: askState !== undefined,
    };
    const plan = planResume(position, page, recent, reason);
    stream.lossToldUpTo = plan.lossToldUpTo;
    if (plan.gap === undefined) {
      stream.offset = plan.upTo;
      return { batch: page.batch.length === 0 ? undefined : page.batch, page, end: undefined };
    }
    stream.rememberGap(plan.told!);
    countGap(counters, stream, reason);
    if (askState !== undefined) {
      this.#askState(stream, plan.gap, plan.upTo, askState);
      return undefined;
    }
    stream.offset = plan.upTo;
    const content = { messages: 0, lastOffset: plan.gapOffset ?? 0, upTo: plan.upTo, toAll: false };
    return { batch: new Batch([plan.gap], content), end: plan.fails ? "gap" : undefined };
  }

  /** A subscriber with a gap gets the state behind it. Nothing else is written to the stream until the application has given it. */
  #askState(stream: HubStream, gap: Uint8Array, offset: number, askState: AskState): void {
    const { hub, recent } = this.#options;
    const { epoch } = recent;
    const controller = new AbortController();
    this.#asking.set(stream, controller);
    stream.reading = true;
    const settled = (state: Uint8Array[] | undefined, error: unknown): void => {
      stream.reading = false;
      this.#asking.delete(stream);
      if (stream.end !== undefined) return;
      if (state === undefined) return hub.end(stream, "failed", error);
      const content = { messages: 0, lastOffset: offset, upTo: offset, toAll: false };
      // Where the log was replaced meanwhile, the stream begins anew.
      if (epoch === recent.epoch) stream.page = new Batch([gap, ...state], content);
      hub.wake(stream);
    };
    ask(
      () => askState(offset, controller.signal),
      (state) => settled(state, undefined),
      (error) => settled(undefined, error),
    );
  }

  #gather(stream: HubStream, conflation: Conflation, page: LoggedPage): Delivery | "read-on" | undefined {
    const { recent, counters, writeBytes } = this.#options;
    if (page.lostThrough > Math.max(conflation.upTo, stream.lossToldUpTo)) {
      conflation.dropped = true;
      conflation.lost = true;
    }
    stream.lossToldUpTo = Math.max(stream.lossToldUpTo, page.lostThrough);
    for (const entry of this.#wanted(stream, page.entries)) {
      if (!conflation.add(entry)) {
        return { batch: undefined, end: "slow" };
      }
    }
    conflation.upTo = page.through;
    // What all keys together need is bounded like everything else: the rest follows when this was taken.
    if (conflation.upTo < conflation.target && conflation.bytes < writeBytes * 16) return "read-on";
    stream.conflation = undefined;
    const { entries, dropped, lost, upTo } = conflation;
    let gap: Uint8Array | undefined;
    if (dropped) {
      stream.rememberGap({ after: stream.offset, upTo, reason: "slow", retainedSent: false });
      countGap(counters, stream, "slow");
      const from = formatCursor(recent.epoch, stream.offset);
      // Without an id: a subscriber that is cut off behind it returns to where the gap began.
      gap = encodeGap({ from, to: formatCursor(recent.epoch, upTo), reason: "slow" }, undefined);
      if (stream.onGap === "fail") return { batch: Batch.of(gap), end: "gap" };
      // The newest of each key is the state, unless some of that was discarded before it was read.
      if (lost && stream.onGap === "live" && stream.askState !== undefined) {
        this.#askState(stream, gap, upTo, stream.askState);
        return undefined;
      }
    }
    stream.offset = upTo;
    const batch = Batch.join(entries, upTo, { gap, gapOffset: undefined });
    return { batch: batch.length === 0 ? undefined : batch, end: undefined };
  }

  *#wanted(
    { group: { filter, envelope } }: HubStream,
    entries: LoggedPage["entries"],
  ): Generator<EncodedEntry> {
    const { epoch } = this.#options.recent;
    for (const entry of entries) {
      const encoded = new EncodedEntry(epoch, entry);
      if (filter !== undefined && !filter(encoded.message, encoded.topic)) continue;
      yield envelope ? encoded.enveloped : encoded;
    }
  }
}
