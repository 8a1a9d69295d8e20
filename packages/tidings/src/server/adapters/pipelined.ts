/**
 * Finds requests that were sent over an HTTP/1.1 connection whose earlier response is not over. Their answers have to wait for
 * it: behind an event stream, for as long as that is open.
 * This module is browser compatible.
 */
import type { FastifyReply, FetchRequest, NodeRequest, NodeResponse } from "../request/http-types.ts";
import { nodeBehind } from "../request/node-behind.ts";
import type { Closing } from "./connection-close.ts";
import { isEventStream } from "./socket-outlet.ts";

/**
 * - `"behind-stream"`: the earlier response is an event stream of ours, so that nobody can be waiting for this answer.
 * - `"behind-response"`: it is something else.
 */
export type Pipelined = "behind-stream" | "behind-response" | undefined;

export function pipelined(request: NodeRequest, given: NodeResponse | FastifyReply): Pipelined {
  const response = ("hijack" in given ? given.raw : given) as NodeResponse & { readonly destroyed?: boolean };
  const version = request.httpVersionMajor ?? request.raw?.httpVersionMajor ?? 1;
  // Node gives a response its socket when its turn comes.
  if (version >= 2 || response.socket !== null || response.destroyed === true) return undefined;
  const { socket } = request as { readonly socket: { readonly _httpMessage?: unknown } | null | undefined };
  if (socket === null || socket === undefined) return undefined;
  return isEventStream(socket._httpMessage) ? "behind-stream" : "behind-response";
}

/** The connection of a Fetch request whose response waits for an earlier one, or that is over; where its server lets us see that. */
export interface WaitedFor extends Closing {
  readonly destroyed?: boolean;
}

export function waitedFor(request: FetchRequest): WaitedFor | undefined {
  const incoming = nodeBehind(request);
  if (incoming === undefined || (incoming.httpVersionMajor ?? 1) >= 2) return undefined;
  const socket = incoming.socket as (WaitedFor & { readonly _httpMessage?: Answering | null }) | null;
  if (socket === null || socket.destroyed === true) return socket ?? undefined;
  const answering = socket._httpMessage ?? undefined;
  return answering === undefined || answering.req === incoming ? undefined : socket;
}

/** The response that a connection carries now. */
interface Answering {
  readonly req?: unknown;
}
