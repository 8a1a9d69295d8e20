/**
 * Why did this subscriber not get that message? Looks at the message, and at each stream the subscriber has or had.
 */
import { parseCursor } from "../../log/cursor.ts";
import type { Entry, Log } from "../../log/log.ts";
import { EncodedEntry } from "../out/batch.ts";
import type { GapReason } from "../gaps/gap.ts";
import type { EarlierSelection, HubStream } from "../streams/hub-stream.ts";
import {
  selectorsOf,
  type TopicSelection,
  type TopicSelector,
  type MessageFilter,
} from "../topics/topic-selection.ts";
import type { StreamEnd } from "../streams/subscription.ts";
import type { ToldGap } from "../gaps/gap.ts";

export interface Inspection {
  /**
   * - `"retained"`: it was published, and is still in the log.
   * - `"discarded"`: it was published, and is no longer in the log.
   * - `"not-published"`: its offset is newer than the log.
   * - `"other-log"`: the id is of another log: its epoch is another one.
   * - `"not-an-id"`: no message of any log has such an id.
   */
  readonly message: "retained" | "discarded" | "not-published" | "other-log" | "not-an-id";
  /** Of a message that is retained. */
  readonly topic: string | undefined;
  readonly publishedAtMs: number | undefined;
  /** The newest first, at most 100. */
  readonly streams: readonly StreamInspection[];
  /** Names of processes that did not respond in time; empty without `everywhere`. */
  readonly silent: readonly string[];
}

export interface StreamInspection {
  /** The name of its process; undefined without `everywhere`. */
  readonly process: string | undefined;
  readonly subscriber: string | undefined;
  /** Its topics now, or when it ended. */
  readonly topics: readonly TopicSelector[];
  readonly openedAtMs: number;
  /** Undefined while it is open. */
  readonly endedAtMs: number | undefined;
  readonly end: StreamEnd | undefined;
  /**
   * - `"sent"`: written to the stream. For a discarded message: written, if the stream had selected it.
   * - `"waiting"`: not written yet, because the peer does not read, or the log is being read.
   * - `"not-selected"`, `"filtered"`: the stream did not select it, or its filter rejected it.
   * - `"before"`: it is older than the start of the stream.
   * - `"gap"`: it was reported to the stream as lost, see `reason`.
   * - `"after"`: the stream ended before it.
   */
  readonly verdict: (typeof VERDICTS)[number];
  readonly reason: GapReason | undefined;
  /** Bytes that were written to the stream and have not left this process. */
  readonly bufferedBytes: number;
}

const VERDICTS = ["sent", "waiting", "not-selected", "filtered", "before", "gap", "after"] as const;

export function isVerdict(value: unknown): value is StreamInspection["verdict"] {
  return VERDICTS.includes(value as never);
}

/** What is known of a stream, while it is open and for a while after. */
export interface StreamRecord {
  readonly subscriber: string | undefined;
  readonly selection: TopicSelection;
  readonly earlier: readonly EarlierSelection[];
  readonly filter: MessageFilter | undefined;
  readonly openedAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly end: StreamEnd | undefined;
  readonly startOffset: number;
  readonly offset: number;
  readonly gaps: readonly ToldGap[];
  readonly bufferedBytes: number;
}

const MOST_ENDED = 1_000;
const MOST_STREAMS = 100;

/** The streams that are over, the newest 1,000. */
export class EndedStreams {
  readonly #records: StreamRecord[] = [];
  #next = 0;

  add(record: StreamRecord): void {
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % MOST_ENDED;
  }

  [Symbol.iterator](): Iterator<StreamRecord> {
    return this.#records.values();
  }
}

export function recordOf(stream: HubStream, endedAtMs: number | undefined): StreamRecord {
  const { group, subscriber, openedAtMs, end, startOffset, offset, gaps = [], earlier = [], outlet } = stream;
  return {
    subscriber,
    selection: group.selection,
    earlier,
    filter: group.filter,
    openedAtMs,
    endedAtMs,
    end,
    startOffset,
    offset,
    gaps,
    bufferedBytes: endedAtMs === undefined ? outlet.bufferedBytes : 0,
  };
}

/** @param records - Streams that are open or were. */
export async function inspect(
  id: string,
  records: Iterable<StreamRecord>,
  log: Pick<Log, "read" | "head">,
  position: { readonly epoch: string; readonly head: number },
): Promise<Inspection> {
  const cursor = parseCursor(id);
  const none = { topic: undefined, publishedAtMs: undefined, streams: [], silent: [] };
  if (cursor === undefined || cursor.offset === 0) return { ...none, message: "not-an-id" };
  if (cursor.epoch !== position.epoch) return { ...none, message: "other-log" };
  if (cursor.offset > position.head) {
    // A process hears later of what it does not follow, of its own messages too.
    const { epoch, head } = await log.head();
    if (epoch !== cursor.epoch) return { ...none, message: "other-log" };
    if (cursor.offset > head) return { ...none, message: "not-published" };
  }
  const topics = { matches: () => true };
  const page = await log.read({ topics, after: cursor.offset - 1, maxMessages: 1, maxBytes: 1 });
  const [entry] = page.entries.filter(({ offset }) => offset === cursor.offset);
  const encoded = entry === undefined ? undefined : new EncodedEntry(position.epoch, entry);
  const streams = [...records]
    .sort((one, other) => other.openedAtMs - one.openedAtMs)
    .slice(0, MOST_STREAMS)
    .map((record) => inspectStream(record, cursor.offset, entry, encoded));
  return {
    message: entry === undefined ? "discarded" : "retained",
    topic: entry?.topic,
    publishedAtMs: entry?.atMs,
    streams,
    silent: [],
  };
}

function inspectStream(
  record: StreamRecord,
  offset: number,
  entry: Entry | undefined,
  encoded: EncodedEntry | undefined,
): StreamInspection {
  const { subscriber, selection, filter, openedAtMs, endedAtMs, end, startOffset, gaps, bufferedBytes } =
    record;
  const gap = gaps.find(
    ({ after, upTo, retainedSent }) =>
      offset > after && offset <= upTo && !(retainedSent && entry !== undefined),
  );
  let verdict: StreamInspection["verdict"];
  const selected = record.earlier.find(({ upTo }) => offset <= upTo)?.selection ?? selection;
  if (entry !== undefined && !selected.matches(entry.topic)) verdict = "not-selected";
  else if (offset <= startOffset) verdict = "before";
  else if (gap !== undefined) verdict = "gap";
  else if (encoded !== undefined && filter !== undefined && !filter(encoded.message, encoded.topic))
    verdict = "filtered";
  else if (offset <= record.offset) verdict = "sent";
  else verdict = end === undefined ? "waiting" : "after";
  return {
    process: undefined,
    subscriber,
    topics: selectorsOf(selection),
    openedAtMs,
    endedAtMs,
    end,
    verdict,
    reason: verdict === "gap" ? gap?.reason : undefined,
    bufferedBytes,
  };
}
