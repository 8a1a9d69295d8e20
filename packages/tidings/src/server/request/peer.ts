/**
 * Watches whether the peer of a request is still there, while nothing has been answered yet.
 * This module is browser compatible.
 */
import { ignore } from "../../guard/ignore.ts";
import type { FastifyReply, FetchRequest, NodeResponse } from "./http-types.ts";

/** Calls `onLeft` once when the peer leaves, at once when it has left already. Returns a function that stops watching. */
export type WatchPeer = (onLeft: () => void) => () => void;

export function nodePeer(given: NodeResponse | FastifyReply): WatchPeer {
  const response = ("hijack" in given ? given.raw : given) as NodeResponse & {
    readonly destroyed?: boolean;
    off?(name: string, listener: () => void): unknown;
  };
  return (onLeft) => {
    if (response.destroyed === true) {
      onLeft();
      return ignore;
    }
    response.on("close", onLeft);
    return () => {
      try {
        response.off?.("close", onLeft);
      } catch {
        // Middleware has wrapped it. It hears of an end that means nothing any more.
      }
    };
  };
}

export function fetchPeer({ signal }: FetchRequest): WatchPeer {
  return (onLeft) => {
    if (signal === undefined || signal === null) return ignore;
    if (signal.aborted) {
      onLeft();
      return ignore;
    }
    signal.addEventListener("abort", onLeft, { once: true });
    return () => signal.removeEventListener("abort", onLeft);
  };
}
