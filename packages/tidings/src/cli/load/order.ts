/**
 * What was lost, came twice, or came in the wrong order, by the ids of the messages: a hub's cursors (`epoch.offset`) or whole
 * numbers that grow. All connections read the same stream, so what one of them saw between its first and last message, every
 * other one should have seen.
 */

/** Newest offsets that a connection remembers, to tell what comes twice from what comes late. */
const REMEMBERED = 32;
/** Offsets of one epoch that are remembered; of a longer run, losses are counted in the newest alone. */
const MOST_OFFSETS = 4_000_000;

export interface OrderTotals {
  /** Connections whose messages had such ids. */
  readonly counted: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  /** What others had got and these had not yet, when it ended. */
  readonly behind: number;
}

/** The place of one connection, over its reconnects. */
export interface Place {
  epoch: string;
  first: number;
  last: number;
  distinct: number;
  readonly recent: Float64Array;
  at: number;
}

export class Order {
  readonly #epochs = new Map<string, Set<number>>();
  readonly #places = new Set<Place>();
  #lost = 0;
  #doubled = 0;
  #outOfOrder = 0;

  /** @param place - What this returned for the connection's message before. */
  take(place: Place | undefined, id: string): Place | undefined {
    const match = /^(?:([\w-]{1,64})\.)?(\d{1,15})$/.exec(id);
    if (match === null) return place;
    const epoch = match[1] ?? "";
    const offset = Number(match[2]);
    let seen = this.#epochs.get(epoch);
    if (seen === undefined) this.#epochs.set(epoch, (seen = new Set()));
    seen.add(offset);
    if (seen.size > MOST_OFFSETS) seen.delete(seen.values().next().value!);

    if (place === undefined || place.epoch !== epoch) {
      // Another log: what was before is counted, and it begins anew.
      if (place !== undefined) this.#settle(place);
      const fresh: Place = {
        epoch,
        first: offset,
        last: offset,
        distinct: 1,
        recent: new Float64Array(REMEMBERED).fill(-1),
        at: 1,
      };
      fresh.recent[0] = offset;
      this.#places.add(fresh);
      return fresh;
    }
    if (offset > place.last) {
      place.last = offset;
      place.distinct++;
    } else if (place.recent.includes(offset) || offset < place.first || offset < Math.min(...place.recent)) {
      this.#doubled++;
      return place;
    } else {
      this.#outOfOrder++;
      place.distinct++;
    }
    place.recent[place.at] = offset;
    place.at = (place.at + 1) % REMEMBERED;
    return place;
  }

  #settle(place: Place): void {
    this.#places.delete(place);
    const sorted = Float64Array.from(this.#epochs.get(place.epoch) ?? []).sort();
    this.#lost += Math.max(0, below(sorted, place.last + 1) - below(sorted, place.first) - place.distinct);
  }

  totals(): OrderTotals {
    const sorted = new Map(
      [...this.#epochs].map(([epoch, offsets]) => [epoch, Float64Array.from(offsets).sort()]),
    );
    let [lost, behind] = [this.#lost, 0];
    for (const { epoch, first, last, distinct } of this.#places) {
      const all = sorted.get(epoch)!;
      lost += Math.max(0, below(all, last + 1) - below(all, first) - distinct);
      behind += all.length - below(all, last + 1);
    }
    return { counted: this.#places.size, lost, doubled: this.#doubled, outOfOrder: this.#outOfOrder, behind };
  }
}

/** How many of the sorted numbers are below this one. */
function below(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
