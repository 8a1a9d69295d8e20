/**
 * What a connection does when its program leaves the screen or the network goes: waits there rather than failing again and again,
 * and returns at once when it can. A request that is not repeated is left alone: what it has is all that it will get.
 * This module is browser compatible.
 */
import { EventStreamError } from "./event-stream-error.ts";
import type { Keeper } from "./keep-open.ts";
import type { PlatformSignals } from "./transports/transport.ts";

export interface PlatformFollower extends PlatformSignals {
  /** To be called when the connection begins to wait: away from screen and network it pauses instead. */
  onWaiting(): void;
}

/** @param whenHidden - `"keep"` the stream while the platform does, or `"pause"` it as soon as the program is hidden. */
export function followPlatform(
  keeper: Pick<Keeper, "state" | "pause" | "resume" | "lose">,
  whenHidden: "keep" | "pause",
): PlatformFollower {
  let hidden = false;
  let offline = false;

  return { onHide, onShow, onNetwork, onWaiting };

  function onHide(): void {
    hidden = true;
    if (whenHidden === "pause") keeper.pause();
    onWaiting();
  }

  function onShow(interrupted: boolean): void {
    hidden = false;
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

  function comeBack(): void {
    if (!hidden && !offline) keeper.resume();
  }
}
