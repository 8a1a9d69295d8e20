/**
 * Publishes: checks messages, appends them to the log, and returns their cursors. Waits for no subscriber.
 */
import { ignore } from "../../guard/ignore.ts";
import { inNextTurn } from "../../guard/in-next-turn.ts";
import { checkOptionNames } from "../../guard/option-names.ts";
import { show } from "../../guard/show.ts";
import { unreadable } from "../../guard/unreadable.ts";
import { formatCursor } from "../../log/cursor.ts";
import type { AppendOptions, Draft, Log } from "../../log/log.ts";
import { channels } from "../observe/diagnostics.ts";
import type { CheckData } from "../message/check-data.ts";
import { encodeOutgoing, type OutgoingMessage } from "../message/outgoing-message.ts";
import { checkTopic } from "../topics/topic-selection.ts";
import { HubError } from "./hub-error.ts";
import type { Publication } from "./publication.ts";
import { PublishRate } from "./publish-rate.ts";

export interface PublishOptions {
  /** A second publish with the same key appends nothing and returns the result of the first one. The log remembers keys for minutes. Default: none. */
  idempotencyKey?: string | undefined;
  /** See {@link PublishInTransaction}. */
  transaction?: undefined;
}

/** For a log in the application's own database, such as `postgresLog`. */
export interface PublishInTransaction extends Omit<PublishOptions, "transaction"> {
  /**
   * A transaction of the application: the message is published if and only if it commits. For `postgresLog`, pass a client of `pg`,
   * the `sql` of `sql.begin`, or a function `(text, values)` that runs a statement in the transaction.
   */
  transaction: object;
}

export interface Published {
  /** The cursor of the message; for several messages, the cursor of the last. */
  readonly id: string;
  /** The cursors of all, in order. */
  readonly ids: readonly string[];
  /** Whether an earlier publish with the same idempotency key had appended it. */
  readonly repeated: boolean;
}

/** What bounds and checks what is published. */
export interface PublishLimits {
  readonly messageBytes: number;
  readonly messagesPerPublish: number;
  readonly bytesPerPublish: number;
  readonly publishesPerSecond: number;
  readonly checkData: CheckData | undefined;
}

interface ToPublish {
  readonly topic: string;
  readonly message: Publication;
}

export class Publisher {
  readonly #log: Log;
  readonly #opened: Promise<{ readonly epoch: string }>;
  readonly #options: PublishLimits;
  readonly #counters: { published: number };
  readonly #now: () => number;
  readonly #rate: PublishRate | undefined;
  #position: { readonly epoch: string } | undefined;
  #closed = false;
  /** What was published since some `publish` gave way, in bytes. */
  #sinceTurn = 0;

  /** @param opened - Resolves with the position of the log, once that is open. Its epoch may change. */
  constructor(
    log: Log,
    opened: Promise<{ readonly epoch: string }>,
    options: PublishLimits,
    counters: { published: number },
    now: () => number,
  ) {
    this.#log = log;
    this.#options = options;
    this.#counters = counters;
    this.#now = now;
    const { publishesPerSecond } = options;
    if (publishesPerSecond !== Infinity) this.#rate = new PublishRate(publishesPerSecond);
    this.#opened = opened;
    // Each publish rejects with it, and the hub reports it.
    opened.catch(ignore);
  }

  /** Publishes all of `messages` or none. */
  async publish(messages: readonly ToPublish[], options: PublishOptions | undefined): Promise<Published> {
    const calledMs = channels["tidings:publish"].hasSubscribers ? this.#now() : 0;
    const drafts = this.#check(messages);
    const appendOptions = toAppendOptions(options);
    this.#admit(drafts.length);
    this.#position ??= await this.#opened;
    const { first, last, offsets, repeated } = await this.#log.append(drafts, appendOptions);
    // As it is now: the log may have been replaced meanwhile.
    const { epoch } = this.#position;
    if (!repeated) this.#counters.published += drafts.length;
    if (this.#hasPublishedMuch(drafts)) await new Promise<void>(inNextTurn);
    const ids = offsets?.map((offset) => formatCursor(epoch, offset)) ?? [];
    if (ids.length === 0) {
      for (let offset = first; offset <= last; offset += 1) ids.push(formatCursor(epoch, offset));
    }
    const channel = channels["tidings:publish"];
    if (channel.hasSubscribers) {
      const tookMs = this.#now() - calledMs;
      channel.publish({ topics: drafts.map(({ topic }) => topic), ids, repeated, tookMs });
    }
    return { id: ids.at(-1)!, ids, repeated };
  }

  /** Has all of `messages` published when a transaction of the application commits. */
  async enlist(messages: readonly ToPublish[], options: PublishInTransaction): Promise<void> {
    const drafts = this.#check(messages);
    const appendOptions = toAppendOptions(options);
    if (this.#log.enlist === undefined) {
      throw new TypeError(
        "Cannot publish: the log of this hub does not support transactions, expected a log in the application's database, such as postgresLog",
      );
    }
    this.#admit(drafts.length);
    await this.#opened;
    await this.#log.enlist(options.transaction, drafts, appendOptions);
  }

  /** Nothing is published any more. */
  close(): void {
    this.#closed = true;
  }

  #check(messages: readonly ToPublish[]): Draft[] {
    const { messageBytes, messagesPerPublish, bytesPerPublish, checkData } = this.#options;
    if (messages.length === 0 || messages.length > messagesPerPublish) {
      throw new RangeError(
        `Cannot publish: there are ${messages.length} messages, expected 1 to ${messagesPerPublish} (limits.messagesPerPublish)`,
      );
    }
    let bytes = 0;
    // Counted as they are encoded, so that what is too much in all is never in memory at once.
    return messages.map(({ topic, message }) => {
      const draft = toDraft(topic, message, messageBytes, checkData);
      bytes += draft.body.length;
      if (bytes <= bytesPerPublish) return draft;
      throw new RangeError(
        `Cannot publish: the messages have more than ${bytesPerPublish} bytes, expected that or fewer in one call (limits.bytesPerPublish)`,
      );
    });
  }

