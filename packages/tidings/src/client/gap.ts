/**
 * A gap: messages that a subscriber will not get, as a hub says it in band.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../wire/message.ts";

export interface Gap {
  /** The cursor that the subscriber had. */
  readonly from: string;
  /** The newest cursor that is lost. */
  readonly to: string;
  /** It came back too late (`"retention"`), the log is another (`"epoch"`), or it read too slowly (`"slow"`). */
  readonly reason: "retention" | "epoch" | "slow";
}

/** The gap that a message tells of; nothing for any other message, and for one that is only called so. */
export function gapOf({ event, data }: ParsedMessage): Gap | undefined {
  if (event !== "gap") return;
  try {
    const gap = JSON.parse(data) as Gap;
    if ([gap.from, gap.to, gap.reason].every((field) => typeof field === "string")) return gap;
  } catch {}
}
