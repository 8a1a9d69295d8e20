/**
 * Finds requests that were sent over an HTTP/1.1 connection whose earlier response is not over. Their answers have to wait for
 * it: behind an event stream, for as long as that is open.
 * This module is browser compatible.
 */
import type { FastifyReply, FetchRequest, NodeRequest, NodeResponse } from "../request/http-types.ts";
import type { Refusal } from "../request/refusal.ts";
import { nodeBehind } from "../request/node-behind.ts";
import { sawRequest, waitingRequest } from "../request/waiting-request.ts";

function isPipelined(request: NodeRequest, given: NodeResponse | FastifyReply): boolean {
  const response = ("hijack" in given ? given.raw : given) as NodeResponse & { readonly destroyed?: boolean };
  const version = request.httpVersionMajor ?? request.raw?.httpVersionMajor ?? 1;
  // Node gives a response its socket when its turn comes.
  if (version >= 2 || response.socket !== null || response.destroyed === true) return false;
  return request.socket !== null && request.socket !== undefined;
}

/** The connection of a Fetch request whose response waits for an earlier one, or that is over; where its server lets us see that. */
interface WaitedFor {
  readonly destroyed?: boolean;
  destroy?(): unknown;
}

export function waitedFor(request: FetchRequest): WaitedFor | undefined {
  const shown = nodeBehind(request);
  if (shown !== undefined) sawRequest();
  const incoming = shown ?? waitingRequest();
  if (incoming === undefined || (incoming.httpVersionMajor ?? 1) >= 2) return undefined;
  const socket = incoming.socket as (WaitedFor & { readonly _httpMessage?: Answering | null }) | null;
  if (socket === null || socket.destroyed === true) return socket ?? undefined;
  const answering = socket._httpMessage ?? undefined;
  return answering === undefined || answering.req === incoming ? undefined : socket;
}

const PIPELINED: Refusal = {
  code: "too-many-streams",
  status: 429,
  detail:
    "The connection already carries another response, expected a separate connection for an event stream",
};

/** Of a request whose connection is over: nobody reads it. */
export const LEFT: Refusal = { ...PIPELINED, detail: "The connection is over" };

/**
 * Requests that are refused on one connection. Node stops reading from a connection for which much waits, and then nobody would notice
 * that its peer has left: one that sends more is cut.
 */
const MOST_REFUSED = 20;

const refused = new WeakMap<object, number>();

/**
 * The refusal of a request that waits for an earlier response of its connection, or whose connection is over. Undefined when its turn has come, or the server does not
 * let us see it.
 * @param response - Absent for a Fetch request.
 */
export function refusePipelined(
  request: NodeRequest | FetchRequest,
  response: NodeResponse | FastifyReply | undefined,
): Refusal | undefined {
  let connection: WaitedFor | undefined;
  if (response === undefined) connection = waitedFor(request as FetchRequest);
  else {
    sawRequest();
    if (isPipelined(request as NodeRequest, response)) {
      connection = (request as NodeRequest).socket as WaitedFor;
    }
  }
  if (connection === undefined) return undefined;
  if (connection.destroyed === true) return LEFT;
  const count = (refused.get(connection) ?? 0) + 1;
  refused.set(connection, count);
  if (count > MOST_REFUSED) connection.destroy?.();
  return PIPELINED;
}

/** The response that a connection carries now. */
interface Answering {
  readonly req?: unknown;
}
