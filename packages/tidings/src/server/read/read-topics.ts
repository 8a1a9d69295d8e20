/**
 * Reads topics in this process, as a subscriber does over the network: from a cursor on, in order, once, with a gap where
 * messages are lost. The reader sets the pace, and only its cursor is kept.
 */
import { checkSignal } from "../../guard/check-signal.ts";
import { show } from "../../guard/show.ts";
import { formatCursor, parseCursor } from "../../log/cursor.ts";
import type { Log } from "../../log/log.ts";
import { createReader } from "../../wire/reader.ts";
import { EncodedEntry } from "../out/batch.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import type { GapReason } from "../gaps/gap.ts";
import { planResume } from "../gaps/resume-plan.ts";
import type { StreamGroup } from "../streams/hub-stream.ts";
import { readRoutes } from "../streams/subscriber-group.ts";
import type { SubscriberGroups } from "../streams/subscriber-groups.ts";
import { topicOfPresence } from "../topics/reserved-topics.ts";
import type { TopicSelection, TopicSelector } from "../topics/topic-selection.ts";
import type { WaitingReader, WaitingReaders } from "./waiting-readers.ts";

export interface ReadTopicsOptions {
  /** One or more topics; `{ pattern }` for all that match it. */
  readonly topics: readonly TopicSelector[];
  /** The cursor to continue from: the `id` of the last message that was handled. Default: none. */
  readonly after?: string | undefined;
  /** Where a reader without a cursor starts. Default: `"live"`. */
  readonly from?: "live" | "earliest";
  /** What follows a gap: messages published from now on, or everything retained. Default: `"live"`. */
  readonly onGap?: "live" | "earliest";
  /** Ends the loop, which throws its reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** A message, or a gap: `event` is `"gap"` then, `topic` is `""`, and `data` says what is lost, as subscribers get it. */
export interface TopicMessage {
  /** The cursor, for `after`. */
  readonly id: string;
  readonly topic: string;
  /** The event type, `"message"` when it has none. */
  readonly event: string;
  /** The data, as text. */
  readonly data: string;
}

/** What of a hub is read. */
export interface ReadableHub {
  readonly recent: RecentEntries<StreamGroup>;
  readonly groups: SubscriberGroups;
  readonly readers: WaitingReaders;
  /** No more will be published. */
  readonly drained: boolean;
}

const PAGE_MESSAGES = 256;
const PAGE_BYTES = 65_536;

/** @param signal - Ends it; that of the options was asked by the caller. */
export async function* readTopics(
  hub: ReadableHub,
  log: Pick<Log, "read" | "head">,
  selection: TopicSelection,
  { after = "", from = "live", onGap = "live" }: ReadTopicsOptions,
  signal: AbortSignal,
): AsyncGenerator<TopicMessage, undefined, undefined> {
  const { recent } = hub;
  let { epoch } = recent;
  let wake: (() => void) | undefined;
  let woken = false;
  const onWake = (): void => {
    woken = true;
    wake?.();
  };
  const reader: WaitingReader = {
    selection,
    wake: onWake,
    get awake() {
      return woken;
    },
  };
  const group = hub.groups.acquire(selection);
  hub.readers.add(reader);
  signal.addEventListener("abort", onWake);
  try {
    const given = after === "" ? undefined : parseCursor(after);
    const isOurs =
      given?.epoch === recent.epoch &&
      (given.offset <= recent.head || given.offset <= (await log.head()).head);
    /** The cursor to say that of, when it belongs to another log. */
    let foreign = after === "" || isOurs ? undefined : after;
    let at = isOurs ? given.offset : 0;
    if (after === "" && from === "live") at = recent.head;
    // A reader that begins with the earliest has never had what came before it.
    let lossToldUpTo = after === "" ? Infinity : 0;
    for (;;) {
      signal.throwIfAborted();
      woken = false;
      if (recent.epoch !== epoch) {
        // Another log has replaced the one before.
        foreign ??= formatCursor(epoch, at);
        epoch = recent.epoch;
        at = lossToldUpTo = 0;
      }
      const isRecent = foreign === undefined && group.routes.every(({ floor }) => at >= floor);
      if (isRecent) {
        if (at >= recent.head) {
          if (hub.drained) return undefined;
          await nextWake();
          continue;
        }
        const { entries, upTo } = readRoutes(group.routes, group, at, recent.head, PAGE_BYTES);
        for (const { topic, message } of entries) {
          yield { ...message, topic: topicOfPresence(topic) ?? topic };
          signal.throwIfAborted();
        }
        at = upTo;
      } else {
        if (hub.drained) return undefined;
        const page = await log.read({
          topics: selection,
          after: at,
          maxMessages: PAGE_MESSAGES,
          maxBytes: PAGE_BYTES,
        });
        if (recent.epoch !== epoch) continue;
        if (lossToldUpTo === Infinity) lossToldUpTo = page.lostThrough;
        const position = {
          from: foreign ?? formatCursor(epoch, at),
          after: at,
          lossToldUpTo,
          onGap,
        };
        const reason: GapReason = foreign === undefined ? "retention" : "epoch";
        const plan = planResume(position, page, recent, reason);
        foreign = undefined;
        const entries = plan.gap === undefined ? page.entries : [];
        if (plan.gap !== undefined) {
          for (const message of createReader().read(plan.gap)) yield { ...message, topic: "" };
        }
        for (const entry of entries) {
          const { topic } = entry;
          yield { ...new EncodedEntry(epoch, entry).message, topic: topicOfPresence(topic) ?? topic };
          signal.throwIfAborted();
        }
        // Nothing new, and what comes is not handed on yet: told when it is.
        const isIdle = plan.gap === undefined && entries.length === 0 && plan.upTo <= at;
        at = plan.upTo;
        lossToldUpTo = plan.lossToldUpTo;
        if (isIdle) await nextWake();
      }
    }
  } finally {
    hub.readers.remove(reader);
    hub.groups.release(group);
    signal.removeEventListener("abort", onWake);
  }

  async function nextWake(): Promise<void> {
    if (!woken) await new Promise<void>((resolve) => (wake = resolve));
    wake = undefined;
  }
}

/** @throws {TypeError} If an option makes no sense. */
export function checkReadOptions(options: ReadTopicsOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot read: options is ${show(options)}, expected an object with topics`);
  }
  const { after, from = "live", onGap = "live", signal } = options;
  checkSignal("read", signal);
  if (after !== undefined && typeof after !== "string") {
    throw new TypeError(`Cannot read: after is ${show(after)}, expected the id of a message`);
  }
  for (const [name, value] of Object.entries({ from, onGap })) {
    if (value === "live" || value === "earliest") continue;
    throw new TypeError(`Cannot read: ${name} is ${show(value)}, expected "live" or "earliest"`);
  }
}
