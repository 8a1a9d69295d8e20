/**
 * Finds the request of node:http that a server has made a Fetch request of. Such a server hears that the peer has left from the
 * response, and Node says nothing on a response whose turn has not come: one of a pipelined request would be open for ever.
 * This module is browser compatible.
 */
import type { FetchRequest, NodeRequest } from "./http-types.ts";

/** Requests of srvx (h3, Nitro), and of @hono/node-server, which keeps it to itself. */
interface Wrapped {
  readonly runtime?: { readonly node?: { readonly req?: unknown } };
  readonly [incoming: symbol]: unknown;
}

export function nodeBehind(request: FetchRequest): NodeRequest | undefined {
  const wrapped: Wrapped = request as FetchRequest & Wrapped;
  let incoming: unknown = wrapped.runtime?.node?.req;
  if (incoming === undefined) {
    const key = Object.getOwnPropertySymbols(wrapped).find(
      ({ description }) => description === "incomingKey",
    );
    if (key !== undefined) incoming = wrapped[key];
  }
  return typeof incoming === "object" && incoming !== null && "socket" in incoming
    ? (incoming as NodeRequest)
    : undefined;
}
