/**
 * An `EventStore` for the Model Context Protocol's streamable HTTP transport, over a log: what a client missed is sent when it
 * returns, to another process too. For `@modelcontextprotocol/sdk` 1 and `@modelcontextprotocol/server`.
 *
 * Each session has a store of its own. A store that sessions share would give one session the messages of another, since the
 * name of the standalone stream is the same in all (GHSA-84j6-jc92-77jm).
 * This module is browser compatible.
 */
import { formatCursor, parseCursor } from "../log/cursor.ts";
import type { Log, LogPosition, Page } from "../log/log.ts";
import { checkedLog, closeLog, openLog } from "../log/foreign-log.ts";
import { encode } from "../wire/encode.ts";
import { reporter } from "../guard/foreign.ts";
import { positive } from "../guard/positive.ts";
import { show } from "../guard/show.ts";
import { within } from "../guard/within.ts";
import { createReader } from "../wire/reader.ts";
import { requiredText } from "./required-text.ts";

export interface McpEventsOptions {
  /** Where messages are kept. It belongs to these events alone. */
  readonly log: Log;
  /** What is retained of all sessions. Default: 100,000 messages, 67,108,864 bytes (64 MiB), 3,600,000 ms (an hour). At most 113 MiB, in `memoryLog`. */
  readonly retention?:
    | {
        readonly messages?: number | undefined;
        readonly bytes?: number | undefined;
        readonly ageMs?: number | undefined;
      }
    | undefined;
  /** Default: `console.error`. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** As `EventStore` of the SDK. */
export interface McpEventStore<Message = unknown> {
  storeEvent(streamId: string, message: Message): Promise<string>;
  getStreamIdForEventId(eventId: string): Promise<string | undefined>;
  replayEventsAfter(
    lastEventId: string,
    handlers: { send: (eventId: string, message: Message) => Promise<void> },
  ): Promise<string>;
}

export interface McpEvents {
  /** The store of one session: the `eventStore` of its transport. The same in each process that serves the session. */
  forSession<Message = never>(sessionId: string): McpEventStore<Message>;
  /** Closes the log. @throws {LogError} `failed`: it has not closed within fifteen seconds. @throws What the log throws. */
  close(): Promise<void>;
}

/** Of the names of a session and a stream: what every log can use as a key. */
const MOST_TOPIC_BYTES = 1_024;
/** How long closing waits for a log that opens. */
const PATIENCE_MS = 5_000;
const PAGE_MESSAGES = 500;
const PAGE_BYTES = 2 ** 20;

/** @throws {RangeError} If a number of `retention` is not above 0. @throws {TypeError} If `log` is no log. */
export function createMcpEvents({ log: given, retention = {}, onError }: McpEventsOptions): McpEvents {
  const { messages = 100_000, bytes = 64 * 2 ** 20, ageMs = 3_600_000 } = retention;
  for (const [name, value] of Object.entries({ messages, bytes, ageMs }))
    positive("keep events", `retention.${name}`, value);
  let epoch = "";
  const log = checkedLog("keep events", given);
  const opened = openLog(log, {
    retention: { messages, bytes, ageMs },
    onTail: () => undefined,
    onReset: (position: LogPosition) => (epoch = position.epoch),
    onError: reporter(onError),
  });
  const ready = opened.then((position) => (epoch ||= position.epoch));
  ready.catch(() => undefined);
  return {
    forSession: (sessionId) =>
      new SessionEvents(log, ready, () => epoch, requiredText("keep events", "sessionId", sessionId)),
    async close() {
      // It may never open, and is closed all the same.
      await within(PATIENCE_MS, ready).catch(() => undefined);
      await closeLog(log);
    },
  };
}

class SessionEvents implements McpEventStore<never> {
  readonly #log: Log;
  readonly #ready: Promise<unknown>;
  readonly #epoch: () => string;
  readonly #sessionId: string;

  constructor(log: Log, ready: Promise<unknown>, epoch: () => string, sessionId: string) {
    this.#log = log;
    this.#ready = ready;
    this.#epoch = epoch;
    this.#sessionId = sessionId;
  }

  async storeEvent(streamId: string, message: unknown): Promise<string> {
    await this.#ready;
    const data = JSON.stringify(message) as string | undefined;
    if (data === undefined) {
      throw new TypeError(`Cannot store event: message is ${show(message)}, expected a JSON-RPC message`);
    }
    const topic = this.#topicOf(requiredText("store event", "streamId", streamId));
    if (topic.length > MOST_TOPIC_BYTES) {
      throw new RangeError(
        `Cannot store event: the session's and the stream's names have ${topic.length} bytes, expected ${MOST_TOPIC_BYTES} or fewer`,
      );
    }
    const body = utf8.encode(encode({ data }));
    const { first } = await this.#log.append([{ topic, body }]);
    return this.#idOf(streamId, first);
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    await this.#ready;
    const place = this.#placeOf(eventId);
    if (place === undefined) return undefined;
    // Of this session, and still there: what follows is then whole.
    const { entries } = await this.#read(place.streamId, place.offset - 1, 1);
    return entries[0]?.offset === place.offset ? place.streamId : undefined;
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: never) => Promise<void> },
  ): Promise<string> {
    const streamId = await this.getStreamIdForEventId(lastEventId);
    if (streamId === undefined) {
      throw new Error(
        `Cannot replay events: ${show(lastEventId)} is not an event of this session, or no longer kept`,
      );
    }
    const reader = createReader();
    for (let after = this.#placeOf(lastEventId)!.offset; ;) {
      const { entries, through } = await this.#read(streamId, after, PAGE_MESSAGES);
      for (const { offset, body } of entries) {
        const { data } = reader.read(body)[0]!;
        // A priming event: it only gives the client a cursor.
        if (data !== "{}") await send(this.#idOf(streamId, offset), JSON.parse(data) as never);
      }
      if (entries.length === 0) return streamId;
      after = through;
    }
  }

  #read(streamId: string, after: number, maxMessages: number): Promise<Page> {
    const topic = this.#topicOf(streamId);
    const topics = { exact: [topic], matches: (name: string) => name === topic };
    return this.#log.read({ topics, after, maxMessages, maxBytes: PAGE_BYTES });
  }

  #topicOf(streamId: string): string {
    return `mcp/${encodeURIComponent(this.#sessionId)}/${encodeURIComponent(streamId)}`;
  }

  #idOf(streamId: string, offset: number): string {
    return `${formatCursor(this.#epoch(), offset)}/${encodeURIComponent(streamId)}`;
  }

  #placeOf(eventId: unknown): { streamId: string; offset: number } | undefined {
    if (typeof eventId !== "string") return undefined;
    const slash = eventId.indexOf("/");
    const cursor = slash === -1 ? undefined : parseCursor(eventId.slice(0, slash));
    if (cursor?.epoch !== this.#epoch()) return undefined;
    try {
      const streamId = decodeURIComponent(eventId.slice(slash + 1));
      return this.#topicOf(streamId).length > MOST_TOPIC_BYTES
        ? undefined
        : { offset: cursor.offset, streamId };
    } catch {
      return undefined;
    }
  }
}

const utf8 = new TextEncoder();
