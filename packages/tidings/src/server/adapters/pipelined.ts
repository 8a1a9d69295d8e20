/**
 * Finds requests that were sent over an HTTP/1.1 connection whose earlier response is not over. Their answers have to wait for
 * it: behind an event stream, for as long as that is open.
 * This module is browser compatible.
 */
import type { FastifyReply, NodeRequest, NodeResponse } from "../request/http-types.ts";
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
