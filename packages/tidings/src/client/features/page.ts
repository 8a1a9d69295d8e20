/**
 * What a connection does when its program leaves the screen or the network goes: waits there rather than failing again and again,
 * and returns at once when it can. What platforms say of this is often late or wrong, so that a stream that may still live gets the
 * time to show it.
 * This module is browser compatible.
 */
import { ask, reportUncaught, tell } from "../../guard/foreign.ts";
import { atLeast } from "../../guard/least.ts";
import type { ParserEnd } from "../../wire/parser.ts";
import { type EventStreamError, streamError } from "../core/event-stream-error.ts";
import type { Feature } from "../core/feature.ts";
import { isUnderWay } from "../core/reconnect.ts";
import type { PlatformSignals, Transport } from "../transports/transport.ts";
import { watchPage } from "./watch-page.ts";

/** While the program is hidden: `"keep"` the stream as long as the platform does, or `"pause"` it, at once or after a number of milliseconds. */
export type WhenHidden = "keep" | "pause" | number;

/**
 * When the platform reports that it is offline, which is often wrong with VPNs and isolated networks. `"keep"`: a stream is kept
 * while it receives data, and attempts continue, one every 30 seconds. `"pause"`: everything stops until the platform is online.
 */
export type WhenOffline = "keep" | "pause";

/** How long a stream in doubt may be silent. */
const DOUBT_MS = 20_000;
/** The same for a request that is not repeated, since a wrong guess costs the answer. */
const DOUBT_ONCE_MS = 60_000;
/** A program that was hidden for less is not doubted. */
const AWAY_MS = 30_000;
/** How long to wait for the next attempt while the platform says that there is no network. */
const OFFLINE_RETRY_MS = 30_000;
/** How long a page that is left may take. After that it was not left. */
const LEAVING_MS = 5000;

/**
 * Follows the page: visible or hidden, online or offline. Requests that are not repeated are kept as long as they live.
 * @throws {RangeError} If `whenHidden` is none of what it can be.
 */
export function page(whenHidden?: WhenHidden, whenOffline?: WhenOffline): Feature {
  return followPlatform(whenHidden, whenOffline, watchPage);
}

/** @param watch - Reports the platform's signals, where the transport does not. */
export function followPlatform(
  whenHidden: WhenHidden = "keep",
  whenOffline: WhenOffline = "keep",
  watch?: Transport["watch"],
): Feature {
  if (whenHidden !== "keep" && whenHidden !== "pause") atLeast("connect", "whenHidden", whenHidden, 0);
  return (core) => {
    const { clock, canRepeat, take, transport } = core;
    let hidden = false;
    let hiddenAtMs = 0;
    let online = true;
    /** Whether anything came since the platform said that there is no network. */
    let heard = true;
    let hiding: unknown;
    let doubt: unknown;
    let leaving: unknown;
    let whileLeaving: readonly [EventStreamError, ParserEnd | undefined] | undefined;
    let unwatch: (() => void) | undefined;

    const signals: PlatformSignals = {
      onHide() {
        hidden = true;
        hiddenAtMs = clock.nowMs();
        clock.clearTimeout(hiding);
        clock.clearTimeout(doubt);
        if (typeof whenHidden === "number") hiding = clock.setTimeout(() => pause(false), whenHidden);
        pause(whenHidden !== "pause");
      },
      onShow(interrupted) {
        const wasHidden = hidden;
        hidden = false;
        clock.clearTimeout(hiding);
        if (interrupted) lose("interrupted", "was cut while the program was hidden");
        else if (wasHidden && clock.nowMs() - hiddenAtMs >= AWAY_MS) doubtIt();
        if (online || whenOffline === "keep") resume();
      },
      // Some browsers never read on for it (Chromium), however short it was.
      onThaw() {
        hiddenAtMs = -Infinity;
        if (!hidden) doubtIt();
      },
      onNetwork(isOnline, isCache) {
        // Online after online is another network. After offline, what came meanwhile shows that nothing happened. And Chromium keeps the
        // stream of a page in the back/forward cache: with six such pages an HTTP/1.1 origin is out of reach.
        const isDead = isOnline ? !isCache && (online || !heard) : isCache;
        online = isOnline;
        heard = isOnline;
        pause(!isDead && whenOffline === "keep");
        doubtIt();
        if (online && !hidden) resume();
      },
      onLeave() {
        clock.clearTimeout(leaving);
        leaving = clock.setTimeout(() => {
          leaving = undefined;
          if (whileLeaving) core.lose(...whileLeaving);
        }, LEAVING_MS);
      },
    };

    return {
      heard() {
        heard = true;
        clock.clearTimeout(doubt);
      },
      response() {
        heard = true;
      },
      // A page that is left breaks its requests before it is gone. That is no failure to report.
      lost(error, end) {
        whileLeaving = undefined;
        if (leaving === undefined || error.code !== "network") return;
        whileLeaving = [error, end];
        // Fits no state in which something is lost: nothing changes.
        return { type: "due" };
      },
      state({ state: { phase, dueMs }, input }) {
        if (input.type === "start") {
          ask(
            () => (transport.watch ? transport.watch(signals) : watch && watch(signals)),
            (stop) => {
              unwatch = stop;
            },
            reportUncaught,
          );
        }
        if (phase !== "open") clock.clearTimeout(doubt);
        if (phase === "waiting" && dueMs < Infinity && (hidden || !(online || heard))) pause(true);
        if (phase !== "closed") return;
        clock.clearTimeout(hiding);
        clock.clearTimeout(leaving);
        tell(reportUncaught, unwatch);
      },
    };

    /** Requests that are not repeated are left alone: what they have is all that will come. */
    function pause(onlyWaiting: boolean): void {
      if (!canRepeat() || (onlyWaiting && core.state.phase !== "waiting" && core.state.phase !== "paused"))
        return;
      take({ type: "pause", ms: hidden || whenOffline === "pause" ? undefined : OFFLINE_RETRY_MS });
    }

    function resume(): void {
      if (canRepeat()) take({ type: "resume" });
    }

    /** The stream may be dead. If it is not, something will come. */
    function doubtIt(): void {
      const ms = canRepeat() ? DOUBT_MS : DOUBT_ONCE_MS;
      clock.clearTimeout(doubt);
      if (core.state.phase !== "open") return;
      doubt = clock.setTimeout(() => {
        if (!core.pressure())
          lose("idle", `is dead: nothing came for ${ms} ms after the program or the network was away`);
      }, ms);
    }

    function lose(code: "interrupted" | "idle", what: string): void {
      if (isUnderWay(core.state)) core.lose(streamError(code, core.url, what));
    }
  };
}
