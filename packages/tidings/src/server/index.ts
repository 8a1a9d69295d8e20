/**
 * The server: event streams over any response, of node:http, its frameworks, or the Fetch standard.
 */
export { openStream, type FetchEventStream, type StreamOptions } from "./one-stream/open-stream.ts";
export type { EventStream, SendResult } from "./one-stream/event-stream.ts";
export { type EndCode, StreamEnded } from "./one-stream/stream-ended.ts";
export type { StreamLimits } from "./one-stream/stream-limits.ts";
export type { ContractOptions } from "./message/check-data.ts";
export type {
  DataOf,
  Enveloped,
  EventMap,
  EventSchemas,
  Schema,
  SchemaIssue,
  SchemaResult,
  SchemasOf,
} from "../wire/contract.ts";
export type { OutgoingMessage } from "./message/outgoing-message.ts";
export type { Source } from "./one-stream/source.ts";
export type { HeadOptions } from "./out/response-head.ts";
export type { Hub, InspectOptions } from "./hub/hub.ts";
export type { HubProcess } from "./cluster/cluster.ts";
export type { ClusterOptions, PresenceOptions } from "./cluster/cluster-options.ts";
export type { ProcessStatistics } from "./cluster/presence/process-records.ts";
export type { Presence } from "./cluster/presence/process-table.ts";
export type { RetentionOptions, HubLimits, HubOptions } from "./hub/hub-options.ts";
export type { CompressionOptions } from "./compression/compression-options.ts";
export { HubError } from "./publish/hub-error.ts";
export type { HubGauges, HubStatistics } from "./observe/hub-stats.ts";
export type { Gap, GapReason, OnGap } from "./gaps/gap.ts";
export type { ReadTopicsOptions, TopicMessage } from "./read/read-topics.ts";
export type { DrainOptions } from "./streams/drain.ts";
export type { Publication } from "./publish/publication.ts";
export type { RefusalCode } from "./request/refusal.ts";
export type { TopicSelector } from "./topics/topic-selection.ts";
export { memoryLog, type MemoryLogOptions } from "../log/memory/memory-log.ts";
export { LogError, type Log } from "../log/log.ts";
export { createAnswers, resumable } from "./answers/create-answers.ts";
export type {
  AnswerRequestOptions,
  Answers,
  AnswersOptions,
  AnswerState,
  AnswerStreamOptions,
  AuthorizeAnswer,
  StartOptions,
} from "./answers/answers.ts";
export type { AnswerEnd } from "./answers/answer.ts";
export type { AnswerLimits } from "./answers/answer-limits.ts";
export { AnswerError } from "./answers/read-answer.ts";
export type { Generate } from "./answers/producer.ts";
export type { Items } from "./message/read-source.ts";
export type { SlowPolicy } from "./entries/conflation.ts";
export { type LabelledStatistics, type PrometheusOptions, toPrometheus } from "./observe/prometheus.ts";
export type { DiagnosticsMessages } from "./observe/diagnostics.ts";
export type { Inspection, StreamInspection } from "./observe/inspection.ts";
export type { FetchRequest, FastifyReply, NodeRequest, NodeResponse } from "./request/http-types.ts";
export { createHub } from "./hub/create-hub.ts";
export type { Published, PublishInTransaction, PublishOptions } from "./publish/publisher.ts";
export type {
  Authorization,
  Authorize,
  SnapshotResult,
  SubscribeOptions,
} from "./subscribe/subscribe-options.ts";
export type { StreamEnd, Subscription, TopicsUpdate, UpdateResult } from "./streams/subscription.ts";
export { type DoctorEndpoint, doctorEndpoint, type DoctorEndpointOptions } from "./doctor/doctor-endpoint.ts";
