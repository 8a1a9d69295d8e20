/**
 * What processes of one log tell each other: a record is a message on a reserved topic, whose event type says what it is.
 * It may come from a newer version, or from anything else that writes to the log: kinds that are not known are passed over,
 * fields that are not known are ignored, and the others are checked.
 * This module is browser compatible.
 */
import { show } from "../../guard/show.ts";
import type { Draft, Entry } from "../../log/log.ts";
import { encode } from "../../wire/encode.ts";
import { createReader } from "../../wire/reader.ts";

export interface ControlRecord {
  readonly kind: string;
  /** Not checked yet. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Bytes of one record; larger ones of others are not read. */
const MOST_RECORD_BYTES = 1_048_576;

/** @throws {RangeError} If it is larger than a record may be. */
export function encodeRecord(topic: string, kind: string, fields: object): Draft {
  const body = new TextEncoder().encode(encode({ event: kind, data: JSON.stringify(fields) }));
  if (body.length <= MOST_RECORD_BYTES) return { topic, body };
  throw new RangeError(
    `Cannot inform other processes: the record ${kind} has ${body.length} bytes, expected ${MOST_RECORD_BYTES} or fewer`,
  );
}

/** @throws {TypeError} If it is no record. */
export function decodeRecord({ body, offset }: Entry): ControlRecord {
  if (body.length > MOST_RECORD_BYTES) {
    throw new TypeError(`Cannot read record at offset ${offset}: it has ${body.length} bytes`);
  }
  const [message] = createReader().read(body);
  let fields: unknown;
  try {
    fields = JSON.parse(message?.data ?? "");
  } catch (cause) {
    throw new TypeError(`Cannot read record at offset ${offset}: its data is not JSON`, { cause });
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw new TypeError(`Cannot read record at offset ${offset}: its data is ${show(fields)}`);
  }
  return { kind: message!.event, fields: fields as Record<string, unknown> };
}
