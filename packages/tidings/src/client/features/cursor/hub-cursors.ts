/**
 * A hub's cursors, which are ordered, told from all other servers' ids, which are not.
 * A hub announces its epoch in a comment at the start of each stream, `:epoch k3Jd_93ms-Xq`. From then on an id `k3Jd_93ms-Xq.17`
 * is known to come before `k3Jd_93ms-Xq.18`, and a message that comes twice is dropped. Of any other id nothing is concluded.
 * In band, since a page of another origin cannot read response headers.
 * This module is browser compatible.
 */
import type { Feature } from "../../core/feature.ts";

/** Drops messages of a hub that came before. */
export function hubCursors(): Feature {
  return (core) => {
    let epoch: string | undefined;
    return {
      comment(text) {
        epoch = announcedEpoch(text) || epoch;
      },
      isOld: (id) => isBehind(id, core.lastEventId, epoch),
    };
  };
}

/** The epoch that a comment announces. */
export function announcedEpoch(comment: string): string | undefined {
  const announced = /^epoch ([\w-]+)$/.exec(comment);
  return announced ? announced[1] : undefined;
}

/** Whether `id` is a cursor of this epoch that the stream had reached when it stood at `lastEventId`: the message came before. */
export function isBehind(id: string, lastEventId: string, epoch: string | undefined): boolean {
  const offset = offsetIn(id, epoch);
  return offset >= 0 && offset <= offsetIn(lastEventId, epoch);
}

/** -1 for whatever is not a cursor of this epoch. */
function offsetIn(id: string, epoch: string | undefined): number {
  const [own, offset = "", more] = id.split(".");
  return epoch && own === epoch && more === undefined && /^(0|[1-9]\d{0,15})$/.test(offset)
    ? Number(offset)
    : -1;
}
