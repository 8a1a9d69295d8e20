/**
 * Event streams in WeChat mini programs, and in whatever has the shape of `wx.request`, Taro among them.
 * Built to one ES2015 CommonJS file without dependencies, `miniprogram_dist/mini-program.js`: what this entry reaches uses
 * the language of 2015, timers, and no other global.
 * This module is browser compatible.
 */
export type { SignalLike } from "../guard/abort.ts";
export type { Clock } from "../client/core/clock.ts";
export type { Connection, Verdict } from "../client/core/connection.ts";
export {
  EventStreamError,
  type EventStreamErrorCode,
  type EventStreamErrorFacts,
} from "../client/core/event-stream-error.ts";
export type { ConnectionState, RetryPolicy } from "../client/core/reconnect.ts";
export type { Asked, HeadersInput } from "../client/core/request.ts";
export type { Failed } from "../client/features/messages/until.ts";
export type { RetryOptions } from "../client/features/attempts/retry.ts";
export { TransportError, type TransportErrorCode } from "../client/transports/transport-error.ts";
export type {
  PlatformSignals,
  Transport,
  TransportRequest,
  TransportResponse,
  TransportSink,
} from "../client/transports/transport.ts";
export type { ParsedMessage } from "../wire/message.ts";
export { connect, type ConnectOptions } from "./connect.ts";
export { fromTaro } from "./taro.ts";
export { fromTt, type TtLike } from "./tt.ts";
export { fromUni } from "./uni.ts";
export { fromWx } from "./wx.ts";
export type { WxLike } from "./wx-host.ts";
export type { WxOptions } from "./wx-options.ts";
