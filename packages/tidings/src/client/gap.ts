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
export function gapOf(message: ParsedMessage): Gap | undefined {
  if (message.event !== "gap") return;
  try {
    const gap = JSON.parse(message.data) as Gap | null;
    if (gap && typeof gap.from === "string" && typeof gap.to === "string" && typeof gap.reason === "string")
      return gap;
  } catch {}
}
