/**
 * What waits in this process for peers that do not take it, over all streams, and its bound. Nothing can be taken back from a
 * socket, so where it is too much, streams have to go: those that wait for what has waited longest. Their clients return with their
 * cursors.
 *
 * Equal bytes are in memory once, however many streams they wait for, and count once, unless they are encrypted or compressed for
 * each stream.
 * This module is browser compatible.
 */
import type { Batch } from "../out/batch.ts";
import type { HubStream } from "./hub-stream.ts";

interface Held {
  readonly batch: Batch;
  /** That it waits for. It is one alone mostly, and has no set then: that would be a good part of what a slow reader costs. */
  stream: HubStream;
  others: Set<HubStream> | undefined;
}

export class BlockedBytes {
  readonly #most: number;
  readonly #end: (stream: HubStream) => void;
  /** What each stream has last been given. */
  readonly #held = new Map<HubStream, Held>();
  /** What streams can share, by what it is. Here and not on the batch: some are sent by all hubs of a process. */
  readonly #shared = new Map<Batch, Held>();
  /** What waits for one stream, and what waits for several; apart, so that room is found without a look at what frees none. */
  readonly #ofOne = new Set<Held>();
  readonly #ofMany = new Set<Held>();
  #bytes = 0;

  /** @param end - Cuts a stream. */
  constructor(most: number, end: (stream: HubStream) => void) {
    this.#most = most;
    this.#end = end;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A stream's peer does not take what was written. */
  add(stream: HubStream, batch: Batch): void {
    this.remove(stream);
    const isShared = stream.outlet.copies !== true;
    let held = isShared ? this.#shared.get(batch) : undefined;
    if (held === undefined) {
      held = { batch, stream, others: undefined };
      if (isShared) this.#shared.set(batch, held);
      this.#ofOne.add(held);
      this.#bytes += batch.length;
    } else {
      if (held.others === undefined) {
        held.others = new Set();
        this.#ofOne.delete(held);
        this.#ofMany.add(held);
      }
      held.others.add(stream);
    }
    this.#held.set(stream, held);
    if (this.#bytes > this.#most) this.#makeRoom(held);
  }

  /** It does, or the stream is over. */
  remove(stream: HubStream): void {
    const held = this.#held.get(stream);
    if (held === undefined) return;
    this.#held.delete(stream);
    const { others } = held;
    if (others !== undefined) {
      if (!others.delete(stream)) {
        const [next] = others;
        held.stream = next!;
        others.delete(next!);
      }
      if (others.size > 0) return;
      held.others = undefined;
      this.#ofMany.delete(held);
      this.#ofOne.add(held);
      return;
    }
    this.#ofOne.delete(held);
    this.#bytes -= held.batch.length;
    if (this.#shared.get(held.batch) === held) this.#shared.delete(held.batch);
  }

  /** @param newest - Stays: a message that alone is larger than all of the room must reach someone. */
  #makeRoom(newest: Held): void {
    // What several streams wait for goes last, and then whole: to cut some of them frees nothing.
    for (const room of [this.#ofOne, this.#ofMany]) {
      for (const held of room) {
        if (held === newest) continue;
        // One that is cut is removed; the last of several is moved to where it waits alone.
        for (const stream of [held.stream, ...(held.others ?? [])]) {
          this.remove(stream);
          this.#end(stream);
        }
        if (this.#bytes <= this.#most) return;
      }
    }
  }
}
