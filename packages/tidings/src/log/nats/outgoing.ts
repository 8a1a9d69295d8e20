/**
 * Appends as messages on their way: each with an id by which JetStream knows it, and what comes back for it.
 */
import { createHash } from "node:crypto";
import { show } from "../../guard/show.ts";
import type { Appended, Draft } from "../log.ts";
import { refusal, type ApiError } from "./api.ts";
import { SentHeaders, type NatsConnection } from "./connection.ts";
import { encodeDraft } from "./frames.ts";

export const STORED_BY = "Tidings-By";
export const MESSAGE_ID = "Nats-Msg-Id";

/** One append, until all of its messages are acknowledged. */
export interface Waiting {
  readonly keyed: boolean;
  readonly bytes: number;
  readonly count: number;
  /** When its time is up, by the monotonic clock. */
  readonly endsMs: number;
  readonly offsets: number[];
  repeated: boolean;
  /** What another than the stream answers. */
  trouble: Error | undefined;
  /** One of its messages was sent. */
  isSent: boolean;
  settled: boolean;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** One message of it. */
export interface Outgoing {
  readonly id: number;
  readonly append: Waiting;
  readonly index: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  /** By which JetStream knows it. */
  readonly messageId: string;
  readonly headers: SentHeaders;
  firstSentMs: number;
  /** What the server's clock showed then, or the earliest that it may have, where that is known. */
  firstSentAtMs: number | undefined;
  sentMs: number;
  attempts: number;
}

/** What the stream answers. */
export interface Acknowledgement {
  /** The name of the stream that stored it. */
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: ApiError;
}

/**
 * @param scope - Of the idempotency key: then it is known by that, in whichever process.
 * @param firstId - Of this process: the messages have this one and those behind it.
 */
export function toMessages(
  drafts: readonly Draft[],
  append: Waiting,
  { scope, instance, firstId }: { scope: string | undefined; instance: string; firstId: number },
): Outgoing[] {
  const key = scope === undefined ? undefined : createHash("sha256").update(scope).digest("base64url");
  return drafts.map((draft, index) => {
    const id = firstId + index;
    const messageId = key === undefined ? `${instance}.${id.toString(36)}` : `${key}.${index}`;
    const headers = new SentHeaders(
      key === undefined ? { [MESSAGE_ID]: messageId } : { [MESSAGE_ID]: messageId, [STORED_BY]: instance },
    );
    return {
      id,
      append,
      index,
      topic: draft.topic,
      payload: encodeDraft(draft),
      messageId,
      headers,
      firstSentMs: 0,
      firstSentAtMs: undefined,
      sentMs: 0,
      attempts: 0,
    };
  });
}

export function appendedAt(offsets: readonly number[], repeated: boolean): Appended {
  const first = offsets[0]!;
  const appended = { first, last: offsets.at(-1)!, repeated };
  // Another process may have appended between them.
  const joined = offsets.every((offset, i) => offset === first + i);
  return joined ? appended : { ...appended, offsets };
}

/** Nothing is what a server answers that has nobody for the subject. */
export function parseAcknowledgement(data: Uint8Array): Acknowledgement {
  if (data.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder().decode(data)) as Acknowledgement;
  } catch {
    return {};
  }
}

/**
 * Why it is not in this log, though somebody answers. A mapping of subjects may have led it into another stream, or another one that
 * takes the same subjects, at the other end of a leaf node, was first to answer.
 */
export function strangerOf({ stream, seq }: Acknowledgement, name: string): Error | undefined {
  if (seq === undefined || stream === name) return undefined;
  return new Error(
    `stream ${show(stream)} answers that it stored it, expected ${name}: a mapping of subjects, perhaps`,
  );
}

const TOO_LARGE = 10_054;

/** What the stream says of one message. Of its size, to try again is of no use. */
export function refusalOf({ payload, headers }: Outgoing, error: ApiError): Error {
  if (error.err_code !== TOO_LARGE) return refusal("append to", error);
  const bytes = payload.length + headers.encode().length;
  return new RangeError(
    `Cannot append to log: the message has ${bytes} bytes with its topic and headers, expected at most max_msg_size of its stream`,
  );
}

/** @throws {RangeError} If the server takes no message of that size: to try again is of no use. */
export function assertFits({ payload, headers }: Outgoing, info: NatsConnection["info"]): void {
  const bytes = payload.length + headers.encode().length;
  if (info === undefined || bytes <= info.max_payload) return;
  throw new RangeError(
    `Cannot append to log: the message has ${bytes} bytes with its topic and headers, expected at most ${info.max_payload} (max_payload of NATS)`,
  );
}
