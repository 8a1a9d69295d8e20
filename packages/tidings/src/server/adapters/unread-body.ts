/**
 * Takes the body of a request from its connection where nobody does. Node stops reading a body that nobody asks for once it keeps
 * some of it, and cuts a connection whose request has not arrived within `server.requestTimeout`, however well its response goes.
 * This module is browser compatible.
 */
import type { NodeRequest } from "../request/http-types.ts";
import { isNode } from "../request/is-node.ts";
import { sharedWheel, type Timed } from "../time/timer-wheel.ts";

/** As much of `IncomingMessage` as is used here. */
interface Incoming {
  readonly httpVersionMajor?: number;
  readonly headers?: { readonly [name: string]: unknown };
  /** All of it has arrived. */
  readonly complete?: boolean;
  readonly readableDidRead?: boolean;
  /** Null until someone listens to it, reads or pauses it. */
  readonly readableFlowing?: boolean | null;
  readonly socket?: { readonly server?: { readonly requestTimeout?: unknown } | null } | null;
  resume?(): unknown;
  once?(name: "close", listener: () => void): unknown;
}

/**
 * Discards the body shortly before Node would cut the stream for it. An application that wants it has long asked for it by then, and
 * would not have got it any more soon after.
 */
export function discardUnread(request: NodeRequest): void {
  const incoming = ((request as { raw?: unknown }).raw ?? request) as Incoming;
  if (!hasBody(incoming) || !isUnread(incoming) || (incoming.httpVersionMajor ?? 1) >= 2 || !isNode()) return;
  const timeoutMs = incoming.socket?.server?.requestTimeout;
  if (typeof timeoutMs !== "number" || !(timeoutMs > 0) || typeof incoming.once !== "function") return;
  const wheel = sharedWheel();
  const timed: Timed = {
    dueTick: 0,
    onDue() {
      if (isUnread(incoming)) incoming.resume?.();
      return undefined;
    },
  };
  wheel.add(timed, timeoutMs * DISCARDED_AFTER);
  incoming.once("close", () => wheel.remove(timed));
}

/** Of a request without one, too, Node says that it has not arrived while its head is handled. */
function hasBody({ headers = {} }: Incoming): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

function isUnread({ complete, readableDidRead, readableFlowing }: Incoming): boolean {
  return complete === false && readableDidRead === false && readableFlowing === null;
}

/** Of the time that Node allows: what was not sent yet has the rest to arrive. */
const DISCARDED_AFTER = 0.75;
