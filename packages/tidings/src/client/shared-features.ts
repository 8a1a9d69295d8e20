/**
 * The features that every platform's `connect` has, chosen by options.
 * This module is browser compatible.
 */
import type { Feature } from "./core/feature.ts";
import { type Acknowledge, cursor, type CursorStore } from "./features/cursor/cursor.ts";
import { type CursorFrom, cursorFrom } from "./features/cursor/cursor-from.ts";
import { type CursorVia, cursorVia } from "./features/cursor/cursor-via.ts";
import { dialect, type ReadableDialect } from "./features/messages/dialect.ts";
import { type Gap, gaps } from "./features/cursor/gaps.ts";
import { hubCursors } from "./features/cursor/hub-cursors.ts";
import { type AnswerTimeouts, idle } from "./features/attempts/idle.ts";
import { refresh } from "./features/attempts/refresh.ts";
import { type Decode, refusals } from "./features/attempts/refusals.ts";
import { type Resume, resume } from "./features/attempts/resume.ts";
import { retry, type RetryOptions } from "./features/attempts/retry.ts";
import { trace, type TraceEntry } from "./features/trace.ts";
import { type Until, until } from "./features/messages/until.ts";

export interface SharedOptions extends AnswerTimeouts {
  /** When to reconnect, or `false` for never. Default: after a growing, random wait. */
  retry?: RetryOptions | false | undefined;
  /**
   * The last message of a finite stream: its event type, or a function that returns `true` for it and gets messages before they are
   * decoded. `{ failed: reason }` ends the connection with the verdict `"failed"`. Default: none.
   */
  until?: Until | undefined;
  /**
   * Called when the server responds with 401. When its promise resolves, the request is made again at once. Streams with the same
   * function share the call. If it rejects, or the next response is 401 again, the connection ends. It may take as long as somebody needs
   * to sign in: until it settles, the connection is connecting. Default: none.
   */
  refresh?: (() => unknown) | undefined;
  /**
   * Milliseconds without a byte (comments count) after which another attempt is made; 0 for no limit.
   * `"auto"`: three times the interval of the server's heartbeat or of other regular traffic, once it is known. Default: `"auto"` for
   * requests that may be repeated, 0 for others; in mini programs 45,000 and 120,000.
   */
  idleMs?: number | "auto" | undefined;
  /** Where the cursor is stored, so that it survives a reload. Default: only in memory. */
  cursor?: CursorStore | undefined;
  /**
   * When the cursor is stored: after the message was `"handled"`, so that a crash loses none and may repeat the last one, or when it was
   * `"received"`. A message is handled when its handlers and their promises are done, or the loop asks for the next message. If a handler
   * fails, the connection ends rather than skip the message. Default: `"handled"`.
   */
  ack?: Acknowledge | undefined;
  /**
   * Where the cursor is, if the server sends no `id`: the name of a property of each message's JSON, or a function that returns the
   * cursor of a message. It becomes the `id` of the message. Default: the server's `id`.
   */
  cursorFrom?: CursorFrom | undefined;
  /** How the cursor is sent to the server. Default: `"header"`. */
  cursorVia?: CursorVia | undefined;
  /**
   * Continues the answer to a POST with another request. Called at each reconnect, after the first request got a response. A response of
   * 204 ends the answer. Default: none.
   */
  resume?: Resume | undefined;
  /**
   * How the server marks an answer as complete or failed: one of `tidings/dialects`. With it, `until` is not needed. Default: none.
   */
  dialect?: ReadableDialect | undefined;
  /** Called with each gap: the hub reports that messages are missing, and which. */
  onGap?: ((this: void, gap: Gap) => void) | undefined;
  /** Called with each step of a reconnect, for logs and inspectors. */
  trace?: ((this: void, entry: TraceEntry) => void) | undefined;
}

/**
 * @param defaultIdleMs - Of the platform.
 * @param createDecode - For a platform without `TextDecoder`.
 */
export function sharedFeatures(
  options: SharedOptions,
  defaultIdleMs: (canRepeat: boolean) => number | "auto",
  createDecode?: () => Decode,
): Feature[] {
  const { onGap, cursorVia: via } = options;
  const features: Feature[] = [hubCursors(), refusals(createDecode)];
  if (options.trace) features.push(trace(options.trace));
  if (options.retry) features.push(retry(options.retry));
  if (options.refresh) features.push(refresh(options.refresh));
  if (options.resume) features.push(resume(options.resume));
  if (options.cursorFrom) features.push(cursorFrom(options.cursorFrom));
  if (options.cursor) features.push(cursor(options.cursor, options.ack));
  if (options.dialect) features.push(dialect(options.dialect));
  if (options.until) features.push(until(options.until));
  if (via && via !== "header") features.push(cursorVia(via));
  if (onGap) features.push(gaps(onGap));
  features.push(idle(options.idleMs === undefined ? defaultIdleMs : options.idleMs, options));
  return features;
}
