/**
 * One way to open an event stream, the same for the three that the page offers: what goes in, and what it tells.
 */
import type { EventStreamErrorCode } from "tidings/client";

export type ClientName = "connect" | "event-source" | "browser";

/** What the form says. A client takes what it can use; request-form.ts shows which that is. */
export interface StreamRequest {
  readonly client: ClientName;
  /** As entered; it may be relative to the page. */
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly lastEventId: string;
  /** Event types that an EventSource must be told of; `message` and those of `stopOn` need not be. */
  readonly listenTo: readonly string[];
  /** Event types that end the stream well. */
  readonly stopOn: readonly string[];
  readonly replay: boolean;
}

export interface ReceivedMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

/** Why an attempt failed. The browser's own EventSource knows only whether it will try again. */
export interface Failure {
  readonly code: EventStreamErrorCode | "browser-retries" | "browser-gave-up";
  readonly message: string;
  readonly status?: number | undefined;
  /** What the server said in the refusal's body. */
  readonly reason?: string | undefined;
  readonly crossOrigin: boolean;
  readonly willRetry: boolean;
}

/** How a stream ended: by a `stopOn` event, by the user, too early, or for a failure that no return can help. */
export type Ending = "complete" | "stopped" | "truncated" | "failed";

export interface StreamListener {
  onState(state: "connecting" | "open" | "waiting" | "paused"): void;
  /** @param status - Where the client tells it. */
  onOpen(status: number | undefined): void;
  onMessage(message: ReceivedMessage): void;
  onError(failure: Failure): void;
  /** Once; after it nothing more is told. */
  onEnd(ending: Ending): void;
}

/** Opens a stream, whose first state is `connecting`. @returns How to stop it, which is an ending as well. */
export type OpenStream = (request: StreamRequest, listener: StreamListener) => { stop(): void };

export function isCrossOrigin(url: string): boolean {
  return new URL(url, location.href).origin !== location.origin;
}
