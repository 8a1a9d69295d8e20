/**
 * What a connection does when its program leaves the screen or the network goes: waits there rather than failing again and again,
 * and returns at once when it can. A request that is not repeated is left alone: what it has is all that it will get.
 * This module is browser compatible.
 */
import { EventStreamError } from "./event-stream-error.ts";
import type { Clock, Keeper } from "./keep-open.ts";
import type { PlatformSignals } from "./transports/transport.ts";

export interface PlatformFollower extends PlatformSignals {
  /** To be called when the connection begins to wait: away from screen and network it pauses instead. */
  onWaiting(): void;
  /** Final: no timer runs any more. */
  stop(): void;
}

/** @param whenHidden - `"keep"` the stream while the platform does, or `"pause"` it when the program is hidden, or has been for milliseconds. */
export function followPlatform(
  keeper: Pick<Keeper, "state" | "pause" | "resume" | "lose">,
  whenHidden: "keep" | "pause" | number,
  clock?: Pick<Clock, "setTimeout" | "clearTimeout">,
): PlatformFollower {
  let hidden = false;
  let offline = false;
  let timer: unknown;

  return { onHide, onShow, onNetwork, onWaiting, stop };

  function onHide(): void {
    hidden = true;
    if (whenHidden === "pause") keeper.pause();
    else if (whenHidden !== "keep" && clock) {
      stop();
      timer = clock.setTimeout(() => keeper.pause(), whenHidden);
    }
    onWaiting();
  }

  function onShow(interrupted: boolean): void {
    hidden = false;
    stop();
    // The platform has killed the request, and on some it tells nobody.
    if (interrupted) {
      keeper.lose(new EventStreamError("interrupted", "Event stream was cut while the program was hidden"));
    }
    comeBack();
  }

  function onNetwork(online: boolean): void {
    // What was open over the network before is dead, and on some platforms nobody says so.
    keeper.pause();
    offline = !online;
    comeBack();
  }

  function onWaiting(): void {
    if ((hidden || offline) && keeper.state.phase === "waiting") keeper.pause();
  }

  function stop(): void {
    if (clock) clock.clearTimeout(timer);
  }

  function comeBack(): void {
    if (!hidden && !offline) keeper.resume();
  }
}
