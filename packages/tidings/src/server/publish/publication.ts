/**
 * What an application publishes, checked and encoded for the log.
 * This module is browser compatible.
 */
import type { Draft } from "../../log/log.ts";
import type { CheckData } from "../message/check-data.ts";
import { encodeOutgoing, type OutgoingMessage } from "../message/outgoing-message.ts";
import { checkTopic } from "../topics/topic-selection.ts";
import type { EventMap } from "../../wire/contract.ts";

/**
 * A message to publish: one of the events of `Events`, with its data. The hub gives it its `id`.
 * `key` says what it replaces: for a reader that is too slow, the newest message of a topic and key may stand for the older.
 */
export type Publication<Events extends object = EventMap> = string extends keyof Events
  ? { readonly event?: string | undefined; readonly data: unknown; readonly key?: string | undefined }
  : {
      [Type in keyof Events & string]: Named<Type> & {
        readonly data: Events[Type];
        readonly key?: string | undefined;
      };
    }[keyof Events & string];

type Named<Type extends string> = "message" extends Type
  ? { readonly event?: Type | undefined }
  : { readonly event: Type };

const utf8 = new TextEncoder();
const LONGEST_KEY = 256;

/**
 * @throws {TypeError} If the topic or the message cannot be expressed, if it has an `id` or a `retry`, its event is `gap`, or `check` throws.
 * @throws {RangeError} If the topic is longer than 1,024 bytes, or the message longer than `maxMessageBytes`.
 */
export function toDraft(
  topic: string,
  message: Publication,
  maxMessageBytes: number,
  check?: CheckData,
): Draft {
  checkTopic("publish", topic);
  if (typeof message !== "object" || message === null) {
    throw new TypeError(
      `Cannot publish: message is ${message === null ? "null" : `of type ${typeof message}`}, expected an object such as { data }`,
    );
  }
  const { event, data, key } = message;
  if ((message as { id?: unknown }).id !== undefined) {
    throw new TypeError(
      "Cannot publish: message has an id, expected none: the hub writes the cursor there (see idempotencyKey)",
    );
  }
  if ((message as { retry?: unknown }).retry !== undefined) {
    throw new TypeError(
      "Cannot publish: message has a retry, expected none: it is said per stream (see retryMs)",
    );
  }
  if (data === undefined) {
    throw new TypeError(
      'Cannot publish: data is undefined, expected a value that JSON can carry, or text ("" too)',
    );
  }
  if (event === "gap") {
    throw new TypeError('Cannot publish: event is "gap", which is the hub\'s own, expected another');
  }
  if (key !== undefined && (typeof key !== "string" || key === "" || key.length > LONGEST_KEY)) {
    throw new TypeError(
      `Cannot publish: key is ${JSON.stringify(key)}, expected a string of 1 to ${LONGEST_KEY} characters`,
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
