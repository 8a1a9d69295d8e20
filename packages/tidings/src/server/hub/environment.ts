/**
 * What a hub takes from its platform. A simulation gives its own.
 * This module is browser compatible.
 */
import { sharedWheel, type TimerWheel } from "../time/timer-wheel.ts";

export interface HubEnvironment {
  schedule: (run: () => void) => void;
  now: () => number;
  wheel: () => TimerWheel;
}

export const system: HubEnvironment = {
  schedule:
    typeof setImmediate === "function" ? (run) => void setImmediate(run) : (run) => void setTimeout(run, 0),
  now: () => performance.now(),
  wheel: sharedWheel,
};
