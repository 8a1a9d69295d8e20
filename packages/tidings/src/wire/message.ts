/**
 * What is published, carried and handled: the words of the wire.
 * Standard: https://html.spec.whatwg.org/multipage/server-sent-events.html
 * This module is browser compatible.
 */

/** What a publisher gives to {@link encode}: each field is one of the standard's, and none is required. */
export interface Message {
  /** The event type. Absent means `"message"`. No CR or LF; not empty. */
  event?: string;
  /** The payload. Absent means a block without `data`, which moves the cursor and dispatches nothing. */
  data?: string;
  /** The last event ID from this message on. No CR, LF or NUL; `""` clears it. */
  id?: string;
  /** The reconnection time in milliseconds: a whole number from 0 to 2^31-1. */
  retry?: number;
}

/** What a parser hands on: a message as the standard dispatches it. */
export interface ParsedMessage {
  /** The event type, `"message"` when the block names none. */
  readonly event: string;
  /** The `data` lines, joined by LF. */
  readonly data: string;
  /** The last event ID when the message was dispatched, `""` when there has been none. */
  readonly id: string;
}
