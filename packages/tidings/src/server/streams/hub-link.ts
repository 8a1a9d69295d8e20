/**
 * The way back. Rooms of a hub import each other in one direction; what they ask against it goes through this interface,
 * which the hub implements.
 */
import type { HubStream } from "./hub-stream.ts";
import type { StreamEnd } from "./subscription.ts";

export interface HubLink {
  /** There may be something to write to a stream: its peer took what it had, its page was read, its heartbeat is due. */
  wake(stream: HubStream): void;
  /** A stream cannot go on. @param error - Reported to the application. */
  end(stream: HubStream, end: StreamEnd, error?: unknown): void;
  /** The response of a stream is over. */
  left(stream: HubStream, end: StreamEnd): void;
}
