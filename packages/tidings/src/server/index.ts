/**
 * The server: event streams over any response, of node:http, its frameworks, or the Fetch standard.
 */
export { openStream, type FetchEventStream, type StreamOptions } from "./open-stream.ts";
export type { EventStream, SendResult } from "./event-stream.ts";
export { type EndCode, StreamEnded } from "./stream-ended.ts";
export type { StreamLimits } from "./stream-limits.ts";
export type { EventMap, OutgoingMessage } from "./outgoing-message.ts";
export type { Source } from "./source.ts";
export type { HeadOptions } from "./response-head.ts";
export type { FetchRequest } from "./adapters/fetch.ts";
export type { NodeRequest, NodeResponse } from "./adapters/node.ts";
