/**
 * What a connection does when its program leaves the screen or the network goes: waits there rather than failing again and again,
 * and returns at once when it can.
 * This module is browser compatible.
 */
import type { Clock } from "./clock.ts";
import type { PlatformSignals } from "./transports/transport.ts";

export interface PlatformFollower {
  readonly signals: PlatformSignals;
  /** Whether no attempt could be made now. */
  isAway(this: void): boolean;
  /** Final: no timer runs any more. */
  stop(this: void): void;
}

/**
 * @param whenHidden - `"keep"` the stream while the platform does, or `"pause"` it when the program is hidden, or has been for milliseconds.
 * @param pause - Told whether only what is not open shall pause.
 * @param onInterrupted - The platform has killed the request.
 */
export function followPlatform(
  whenHidden: "keep" | "pause" | number,
  clock: Clock,
  pause: (onlyWaiting: boolean) => void,
  resume: () => void,
  onInterrupted: () => void,
): PlatformFollower {
  let hidden = false;
  let offline = false;
  let timer: unknown;

  const isAway = () => hidden || offline;
  const stop = () => clock.clearTimeout(timer);
  return {
    signals: {
      onHide() {
        hidden = true;
        stop();
        if (typeof whenHidden === "number") timer = clock.setTimeout(() => pause(false), whenHidden);
        pause(whenHidden !== "pause");
      },
      onShow(interrupted) {
        hidden = false;
        stop();
        // On some platforms nobody else tells.
        if (interrupted) onInterrupted();
        if (!offline) resume();
      },
      onNetwork(online) {
        offline = !online;
        // What was open over the network before is dead, and on some platforms nobody says so.
        pause(false);
        if (!isAway()) resume();
      },
    },
    isAway,
    stop,
  };
}
