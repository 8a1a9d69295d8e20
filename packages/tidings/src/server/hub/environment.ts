/**
 * What a hub takes from its platform. A simulation gives its own.
 * This module is browser compatible.
 */
import { inNextTurn } from "../../guard/in-next-turn.ts";
import { sharedWheel, type TimerWheel } from "../time/timer-wheel.ts";

export interface HubEnvironment {
  schedule: (run: () => void) => void;
  now: () => number;
  wheel: () => TimerWheel;
}

export const system: HubEnvironment = {
  schedule: inNextTurn,
  now: () => performance.now(),
  wheel: sharedWheel,
};
