/**
 * Small questions that many checks ask.
 */
import { headerOf } from "../../http/exchange.ts";
import type { Observation } from "../examine/observation.ts";

export function header(observation: Observation | undefined, name: string): string | undefined {
  return observation?.head === undefined ? undefined : headerOf(observation.head, name);
}

/** Whether there is a stream to look at. */
export function isStream(observation: Observation): boolean {
  return observation.head?.status === 200 && isEventStream(header(observation, "content-type"));
}

export function isEventStream(type: string | undefined): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(type ?? "");
}

/** A time for people. */
export function time(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
