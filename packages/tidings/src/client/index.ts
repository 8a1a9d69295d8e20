/**
 * The client: event streams over fetch, kept open.
 * This module is browser compatible.
 */
export type { Clock } from "./clock.ts";
export { connect, type Connection, type ConnectOptions } from "./connect.ts";
export type { ConnectionOptions, RetryOptions, SignalLike, TraceEntry, Verdict } from "./connection.ts";
export { type CursorStore, type StorageLike, storedCursor } from "./cursor.ts";
export type { EventSchemas, Schema, SchemaIssue, SchemaResult } from "../wire/contract.ts";
export type { DecodedMessage, MessageOf } from "./decode.ts";
export { EventSource, type EventSourceErrorEvent, type EventSourceInit } from "./event-source.ts";
export {
  EventStreamError,
  type EventStreamErrorCode,
  type EventStreamErrorFacts,
} from "./event-stream-error.ts";
export type { Gap } from "./gap.ts";
export type { StatusTable } from "./refusal.ts";
export type { Asked, CursorVia, HeadersInput } from "./request.ts";
export type { ConnectionState, RetryPolicy } from "./reconnect.ts";
export { type Fetch, fetchTransport, type FetchTransportOptions } from "./transports/fetch.ts";
export { TransportError, type TransportErrorCode } from "./transports/transport-error.ts";
export type {
  PlatformSignals,
  Transport,
  TransportRequest,
  TransportResponse,
  TransportSink,
} from "./transports/transport.ts";
