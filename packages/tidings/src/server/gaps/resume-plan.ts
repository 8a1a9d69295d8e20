/**
 * How a stream goes on from what the log gave it: with the page, or with a gap, behind which it reads on. One rule for the subscriber that
 * returns and for the one that stayed and read too slowly.
 * This module is browser compatible.
 */
import { encode } from "../../wire/encode.ts";
import { formatCursor } from "../../log/cursor.ts";
import type { Gap, GapReason, OnGap, ToldGap } from "./gap.ts";

export interface ReaderPosition {
  /** The subscriber's cursor as it sent it, or as it was sent to it last. */
  readonly from: string;
  readonly after: number;
  /** Losses up to this offset were reported. */
  readonly lossToldUpTo: number;
  readonly onGap: OnGap;
  /**
   * A state follows the gap, and an id the state. The gap then has none, so that a subscriber that is cut off before it has
   * the state gets both again.
   */
  readonly snapshot?: boolean;
}

export interface ResumePlan {
  /** The gap event, to be written in place of the page. Absent, the page is. */
  readonly gap: Uint8Array | undefined;
  /** Where the stream stands once that is written. */
  readonly upTo: number;
  readonly lossToldUpTo: number;
  /** The offset that the peer has as its last event ID once it has the gap, and the state if one follows; undefined: as before. */
  readonly gapOffset: number | undefined;
  /** The range that the gap reports. */
  readonly told: ToldGap | undefined;
  /** The stream ends after the gap: the subscriber wants all or nothing. */
  readonly fails: boolean;
}

/**
 * @param log - The log's epoch, and the newest offset that the hub has seen.
 * @param reason - Why there is a gap, if there is one. `"epoch"` says that there is, whatever was read.
 */
export function planResume(
  position: ReaderPosition,
  page: {
    readonly through: number;
    readonly lostThrough: number;
    readonly entries: readonly { offset: number }[];
  },
  log: { readonly epoch: string; readonly head: number },
  reason: GapReason,
): ResumePlan {
  const { epoch } = log;
  const lost = reason === "epoch" || page.lostThrough > Math.max(position.after, position.lossToldUpTo);
  const lossToldUpTo = Math.max(position.lossToldUpTo, page.lostThrough);
  if (!lost) {
    return {
      gap: undefined,
      gapOffset: undefined,
      told: undefined,
      upTo: page.through,
      lossToldUpTo,
      fails: false,
    };
  }
  const gapTo = (offset: number, id: number | undefined): Pick<ResumePlan, "gap" | "gapOffset" | "told"> => ({
    told: { after: position.after, upTo: offset, reason, retainedSent: position.onGap === "earliest" },
    gap: encodeGap(
      { from: position.from, to: formatCursor(epoch, offset), reason },
      id === undefined || position.snapshot === true ? undefined : formatCursor(epoch, id),
    ),
    gapOffset: id,
  });
  const head = Math.max(log.head, page.lostThrough);
  switch (position.onGap) {
    case "live":
      return { ...gapTo(head, head), upTo: head, lossToldUpTo: head, fails: false };
    case "earliest": {
      // Its id is what the retained entries follow, so that a subscriber cut off right here comes back to them.
      const before = (page.entries[0]?.offset ?? page.through + 1) - 1;
      const to = reason === "epoch" ? before : page.lostThrough;
      return {
        ...gapTo(to, before),
        upTo: before,
        lossToldUpTo,
        fails: false,
      };
    }
    case "fail":
      // Without an id: a subscriber that returns is refused again, and does not count as one that has everything.
      return { ...gapTo(head, undefined), upTo: position.after, lossToldUpTo, fails: true };
  }
}

/** A cursor that we did not make may be any text that fits in a header. */
const MOST_ECHOED = 128;

/** @param id - Where the stream goes on, as its last event ID from here on; absent, it keeps what it has. */
export function encodeGap({ from, to, reason }: Gap, id: string | undefined): Uint8Array {
  const data = JSON.stringify({ from: from.slice(0, MOST_ECHOED), to, reason });
  const message = id === undefined ? { event: "gap", data } : { event: "gap", data, id };
  return new TextEncoder().encode(encode(message));
}
