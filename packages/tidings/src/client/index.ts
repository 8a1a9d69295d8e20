/**
 * The client: event streams over fetch, kept open.
 * This module is browser compatible.
 */
export type { Enveloped, EventSchemas, Schema, SchemaIssue, SchemaResult } from "../wire/contract.ts";
export { connect, type Connection, type ConnectOptions } from "./connect.ts";
export type { SignalLike } from "../guard/abort.ts";
export type { Clock } from "./core/clock.ts";
export type { Verdict } from "./core/connection.ts";
export {
  EventStreamError,
  type EventStreamErrorCode,
  type EventStreamErrorFacts,
} from "./core/event-stream-error.ts";
export type { ConnectionState, RetryPolicy } from "./core/reconnect.ts";
export type { Asked, HeadersInput } from "./core/request.ts";
export { EventSource, type EventSourceErrorEvent, type EventSourceInit } from "./event-source.ts";
export { type CursorStore, type StorageLike, storedCursor } from "./features/cursor/cursor.ts";
export type { CursorFrom } from "./features/cursor/cursor-from.ts";
export type { CursorVia } from "./features/cursor/cursor-via.ts";
export type { FailedAnswer, ReadableDialect } from "./features/messages/dialect.ts";
export type { Gap } from "./features/cursor/gaps.ts";
export type { DecodedMessage, MessageIn } from "./features/messages/json.ts";
export type { WhenHidden, WhenOffline } from "./features/page.ts";
export type { Resume, ResumeRequest } from "./features/attempts/resume.ts";
export type { RetryOptions, StatusTable } from "./features/attempts/retry.ts";
export type { MessageOf } from "./features/messages/schemas.ts";
export type { TraceEntry } from "./features/trace.ts";
export type { Failed } from "./features/messages/until.ts";
export { type Fetch, fetchTransport, type FetchTransportOptions } from "./transports/fetch.ts";
export { TransportError, type TransportErrorCode } from "./transports/transport-error.ts";
export type {
  PlatformSignals,
  Transport,
  TransportRequest,
  TransportResponse,
  TransportSink,
} from "./transports/transport.ts";
