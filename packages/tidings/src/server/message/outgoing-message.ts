/**
 * What an application sends: a message whose data may be any value that JSON can carry, typed by a map of events.
 * This module is browser compatible.
 */
import { show } from "../../guard/show.ts";
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
  const { event = "message", data } = message as { event?: string; data?: unknown };
  if (data === undefined) return encode(message as Message);
  const isText = typeof data === "string";
  const text = isText ? data : toJson(data);
  if (check !== undefined) check(event, text, isText);
  if (isText && wrap === undefined) return encode(message as Message);
  return encode({ ...(message as Message), data: wrap === undefined ? text : wrap(text) });
}

/**
 * The text that data goes out as when it is no text.
 * @throws {TypeError} If JSON cannot carry it.
 */
export function toJson(data: unknown): string {
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) {
    throw new TypeError(
      "Cannot send message: data is bytes, expected text or a value that JSON can carry (decode it, or send base64)",
    );
  }
  if (data instanceof Promise || data instanceof Map || data instanceof Set) {
    throw new TypeError(
      `Cannot send message: data is ${show(data)}, which is {} in JSON, expected a value that JSON can carry${data instanceof Promise ? " (await it)" : ""}`,
    );
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw new TypeError(`Cannot send message: data is not JSON (${String(cause)})`, { cause });
  }
  if (text === undefined) {
    throw new TypeError(`Cannot send message: data is of type ${typeof data}, which JSON cannot carry`);
  }
  return text;
}
