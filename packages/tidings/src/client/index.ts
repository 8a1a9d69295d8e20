/**
 * The client: event streams over fetch, kept open.
 * This module is browser compatible.
 */
export { connect, type ConnectOptions } from "./connect.ts";
export type {
  Connection,
  ConnectionOptions,
  Platform,
  RetryOptions,
  SignalLike,
  Verdict,
} from "./connection.ts";
export { EventSource, type EventSourceErrorEvent, type EventSourceInit } from "./event-source.ts";
export {
  EventStreamError,
  type EventStreamErrorCode,
  type EventStreamErrorFacts,
} from "./event-stream-error.ts";
export type { Clock } from "./keep-open.ts";
export type { Asked, HeadersInput } from "./request.ts";
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
