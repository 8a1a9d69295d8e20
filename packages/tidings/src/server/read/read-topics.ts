/**
 * Reads topics in this process, as a subscriber does over the network: from a cursor on, in order, once, with a gap where
 * messages are lost. The reader sets the pace, and only its cursor is kept.
 */
import { checkSignal } from "../../guard/check-signal.ts";
import { inNextTurn } from "../../guard/in-next-turn.ts";
import { show } from "../../guard/show.ts";
import { formatCursor, parseCursor } from "../../log/cursor.ts";
import type { Log } from "../../log/log.ts";
import { createReader } from "../../wire/reader.ts";
import { EncodedEntry } from "../out/batch.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
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
  readonly from?: "live" | "earliest" | undefined;
  /** What follows a gap: messages published from now on, or everything retained. Default: `"live"`. */
  readonly onGap?: "live" | "earliest" | undefined;
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
/** After so many it gives way to the rest of the process. */
const MESSAGES_IN_A_TURN = 128;

/** @param signal - Ends it; that of the options was asked by the caller. */
export async function* readTopics(
  hub: ReadableHub,
  log: Pick<Log, "read" | "head">,
  selection: TopicSelection,
  options: ReadTopicsOptions,
  signal: AbortSignal,
): AsyncGenerator<TopicMessage, undefined, undefined> {
  const alarm = new Alarm(selection);
  const group = hub.groups.acquire(selection);
  hub.readers.add(alarm);
  signal.addEventListener("abort", alarm.wake);
  try {
    const place = new Place(hub, log, group, options);
    await place.find(options);
    let handedOn = 0;
    for (;;) {
      signal.throwIfAborted();
      // What comes from here on wakes it, also while it reads.
      alarm.reset();
      place.followReplacedLog();
      const { isRecent } = place;
      const isThere = isRecent && place.hasMore;
      if (hub.drained && !isThere) return undefined;
      const messages = isThere ? place.readRecent() : isRecent ? undefined : await place.readPage();
      for (const message of messages ?? []) {
        yield message;
        signal.throwIfAborted();
        // A log in memory never waits, and its reader may not either: others have their turn.
        if ((handedOn += 1) % MESSAGES_IN_A_TURN === 0) await new Promise<void>(inNextTurn);
      }
      if (messages === undefined) await alarm.woken();
    }
  } finally {
    hub.readers.remove(alarm);
    hub.groups.release(group);
    signal.removeEventListener("abort", alarm.wake);
  }
}

/** Wakes a reader that has read everything. */
class Alarm implements WaitingReader {
  readonly selection: TopicSelection;
  awake = false;
  #onWake: (() => void) | undefined;

  constructor(selection: TopicSelection) {
    this.selection = selection;
  }

  readonly wake = (): void => {
    this.awake = true;
    this.#onWake?.();
  };

  reset(): void {
    this.awake = false;
  }

  /** Resolves when it was woken since the last {@link reset}. */
  async woken(): Promise<void> {
    if (!this.awake) await new Promise<void>((resolve) => (this.#onWake = resolve));
    this.#onWake = undefined;
  }
}

/** Where a reader stands, and what it is told next. */
class Place {
  readonly #hub: ReadableHub;
  readonly #log: Pick<Log, "read" | "head">;
  readonly #group: StreamGroup;
  readonly #onGap: "live" | "earliest";
  #epoch: string;
  #at = 0;
  #lossToldUpTo = 0;
  /** The cursor of another log, which the reader is still to be told that of. */
  #foreign: string | undefined;

  constructor(
    hub: ReadableHub,
    log: Pick<Log, "read" | "head">,
    group: StreamGroup,
    { onGap = "live" }: ReadTopicsOptions,
  ) {
    this.#hub = hub;
    this.#log = log;
    this.#group = group;
    this.#onGap = onGap;
    this.#epoch = hub.recent.epoch;
  }

  /** Begins where the options say. */
  async find({ after = "", from = "live" }: ReadTopicsOptions): Promise<void> {
    const { recent } = this.#hub;
    if (after === "") {
      if (from === "live") this.#at = recent.head;
      // A reader that begins with the earliest has never had what came before it.
      this.#lossToldUpTo = Infinity;
      return;
    }
    const given = parseCursor(after);
    const isOurs =
      given?.epoch === recent.epoch &&
      (given.offset <= recent.head || given.offset <= (await this.#log.head()).head);
    if (isOurs) this.#at = given.offset;
    else this.#foreign = after;
  }

  /** Where another log has replaced the one before, it goes on in that one. */
  followReplacedLog(): void {
    const { epoch } = this.#hub.recent;
    if (epoch === this.#epoch) return;
    this.#foreign ??= formatCursor(this.#epoch, this.#at);
    this.#epoch = epoch;
    this.#at = this.#lossToldUpTo = 0;
  }

  /** Whether what is recent reaches back to here. */
  get isRecent(): boolean {
    return this.#foreign === undefined && this.#group.routes.every(({ floor }) => this.#at >= floor);
  }

  get hasMore(): boolean {
    return this.#at < this.#hub.recent.head;
  }

  readRecent(): Iterable<TopicMessage> {
    const { head } = this.#hub.recent;
    const { entries, upTo } = readRoutes(this.#group.routes, this.#group, this.#at, head, PAGE_BYTES);
    this.#at = upTo;
    return messagesOf(entries);
  }

  /** @returns Undefined for nothing new: what comes is not handed on yet, and the reader is woken when it is. */
  async readPage(): Promise<Iterable<TopicMessage> | undefined> {
    const { recent } = this.#hub;
    const epoch = this.#epoch;
    const page = await this.#log.read({
      topics: this.#group.selection,
      after: this.#at,
      maxMessages: PAGE_MESSAGES,
      maxBytes: PAGE_BYTES,
    });
    // Of a log that was replaced meanwhile.
    if (recent.epoch !== epoch) return [];
    if (this.#lossToldUpTo === Infinity) this.#lossToldUpTo = page.lostThrough;
    const position = {
      from: this.#foreign ?? formatCursor(epoch, this.#at),
      after: this.#at,
      lossToldUpTo: this.#lossToldUpTo,
      onGap: this.#onGap,
    };
    const plan = planResume(position, page, recent, this.#foreign === undefined ? "retention" : "epoch");
    const isAhead = plan.upTo > this.#at;
    this.#foreign = undefined;
    this.#at = plan.upTo;
    this.#lossToldUpTo = plan.lossToldUpTo;
    if (plan.gap !== undefined) {
      return createReader()
        .read(plan.gap)
        .map((message) => ({ ...message, topic: "" }));
    }
    if (page.entries.length === 0 && !isAhead) return undefined;
    return messagesOf(page.entries.map((entry) => new EncodedEntry(epoch, entry)));
  }
}

/** Each is read from its bytes when the reader comes to it. */
function* messagesOf(entries: readonly EncodedEntry[]): Generator<TopicMessage, void> {
  for (const { topic, message } of entries) yield { ...message, topic: topicOfPresence(topic) ?? topic };
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
