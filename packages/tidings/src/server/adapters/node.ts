/**
 * Makes an outlet of a Node-style request and response: node:http, node:http2 and every framework that hands those on.
 * An HTTP/1.1 response that nobody has wrapped is written to its socket (socket-outlet.ts), anything else through its own
 * `write` (response-outlet.ts).
 * Loads where there is no Node, and no types of Node's are needed to compile against it.
 * This module is browser compatible.
 */
import { ignore } from "../../guard/ignore.ts";
import { show } from "../../guard/show.ts";
import { unreadable } from "../../guard/unreadable.ts";
import type { Batch } from "../out/batch.ts";
import type { Outlet } from "../out/outlet.ts";
import { joinVary, type ResponseHead } from "../out/response-head.ts";
import type { FastifyReply, NodeRequest, NodeResponse } from "../request/http-types.ts";
import { cutResponse } from "../../guard/cut-response.ts";
import { takeOver } from "../request/take-over.ts";
import {
  isGone,
  type Unwrapped,
  unwrappedParts,
  type WideResponse,
  writesChunksTo,
} from "./node-response.ts";
import { ResponseOutlet } from "./response-outlet.ts";
import { type NodeSocket, SocketOutlet } from "./socket-outlet.ts";
import { discardUnread } from "./unread-body.ts";

/** A response that opens event streams in its own way, as the acceptor's does. */
export interface OpensStreams extends NodeResponse {
  openTidingsStream(head: ResponseHead, first: Batch): Outlet;
}

/**
 * Sends the head with its first bytes and returns where the rest goes.
 * @throws {TypeError} If the response has been begun or ended by someone else. @throws What middleware throws that has wrapped it; it is
 *   cut then, if its head has left.
 */
export function createNodeOutlet(
  request: NodeRequest,
  given: NodeResponse | FastifyReply,
  head: ResponseHead,
  first: Batch = head.first,
): Outlet {
  assertUnbegun(given);
  const response = takeOver(given) as WideResponse;
  const version = request.httpVersionMajor ?? request.raw?.httpVersionMajor ?? 1;
  // HTTP/1 alone: HTTP/2 shares one socket among streams, and forbids touching it.
  const socket = version < 2 ? ((request.socket ?? undefined) as NodeSocket | undefined) : undefined;
  if (opensStreams(response)) return response.openTidingsStream(head, first);
  try {
    const outlet = openOn(request, response, socket, head, first);
    discardUnread(request);
    return outlet;
  } catch (error) {
    // Its head may have left: without an end, its peer would wait for ever.
    if (hasBegun(response)) cutResponse(response, socket, error);
    throw error;
  }
}

function openOn(
  request: NodeRequest,
  response: WideResponse,
  socket: NodeSocket | undefined,
  head: ResponseHead,
  first: Batch,
): Outlet {
  // Nothing may be left that could throw for the life of the process: errors of a response say only that its peer left.
  response.on("error", ignore);
  if (isGone(response, socket)) return closedOutlet(response);
  const unwrapped = unwrappedParts(response);
  // Node has none for a response without a body, and would throw.
  if (request.method === "HEAD") response.removeHeader("trailer");
  writeHead(response, unwrapped, head);
  if (request.method === "HEAD") {
    response.flushHeaders();
    const outlet = new ResponseOutlet(response, undefined);
    outlet.end();
    outlet.closed = true;
    return outlet;
  }
  // The response of a pipelined request has no socket before its turn comes.
  const own = response.socket === socket ? socket : undefined;
  own?.cork?.(); // head and first bytes in one packet
  response.flushHeaders();
  const outlet =
    own !== undefined && unwrapped.body && writesChunksTo(response, own)
      ? SocketOutlet.of(own, response, unwrapped.events)
      : new ResponseOutlet(
          response,
          unwrapped.head && unwrapped.events && own !== undefined ? undefined : socket,
        );
  outlet.write(first);
  own?.uncork?.();
  if (outlet.failure !== undefined) throw outlet.failure.error;
  return outlet;
}

function hasBegun(response: WideResponse): boolean {
  try {
    return response.headersSent;
  } catch {
    return true;
  }
}

/**
 * @throws {TypeError} If it is no response, or has been begun or ended by someone else.
 */
export function assertUnbegun(given: NodeResponse | FastifyReply): void {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`Cannot open event stream: response is ${show(given)}, expected a Node response`);
  }
  const response = "hijack" in given ? given.raw : given;
  try {
    if (!response.headersSent && !response.writableEnded) return;
  } catch (cause) {
    cutResponse(response);
    throw unreadable("open event stream", "response", cause);
  }
  throw new TypeError(
    `Cannot open event stream: response ${response.writableEnded ? "has ended" : "has sent its head"} already, expected one that was not used yet`,
  );
}

function writeHead(response: WideResponse, unwrapped: Unwrapped, head: ResponseHead): void {
  if (unwrapped.head && response.getHeaderNames!().length === 0) {
    // Nothing to merge with: Node then keeps no copy of the headers for the life of the response.
    response.writeHead!(head.status, head.flat);
    return;
  }
  response.statusCode = head.status;
  response.removeHeader("content-length");
  // With any other, a peer could not tell where the body ends, and Node would keep the connection for the next response.
  if (!/^(?:chunked)?$/i.test(String(response.getHeader?.("transfer-encoding") ?? "")))
    response.removeHeader("transfer-encoding");
  for (const [name, value] of head.headers) {
    // Others may vary the response as well.
    response.setHeader(name, name === "vary" ? joinVary(response.getHeader?.(name), String(value)) : value);
  }
}

function closedOutlet(response: WideResponse): Outlet {
  const outlet = new ResponseOutlet(response, undefined);
  outlet.closed = true;
  return outlet;
}

function opensStreams(response: NodeResponse): response is OpensStreams {
  return typeof (response as Partial<OpensStreams>).openTidingsStream === "function";
}
