/**
 * One stream from Start to its end, whichever client has it: keeps the state, counts the attempts, and writes the log.
 */
import { openWithConnect } from "./connect-client.ts";
import type { EventLog, Happening } from "./event-log.ts";
import { openWithBrowserEventSource, openWithTidingsEventSource } from "./event-source-client.ts";
import type { ClientName, Ending, Failure, OpenStream, StreamRequest } from "./stream-client.ts";

const CLIENTS: Record<ClientName, OpenStream> = {
  connect: openWithConnect,
  "event-source": openWithTidingsEventSource,
  browser: openWithBrowserEventSource,
};

export type SessionState = "idle" | "connecting" | "open" | "waiting" | "paused" | Ending;

export interface Status {
  readonly state: SessionState;
  /** From 1; 0 before the first. */
  readonly attempt: number;
  /** Of `performance.now()`. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly lastEventId: string;
  /** Why the last attempt failed, until one succeeds. */
  readonly failure: Failure | undefined;
}

export interface Session {
  readonly status: Status;
  /** Stops what runs, and opens another. */
  start(request: StreamRequest): void;
  /** Does nothing if nothing runs. */
  stop(): void;
}

export function isRunning(state: SessionState): boolean {
  return state === "connecting" || state === "open" || state === "waiting" || state === "paused";
}

/** @param onChange - Called after each change of the status or the log. */
export function createSession(log: EventLog, onChange: () => void): Session {
  let status: Status = {
    state: "idle",
    attempt: 0,
    startedAt: undefined,
    endedAt: undefined,
    lastEventId: "",
    failure: undefined,
  };
  let stream: { stop(): void } | undefined;

  return {
    get status() {
      return status;
    },
    start,
    stop,
  };

  function change(changes: Partial<Status>, happening?: Happening): void {
    status = { ...status, ...changes };
    if (happening) log.add(happening, status.attempt);
    onChange();
  }

  function start(request: StreamRequest): void {
    stop();
    log.begin(request.method, request.url);
    let current = true;
    const end = (ending: Ending): void => {
      if (!current) return;
      current = false;
      stream = undefined;
      change({ state: ending, endedAt: performance.now() }, { kind: "end", ending });
    };
    change({
      state: "connecting",
      attempt: 1,
      startedAt: performance.now(),
      endedAt: undefined,
      lastEventId: request.lastEventId,
      failure: undefined,
    });
    const opened = CLIENTS[request.client](request, {
      onState(state) {
        if (!current || state === status.state) return;
        const returns = status.state === "waiting" || status.state === "paused";
        const isNext = returns && (state === "connecting" || state === "open");
        change({ state, attempt: status.attempt + (isNext ? 1 : 0) });
      },
      onOpen(code) {
        if (current) change({ state: "open", failure: undefined }, { kind: "open", status: code });
      },
      onMessage({ event, data, id }) {
        if (!current) return;
        const bytes = new TextEncoder().encode(data).length;
        change({ lastEventId: id }, { kind: "message", event, data, id, bytes });
      },
      onError(failure) {
        if (!current) return;
        // An EventSource does not tell when it connects again, only that it failed again.
        if (status.state === "waiting") change({ attempt: status.attempt + 1 });
        change({ failure }, { kind: "error", failure });
      },
      onEnd: end,
    });
    if (!current) return;
    stream = {
      stop() {
        opened.stop();
        end("stopped");
      },
    };
  }

  function stop(): void {
    stream?.stop();
  }
}