  /**
   * A loop that waits for each `publish` gives way now and then. Some logs never wait: nothing would be sent until the loop is done, and
   * what the log discards meanwhile would be lost to everyone.
   */
  #hasPublishedMuch(drafts: readonly Draft[]): boolean {
    for (const { body } of drafts) this.#sinceTurn += body.length + MESSAGE_COST;
    if (this.#sinceTurn < MOST_IN_A_TURN) return false;
    this.#sinceTurn = 0;
    return true;
  }

  /** @throws {HubError} `closed` or `too-fast`. */
  #admit(messages: number): void {
    if (this.#closed) throw new HubError("closed", "Cannot publish: the hub has drained");
    this.#rate?.take(messages, this.#now());
  }
}

/**
 * @throws {TypeError} If the topic, the key or the message cannot be expressed, it has an `id` or a `retry`, its event is `gap`, or `check` throws.
 * @throws {RangeError} If the topic is longer than 1,024 bytes, or the message longer than `maxMessageBytes`.
 */
function toDraft(topic: string, message: Publication, maxMessageBytes: number, check?: CheckData): Draft {
  checkTopic("publish", topic);
  if (typeof message !== "object" || message === null) {
    throw new TypeError(
      `Cannot publish: message is ${message === null ? "null" : `of type ${typeof message}`}, expected an object such as { data }`,
    );
  }
  let event, data, key, id, retry;
  try {
    ({ event, data, key, id, retry } = message as Publication & { id?: unknown; retry?: unknown });
  } catch (cause) {
    throw unreadable("publish", "message", cause);
  }
  if (id !== undefined) {
    throw new TypeError(
      "Cannot publish: message has an id, expected none: the hub writes the cursor there (see idempotencyKey)",
    );
  }
  if (retry !== undefined) {
    throw new TypeError(
      "Cannot publish: message has a retry, expected none: set it per stream (see retryMs)",
    );
  }
  if (data === undefined) {
    throw new TypeError(
      'Cannot publish: data is undefined, expected a value that JSON can carry, or text ("" too)',
    );
  }
  if (event === "gap") {
    throw new TypeError('Cannot publish: event is "gap", which is reserved for the hub, expected another');
  }
  if (key !== undefined && (typeof key !== "string" || key === "" || key.length > LONGEST_KEY)) {
    throw new TypeError(
      `Cannot publish: key is ${show(key)}, expected a string of 1 to ${LONGEST_KEY} characters`,
    );
  }
  if (key !== undefined && /\p{Surrogate}/u.test(key)) {
    throw new TypeError(
      `Cannot publish: key is ${show(key)}, expected no lone surrogate, which not every log can store`,
    );
  }
  const outgoing = (event === undefined ? { data } : { event, data }) as OutgoingMessage;
  const body = utf8.encode(encodeOutgoing(outgoing, check));
  if (body.length > maxMessageBytes) {
    throw new RangeError(
      `Cannot publish: message has ${body.length} bytes, expected ${maxMessageBytes} or fewer (limits.messageBytes)`,
    );
  }
  return key === undefined ? { topic, body } : { topic, body, key };
}

function toAppendOptions(options: PublishOptions | PublishInTransaction | undefined): AppendOptions {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot publish: options is ${show(options)}, expected an object such as { idempotencyKey }`,
    );
  }
  let idempotencyKey, own;
  try {
    ({ idempotencyKey } = options);
    // Copied only for the error: this is done for each publish.
    if (!Object.keys(options).every(isKnown)) own = { ...options };
  } catch (cause) {
    throw unreadable("publish", "options", cause);
  }
  // A misspelt transaction would publish outside of it.
  if (own !== undefined) checkOptionNames("publish", own, NAMES);
  if (idempotencyKey === undefined) return {};
  if (typeof idempotencyKey !== "string" || idempotencyKey === "" || idempotencyKey.length > LONGEST_KEY) {
    throw new TypeError(
      `Cannot publish: idempotencyKey is ${show(idempotencyKey)}, expected a string of 1 to ${LONGEST_KEY} characters`,
    );
  }
  if (/\p{Surrogate}/u.test(idempotencyKey)) {
    throw new TypeError(
      `Cannot publish: idempotencyKey is ${show(idempotencyKey)}, expected no lone surrogate: in UTF-8 all of them are the same`,
    );
  }
  return { idempotencyKey };
}

const PUBLISH_OPTIONS: Record<keyof PublishInTransaction, true> = { idempotencyKey: true, transaction: true };
const NAMES = { known: Object.keys(PUBLISH_OPTIONS) };
const isKnown = (name: string): boolean => NAMES.known.includes(name);
/** 128 small messages, or two large ones. */
const MOST_IN_A_TURN = 1_048_576;
const MESSAGE_COST = 8_192;
const utf8 = new TextEncoder();
/** Of a message, and of a call. */
const LONGEST_KEY = 256;
