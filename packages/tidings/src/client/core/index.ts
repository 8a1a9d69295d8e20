/**
 * The client for those who choose its features, and so its size: `connect(url, { use: [json(), idle()] })`.
 * This module is browser compatible.
 */
export { connect, type Connection, type CoreOptions } from "./connect.ts";
export type { Verdict } from "./connection.ts";
export { EventStreamError, type EventStreamErrorCode } from "./event-stream-error.ts";
export type { Core, Feature, Hooks, Last, StateChange } from "./feature.ts";
export type { ConnectionState, RetryPolicy } from "./reconnect.ts";
export { cursor, type CursorStore, storedCursor } from "../features/cursor.ts";
export { type CursorFrom, cursorFrom } from "../features/cursor-from.ts";
export { type CursorVia, cursorVia } from "../features/cursor-via.ts";
export { dialect, type FailedAnswer, type ReadableDialect } from "../features/dialect.ts";
export { type Gap, gaps } from "../features/gaps.ts";
export { hubCursors } from "../features/hub-cursors.ts";
export { type AnswerTimeouts, idle } from "../features/idle.ts";
export { type DecodedMessage, json, type MessageIn } from "../features/json.ts";
export { page, type WhenHidden, type WhenOffline } from "../features/page.ts";
export { refresh } from "../features/refresh.ts";
export { refusals } from "../features/refusals.ts";
export { type Resume, resume, type ResumeRequest } from "../features/resume.ts";
export { retry, type RetryOptions, type StatusTable } from "../features/retry.ts";
export { type MessageOf, schemas } from "../features/schemas.ts";
export { trace, type TraceEntry } from "../features/trace.ts";
export { type Failed, type Until, until } from "../features/until.ts";
export { toReadable } from "../readable.ts";
