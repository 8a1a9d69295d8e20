/**
 * What an application sends: a message whose data may be any value that JSON can carry, typed by a map of events.
 * This module is browser compatible.
 */
import { show } from "../../guard/show.ts";
import { readForeign, unreadable, words } from "../../guard/unreadable.ts";
import type { EventMap } from "../../wire/contract.ts";
import { encode } from "../../wire/encode.ts";
import type { Message } from "../../wire/message.ts";
import type { CheckData } from "./check-data.ts";

/** A message of one of the events of `Events`, or one that carries no data: an `id` or a `retry` alone. */
export type OutgoingMessage<Events extends object = EventMap> = string extends keyof Events
  ? Fields & { readonly event?: string | undefined; readonly data?: unknown }
  :
      | {
          [Type in keyof Events & string]: Fields & Named<Type> & { readonly data: Events[Type] };
        }[keyof Events & string]
      | (Fields & { readonly event?: undefined; readonly data?: undefined });

interface Fields {
  /** The last event ID from this message on. No CR, LF or NUL. */
  readonly id?: string | undefined;
  /** The reconnection time in milliseconds: a whole number from 0 to 2^31-1. */
  readonly retry?: number | undefined;
}

type Named<Type extends string> = "message" extends Type
  ? { readonly event?: Type | undefined }
  : { readonly event: Type };

/**
 * The event stream text of a message. `data` that is a string goes as it is; anything else as JSON.
 * @param wrap - Makes of the data what goes out.
 * @throws {TypeError} If the message is no object, its data is nothing that JSON can carry, or a field holds a line break
 *   (`id`: or NUL) that would become a field of its own; or what `check` throws.
 * @throws {RangeError} If `retry` is out of range.
 */
export function encodeOutgoing(
  message: OutgoingMessage<never> | OutgoingMessage,
  check?: CheckData,
  wrap?: (data: string) => string,
): string {
  if (typeof message !== "object" || message === null) {
    throw new TypeError(
      `Cannot send message: message is ${message === null ? "null" : `of type ${typeof message}`}, expected an object such as { data }`,
    );
  }
  // Each field is read once: what encode gets is what was looked at here.
  const { event, data, id, retry } = readFields(message);
  if (data === undefined) {
    assertHasNoData(message, event !== undefined || id !== undefined || retry !== undefined);
    return encode({ event, id, retry } as Message);
  }
  const isText = typeof data === "string";
  const text = isText ? data : toJson(data);
  if (check !== undefined) check((event ?? "message") as string, text, isText);
  return encode({ event, data: wrap === undefined ? text : wrap(text), id, retry } as Message);
}

interface GivenFields {
  readonly event?: unknown;
  readonly data?: unknown;
  readonly id?: unknown;
  readonly retry?: unknown;
}

function readFields(message: object): GivenFields {
  try {
    const { event, data, id, retry } = message as GivenFields;
    return { event, data, id, retry };
  } catch (cause) {
    throw unreadable("send message", "message", cause);
  }
}

/**
 * A message without data moves the cursor or sets the reconnection time, and nobody is handed it. What was meant as data would
 * be lost without a word.
 */
function assertHasNoData(message: object, hasFields: boolean): void {
  if (Array.isArray(message) || ArrayBuffer.isView(message)) {
    const remedy = Array.isArray(message) ? "" : ": decode it, or read a response with readMessages";
    throw new TypeError(
      `Cannot send message: message is ${show(message)}, expected an object such as { data }${remedy}`,
    );
  }
  const names = readForeign("send message", "message", () => Object.keys(message));
  const other = names.find((name) => !FIELDS.includes(name));
  if (other !== undefined) {
    throw new TypeError(
      `Cannot send message: message has ${show(other)} and no data, expected an object such as { data: { ${other.slice(0, 40)}: … } }`,
    );
  }
  if (hasFields) return;
  throw new TypeError(
    'Cannot send message: data is undefined, expected a value that JSON can carry, or text ("" too)',
  );
}

const FIELDS: readonly string[] = ["event", "data", "id", "retry"];

/**
 * The text that data goes out as when it is no text.
 * @throws {TypeError} If JSON cannot carry it.
 */
export function toJson(data: unknown): string {
  let isBytes: boolean;
  let isEmptyInJson = false;
  let text: string | undefined;
  try {
    isBytes = ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
    isEmptyInJson = data instanceof Promise || data instanceof Map || data instanceof Set;
    if (!isBytes && !isEmptyInJson) text = JSON.stringify(data);
  } catch (cause) {
    throw new TypeError(`Cannot send message: data is not JSON (${words(cause)})`, { cause });
  }
  if (isBytes) {
    throw new TypeError(
      "Cannot send message: data is bytes, expected text or a value that JSON can carry (decode it, or send base64)",
    );
  }
  if (isEmptyInJson) {
    throw new TypeError(
      `Cannot send message: data is ${show(data)}, which is {} in JSON, expected a value that JSON can carry${data instanceof Promise ? " (await it)" : ""}`,
    );
  }
  if (text === undefined) {
    throw new TypeError(`Cannot send message: data is of type ${typeof data}, which JSON cannot carry`);
  }
  return text;
}
