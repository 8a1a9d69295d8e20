/**
 * Streams whose topics are to change. One changes at its cursor, once it has everything of the old topics that was published before it
 * was wanted: before the cursor it got the old topics, behind it it gets the new. So the cursor means the same as ever, for the
 * stream and for a client that returns with it.
 */
import { ask } from "../../guard/foreign.ts";
import { Batch } from "../out/batch.ts";
import type { AskState, HubLink, HubStream, StreamGroup } from "../streams/hub-stream.ts";
import type { SubscriberGroups } from "../streams/subscriber-groups.ts";

export interface StreamChange {
  /** Acquired for the stream, which gives it back. */
  readonly group: StreamGroup;
  /** Asks for the state of the topics that are added. */
  readonly addedState: AskState | undefined;
  /** Asks for the state of all, after a gap. */
  readonly askState: AskState | undefined;
  /** Called once, when it is made. */
  readonly onChanged: () => void;
}

export interface StreamChangesOptions {
  readonly recent: { readonly epoch: string; readonly head: number };
  readonly groups: Pick<SubscriberGroups, "release">;
  readonly hub: HubLink;
}

interface Waiting extends StreamChange {
  /** What the old topics are sent up to. An offset of another epoch means nothing. */
  readonly epoch: string;
  readonly head: number;
  controller: AbortController | undefined;
}

export class StreamChanges {
  readonly #options: StreamChangesOptions;
  readonly #waiting = new Map<HubStream, Waiting>();

  constructor(options: StreamChangesOptions) {
    this.#options = options;
  }

  /** A stream has one change at most. */
  add(stream: HubStream, change: StreamChange): void {
    const { epoch, head } = this.#options.recent;
    this.#waiting.set(stream, { ...change, epoch, head, controller: undefined });
  }

  /** The stream is over. */
  forget(stream: HubStream): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting.get(stream);
    if (waiting === undefined) return;
    waiting.controller?.abort();
    this.#waiting.delete(stream);
    this.#options.groups.release(waiting.group);
  }

  /**
   * Changes a stream that has got so far. Nothing of it is on its way.
   * @returns Whether it has to be left alone now: the application is asked for the state.
   */
  take(stream: HubStream): boolean {
    if (this.#waiting.size === 0) return false;
    const waiting = this.#waiting.get(stream);
    const { epoch } = this.#options.recent;
    if (waiting === undefined || (waiting.epoch === epoch && stream.offset < waiting.head)) return false;
    if (waiting.addedState === undefined) {
      this.#change(stream, waiting);
      return false;
    }
    this.#askState(stream, waiting, waiting.addedState);
    return true;
  }

  #askState(stream: HubStream, waiting: Waiting, addedState: AskState): void {
    const { hub, recent } = this.#options;
    const { epoch } = recent;
    const { offset } = stream;
    waiting.controller = new AbortController();
    const { signal } = waiting.controller;
    stream.reading = true;
    ask(
      () => addedState(offset, signal),
      (state) => {
        stream.reading = false;
        if (stream.end !== undefined) return;
        this.#change(stream, waiting);
        // Where the log was replaced meanwhile, the stream gets a gap, and the state of all topics behind it.
        if (epoch === recent.epoch) {
          stream.page = new Batch(state, { messages: 0, lastOffset: offset, upTo: offset, toAll: false });
        }
        hub.wake(stream);
      },
      (error) => {
        stream.reading = false;
        if (stream.end === undefined) hub.end(stream, "failed", error);
      },
    );
  }

  #change(stream: HubStream, { group, askState, onChanged }: Waiting): void {
    this.#waiting.delete(stream);
    const { group: before } = stream;
    stream.askState = askState;
    stream.move(group);
    this.#options.groups.release(before);
    onChanged();
  }
}
