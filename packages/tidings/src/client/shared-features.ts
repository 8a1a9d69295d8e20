/**
 * The features that every platform's `connect` has, chosen by options.
 * This module is browser compatible.
 */
import type { Feature } from "./core/feature.ts";
import { type Acknowledge, cursor, type CursorStore } from "./features/cursor.ts";
import { type CursorFrom, cursorFrom } from "./features/cursor-from.ts";
import { type CursorVia, cursorVia } from "./features/cursor-via.ts";
import { dialect, type ReadableDialect } from "./features/dialect.ts";
import { type Gap, gaps } from "./features/gaps.ts";
import { type AnswerTimeouts, idle } from "./features/idle.ts";
import { refresh } from "./features/refresh.ts";
import { type Resume, resume } from "./features/resume.ts";
import { trace, type TraceEntry } from "./features/trace.ts";

export interface SharedOptions extends AnswerTimeouts {
  /**
   * Called when the server says 401; when its promise resolves, the request is made again, at once. Streams that share the function
   * share the call. When it rejects, or the next answer is 401 again, the connection gives up.
   */
  refresh?: () => unknown;
  /**
   * Milliseconds without a byte, comments counted, after which the stream is dead and another attempt is made; 0 for no limit.
   * `"auto"`: three times the interval of the server's heartbeat or of other regular traffic, once it is known. Default: `"auto"` for
   * requests that may be repeated, 0 for others; in mini programs 45,000 and 120,000.
   */
  idleMs?: number | "auto";
  /** Where the cursor is kept, so that it outlives a reload. */
  cursor?: CursorStore;
  /**
   * When the cursor is stored: after the message was `"handled"`, so that none is lost in a crash and the last may come twice, or when
   * it was `"received"`. Handled is: its handlers are done, with their promises, or the reader asked for the next. If a handler
   * fails, the connection ends rather than pass over the message. Default: `"handled"`.
   */
  ack?: Acknowledge;
  /**
   * Where the cursor is, if the server sends no `id`: the name of a property of each message's JSON, or a function that returns the
   * cursor of a message. It becomes the `id` of the message. Default: the `id` as it came.
   */
  cursorFrom?: CursorFrom;
  /** How the cursor travels. Default: `"header"`. */
  cursorVia?: CursorVia;
  /**
   * Continues the answer to a POST by another request: called for each return, once the first request was answered. With a response of
   * 204 the answer is over.
   */
  resume?: Resume;
  /**
   * How the server says that its answer is complete, or failed: one of `tidings/dialects`. With it, `until` is not needed.
   */
  dialect?: ReadableDialect;
  /** Called when messages are missing, and the hub says which. */
  onGap?(this: void, gap: Gap): void;
  /** Called with each step of the reconnecting, for logs and inspectors. */
  trace?(this: void, entry: TraceEntry): void;
}

/** @param defaultIdleMs - Of the platform. */
export function sharedFeatures(
  options: SharedOptions,
  defaultIdleMs: (canRepeat: boolean) => number | "auto",
): Feature[] {
  const { onGap, cursorVia: via } = options;
  const features: Feature[] = [];
  if (options.trace) features.push(trace(options.trace));
  if (options.refresh) features.push(refresh(options.refresh));
  if (options.resume) features.push(resume(options.resume));
  if (options.cursorFrom) features.push(cursorFrom(options.cursorFrom));
  if (options.cursor) features.push(cursor(options.cursor, options.ack));
  if (options.dialect) features.push(dialect(options.dialect));
  if (via && via !== "header") features.push(cursorVia(via));
  if (onGap) features.push(gaps(onGap));
  features.push(idle(options.idleMs ?? defaultIdleMs, options));
  return features;
}
