/**
 * Gaps: messages that a subscriber will not get, as a hub says in band.
 * This module is browser compatible.
 */
import { reportUncaught, tell } from "../../../guard/foreign.ts";
import type { ParsedMessage } from "../../../wire/message.ts";
import type { Feature } from "../../core/feature.ts";

export interface Gap {
  /** The cursor that the subscriber had. */
  readonly from: string;
  /** The newest cursor that is lost. */
  readonly to: string;
  /** `"retention"`: it reconnected too late. `"epoch"`: the log was replaced. `"slow"`: it read too slowly. */
  readonly reason: "retention" | "epoch" | "slow";
}

/** Calls `onGap` for each gap, in its place among the messages. */
export function gaps(onGap: (gap: Gap) => unknown): Feature {
  return () => ({
    handed(message) {
      const gap = gapOf(message);
      if (gap) tell(reportUncaught, onGap, gap);
    },
  });
}

/** The gap that a message reports. Undefined for any other message, even one with that event type. */
function gapOf({ event, data }: ParsedMessage): Gap | undefined {
  if (event !== "gap") return;
  try {
    const gap = JSON.parse(data) as Gap;
    if ([gap.from, gap.to, gap.reason].every((field) => typeof field === "string")) return gap;
  } catch {}
  return;
}
