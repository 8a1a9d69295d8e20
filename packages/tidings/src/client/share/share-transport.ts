/**
 * The share as a transport: opening it is joining, aborting it is leaving, and its messages come parsed from the leader. For the connection
 * above it the way is open from the beginning to the verdict; the state of the leader's connection is reported separately.
 * This module is browser compatible.
 */
import type { ConnectionState } from "../core/reconnect.ts";
import { EventStreamError } from "../core/event-stream-error.ts";
import type { Transport, TransportResponse } from "../transports/transport.ts";
import type { Verdict } from "../core/connection.ts";
import { joinShare, type MemberHost, type SharePlatform } from "./member.ts";
import { createRecent, type Entry } from "./recent.ts";
import type { Opened } from "./words.ts";

export interface ShareTransportHost extends Pick<
  MemberHost,
  | "clock"
  | "takeoverMs"
  | "maxQueued"
  | "maxQueuedBytes"
  | "maxRecent"
  | "begin"
  | "connect"
  | "onRole"
  | "onError"
> {
  /** @param response - With `"open"`, the one that the leader reads. */
  onState(state: ConnectionState, response?: TransportResponse): void;
  /** The stream is at its end, and all its messages were taken. */
  onEnd(verdict: Verdict): void;
}

export function shareTransport(
  platform: SharePlatform,
  shareName: string,
  host: ShareTransportHost,
): Transport {
  return {
    name: "share",
    open({ headers }, sink) {
      let over = false;
      let leave: (() => void) | undefined;
      let pressure: void | PromiseLike<void>;
      // A transport tells nothing before it is opened.
      void Promise.resolve().then(async () => {
        if (over) return;
        await sink.onResponse({ status: 200, url: shareName, header: () => "text/event-stream" });
        if (over) return;
        const recent = createRecent(headers["last-event-id"] || "", host.maxRecent);
        leave = joinShare(platform, shareName, { ...host, take, onOverflow, onState, onEnd }, recent);
        if (over) leave();
      });
      return {
        abort() {
          over = true;
          leave?.();
        },
      };

      function take({ id, message }: Entry): void | PromiseLike<void> {
        return (pressure = message ? sink.onMessage!(message) : sink.onText!(`id: ${id}\n\n`));
      }

      function onOverflow(): void {
        sink.onError(
          new EventStreamError(
            "too-large",
            `Cannot queue message: as many wait as maxQueuedMessages (${host.maxQueued}) or maxQueuedBytes (${host.maxQueuedBytes}) allow, and without an id none can be asked for again`,
          ),
        );
      }

      function onState(state: ConnectionState, opened?: Opened): void {
        // A sign of life, also where the stream says nothing for long.
        void sink.onText!("");
        host.onState(
          state,
          opened && { ...opened, header: (name) => (name === "content-type" ? opened.type : null) },
        );
      }

      function onEnd(verdict: Verdict): void {
        void Promise.resolve(pressure).then(() => over || host.onEnd(verdict));
      }
    },
  };
}
