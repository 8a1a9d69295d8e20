/**
 * The client for those who choose its features, and so its size: `connect(url, { use: [json(), idle()] })`.
 * This module is browser compatible.
 */
export { connect, type Connection, type CoreOptions } from "./connect.ts";
export type { Verdict } from "./connection.ts";
export { EventStreamError, type EventStreamErrorCode } from "./event-stream-error.ts";
export type { Core, Decoding, Feature, Hooks, Last, StateChange } from "./feature.ts";
export type { ConnectionState, RetryPolicy } from "./reconnect.ts";
export { cursor, type CursorStore, storedCursor } from "../features/cursor/cursor.ts";
export { type CursorFrom, cursorFrom } from "../features/cursor/cursor-from.ts";
export { type CursorVia, cursorVia } from "../features/cursor/cursor-via.ts";
export { dialect, type FailedAnswer, type ReadableDialect } from "../features/messages/dialect.ts";
export { type Gap, gaps } from "../features/cursor/gaps.ts";
export { hubCursors } from "../features/cursor/hub-cursors.ts";
export { type AnswerTimeouts, idle } from "../features/attempts/idle.ts";
export { type DecodedMessage, json, type MessageIn } from "../features/messages/json.ts";
export { page, type WhenHidden, type WhenOffline } from "../features/page.ts";
export { refresh } from "../features/attempts/refresh.ts";
export { refusals } from "../features/attempts/refusals.ts";
export { type Resume, resume, type ResumeRequest } from "../features/attempts/resume.ts";
export { retry, type RetryOptions, type StatusTable } from "../features/attempts/retry.ts";
export { type MessageOf, schemas } from "../features/messages/schemas.ts";
export { trace, type TraceEntry } from "../features/trace.ts";
export { type Failed, type Until, until } from "../features/messages/until.ts";
export { toReadable } from "../readable.ts";
