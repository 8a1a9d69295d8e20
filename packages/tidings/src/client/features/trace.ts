/**
 * Each step of a connection, for logs and inspectors.
 * This module is browser compatible.
 */
import { reportUncaught, tell } from "../../guard/foreign.ts";
import type { EventStreamError } from "../core/event-stream-error.ts";
import type { Feature } from "../core/feature.ts";
import type { ConnectionState, ReconnectInput } from "../core/reconnect.ts";

/** One step of a connection's life. */
export interface TraceEntry {
  readonly atMs: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The state after it. */
  readonly state: ConnectionState;
  /** What happened. */
  readonly what: ReconnectInput["type"];
  /** How long until the next attempt. */
  readonly waitMs: number | undefined;
  /** Why the attempt was lost. */
  readonly error: EventStreamError | undefined;
}

/** Calls `onEntry` for each step. */
export function trace(onEntry: (entry: TraceEntry) => unknown): Feature {
  return () => {
    let lastError: EventStreamError | undefined;
    return {
      lost(error) {
        lastError = error;
        return undefined;
      },
      state({ state: { phase, attempt, dueMs }, input, nowMs }) {
        tell(reportUncaught, onEntry, {
          atMs: nowMs,
          attempt,
          state: phase,
          what: input.type,
          waitMs: phase === "waiting" ? dueMs - nowMs : undefined,
          error: input.type === "lost" ? lastError : undefined,
        });
      },
    };
  };
}
