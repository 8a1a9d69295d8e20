/**
 * The server: event streams over any response, of node:http, its frameworks, or the Fetch standard.
 */
export { openStream, type FetchEventStream, type StreamOptions } from "./open-stream.ts";
export type { EventStream, SendResult } from "./event-stream.ts";
export { type EndCode, StreamEnded } from "./stream-ended.ts";
export type { StreamLimits } from "./stream-limits.ts";
export type { ContractOptions } from "./check-data.ts";
export type { DataOf, EventSchemas, Schema, SchemaIssue, SchemaResult, SchemasOf } from "../wire/contract.ts";
export type { EventMap, OutgoingMessage } from "./outgoing-message.ts";
export type { Source } from "./source.ts";
export type { HeadOptions } from "./response-head.ts";
export type { FetchRequest } from "./adapters/fetch.ts";
export type { FastifyReply } from "./adapters/fastify-reply.ts";
export type { NodeRequest, NodeResponse } from "./adapters/node.ts";
export { createHub, type Hub, type Published, type PublishOptions } from "./hub.ts";
export type {
  Authorization,
  Authorize,
  HistoryOptions,
  HubLimits,
  HubOptions,
  SnapshotResult,
  SubscribeOptions,
} from "./hub-options.ts";
export type { CompressionOptions } from "./compression/compression-options.ts";
export type { StreamEnd, Subscription } from "./hub-stream.ts";
export {
  type Acceptor,
  type AcceptorOptions,
  type AcceptorServer,
  type AcceptorStatistics,
  createAcceptor,
  type StreamHandler,
  type StreamRequest,
} from "./acceptor/acceptor.ts";
export { HubError } from "./hub-error.ts";
export type { HubGauges, HubStatistics } from "./hub-stats.ts";
export type { Gap, GapReason, OnGap } from "./gap.ts";
export type { DrainOptions } from "./drain.ts";
export type { Publication } from "./publication.ts";
export type { RefusalCode } from "./refusal.ts";
export type { TopicSelector } from "./selection.ts";
export { memoryLog, type MemoryLogOptions } from "../log/memory.ts";
export { LogError, type Log } from "../log/log.ts";
export { type Answers, type AnswersOptions, createAnswers, resumable } from "./resumable.ts";
export type { AnswerEnd, AnswerLimits, Generate } from "./answer.ts";
export type { SlowPolicy } from "./conflation.ts";
export { type PrometheusOptions, toPrometheus } from "./prometheus.ts";
export type { DiagnosticsMessages } from "./diagnostics.ts";
export type { Inspection, StreamInspection } from "./inspection.ts";
