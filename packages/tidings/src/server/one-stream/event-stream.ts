/**
 * One open event stream: messages in, bytes out through an outlet, with a heartbeat, a bound and one end.
 * This module is browser compatible.
 */
import { inNextTurn } from "../../guard/in-next-turn.ts";
import { encodeComment } from "../../wire/encode.ts";
import { Batch } from "../out/batch.ts";
import type { CheckData } from "../message/check-data.ts";
import type { Outlet } from "../out/outlet.ts";
import { encodeOutgoing, type OutgoingMessage } from "../message/outgoing-message.ts";
import { type EndCode, StreamEnded } from "./stream-ended.ts";
import type { ResolvedLimits } from "./stream-limits.ts";
import { type Holder, sharedTotal, type TotalBuffered } from "./total-buffered.ts";
import { sharedWheel, type Timed, type TimerWheel } from "../time/timer-wheel.ts";
import type { EventMap } from "../../wire/contract.ts";

/**
 * - `"sent"`: given to the operating system, or to the Fetch server that had asked for it.
 * - `"queued"`: kept here, since the peer has not taken what came before; wait for `ready` before you send much more.
 * - `"closed"`: dropped, since the stream is over.
 */
export type SendResult = "sent" | "queued" | "closed";

/** What an {@link EventStream} is made of. */
export interface StreamParts {
  readonly outlet: Outlet;
  readonly lastEventId: string;
  readonly limits: ResolvedLimits;
  /** What holds its messages to a contract, if there is one. */
  readonly check?: CheckData | undefined;
  /** How it ended, where it is closed from the start. Default: the peer has left. */
  readonly closedAs?: EndCode;
  /** What keeps its time. Default: the process's own. */
  readonly wheel?: TimerWheel;
  /** What bounds what it holds together with others. Default: the process's own. */
  readonly total?: TotalBuffered;
}

/** Made by `openStream`. `Events` maps event types to their data: `{ price: Price; message: string }`. */
export class EventStream<Events extends object = EventMap> implements Timed, Holder {
  /** The request's `Last-Event-ID`: what the subscriber has. `""` when it has none. */
  readonly lastEventId: string;
  /** @internal The timer wheel's. */
  dueTick = 0;

  readonly #outlet: Outlet;
  readonly #limits: ResolvedLimits;
  readonly #check: CheckData | undefined;
  readonly #wheel: TimerWheel;
  readonly #total: TotalBuffered;
  #lastWriteMs = performance.now();
  /** Since when something waits of which no byte has left, by the wheel's `awakeMs`; undefined when nothing waits. */
  #stalledSinceMs: number | undefined;
  /** Of what waits, the largest message. */
  #largestBytes = 0;
  #sentBytes = 0;
  #takenBytes = 0;
  /** Since something waits: how much was written, in how many writes. */
  #blockedBytes = 0;
  #blockedWrites = 0;
  /** Decided before the response is over when this side ends or cuts it. */
  #end: { readonly code: EndCode; readonly cause?: unknown } | undefined;
  #isOver = false;
  /** How often `ready` was waited for since that took a turn. */
  #waits = 0;
  // Made on first use: most streams never use them, and there are many.
  #abort: AbortController | undefined;
  #ready: Deferred<void> | undefined;
  #ended: Deferred<StreamEnded> | undefined;

  /** @internal */
  constructor({
    outlet,
    lastEventId,
    limits,
    check,
    closedAs = "peer-left",
    wheel = sharedWheel(),
    total = sharedTotal(),
  }: StreamParts) {
    this.lastEventId = lastEventId;
    this.#outlet = outlet;
    this.#limits = limits;
    this.#check = check;
    this.#wheel = wheel;
    this.#total = total;
    if (outlet.closed) {
      this.#end = { code: closedAs };
      this.#isOver = true;
      return;
    }
    outlet.owner = this;
    const { heartbeatMs, stallMs } = limits;
    const checkMs = Math.min(heartbeatMs, stallMs);
    // The first one comes early by up to a quarter, so that streams opened together do not always write together.
    if (checkMs < Number.POSITIVE_INFINITY) this.#wheel.add(this, checkMs * (0.75 + Math.random() / 4));
  }

  /**
   * Sends a message. It never throws because the peer left: that is what `"closed"` says.
   * @throws {TypeError} If the message cannot be expressed: a line break in `event` or `id`, data that is not JSON, or not
   *   what `events` says. Nothing is sent then, and the stream goes on.
   * @throws {RangeError} If `retry` is not a whole number from 0 to 2^31-1, or the message is longer than `maxMessageBytes`.
   */
  send(message: OutgoingMessage<Events>): SendResult {
    if (this.closed) return "closed";
    const batch = this.#encoded("message", encodeOutgoing(message, this.#check));
    // A toJSON or a check may have ended the stream.
    return this.closed ? "closed" : this.#writeBatch(batch);
  }

  /** @internal Sends whole messages that are encoded already. The memory is shared with other streams. */
  sendEncoded(bytes: Uint8Array): SendResult {
    return this.closed ? "closed" : this.#writeBatch(Batch.of(bytes));
  }

  /**
   * Sends a comment: no handler sees it, every idle timer on the way does. A line break starts another comment line.
   * @throws {TypeError} If `text` is no string, or holds a lone surrogate.
   * @throws {RangeError} If it is longer than `maxMessageBytes`.
   */
  comment(text: string): SendResult {
    return this.closed ? "closed" : this.#writeBatch(this.#encoded("comment", encodeComment(text)));
  }

  /** Ends the response after what was sent. Later calls do nothing. */
  end(): void {
    if (this.closed) return;
    this.#decide("ended");
    this.#outlet.end();
  }

  /** Ends the stream, so that `using` does. */
  [Symbol.dispose](): void {
    this.end();
  }

  /** What a framework sends that takes the result of a handler for its answer. */
  toJSON(): { lastEventId: string; closed: boolean } {
    return { lastEventId: this.lastEventId, closed: this.closed };
  }

  /** @internal Cuts the response. */
  cut(code: EndCode, cause?: unknown): void {
    if (this.#isOver) return;
    this.#decide(code, cause);
    this.#outlet.destroy(this.#reason());
  }

  /**
   * @internal Cuts the response once what was sent has left: the message that says why is worth nothing if the cut overtakes it.
   */
  cutAfterSent(code: EndCode, cause?: unknown): void {
    if (this.#isOver) return;
    this.#decide(code, cause);
    const look = (): void => {
      if (this.#isOver) return;
      // A peer that takes nothing is cut by the wheel.
      if (this.#outlet.bufferedBytes > 0) later();
      else this.#outlet.destroy(this.#reason());
    };
    const later = (): void => {
      const timer = setTimeout(look, CUT_AFTER_MS);
      (timer as { unref?: () => void }).unref?.();
    };
    later();
  }

  /** No message will be taken any more: the stream was ended, or is over for another reason. */
  get closed(): boolean {
    return this.#end !== undefined;
  }

  /** Bytes that were sent and have not left this process. */
  get bufferedBytes(): number {
    return this.#outlet.bufferedBytes;
  }

  /** @internal What waits costs: each write has an object of its own in the response. */
  get heldBytes(): number {
    const { bufferedBytes } = this.#outlet;
    return Math.round(
      bufferedBytes * (1 + (WRITE_BYTES * this.#blockedWrites) / Math.max(1, this.#blockedBytes)),
    );
  }

  /** @internal Others need what it holds. */
  makeWay(): void {
    this.cut("slow");
  }

  /**
   * Resolves when all that was sent has been taken, or the stream is closed; at once when nothing is queued. Every 128th time it also
   * lets the event loop turn.
   */
  get ready(): Promise<void> {
    if (this.closed) return Promise.resolve();
    const ready =
      this.#stalledSinceMs === undefined ? Promise.resolve() : (this.#ready ??= new Deferred()).promise;
    this.#waits = (this.#waits + 1) % MOST_IN_A_TURN;
    return this.#waits === 0 ? ready.then(() => new Promise(inNextTurn)) : ready;
  }

  /** Aborts when the stream is closed, its reason a {@link StreamEnded}: give it to what produces the messages. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.closed) this.#abort.abort(this.#reason());
    }
    return this.#abort.signal;
  }

  /** Resolves when the response is over, with how it ended; never rejects. */
  get ended(): Promise<StreamEnded> {
    this.#ended ??= new Deferred();
    if (this.#isOver) this.#ended.resolve(this.#reason());
    return this.#ended.promise;
  }

  /** @internal Called by the timer wheel. */
  onDue(nowMs: number): number | undefined {
    if (this.#isOver) return undefined;
    const { heartbeatMs, stallMs } = this.#limits;
    if (this.#stalledSinceMs !== undefined || this.closed) {
      if (this.#isStalled(this.#wheel.awakeMs(nowMs))) {
        this.cut("stalled");
        return undefined;
      }
    } else if (nowMs - this.#lastWriteMs >= heartbeatMs) {
      this.#account(HEARTBEAT.length, this.#outlet.write(HEARTBEAT));
    }
    const untilHeartbeatMs = this.#lastWriteMs + heartbeatMs - nowMs;
    return Math.min(untilHeartbeatMs > 0 ? untilHeartbeatMs : heartbeatMs, stallMs);
  }

  #encoded(what: string, text: string): Batch {
    const batch = Batch.of(text);
    const { maxMessageBytes } = this.#limits;
    if (batch.length <= maxMessageBytes) return batch;
    throw new RangeError(
      `Cannot send message: ${what} has ${batch.length} bytes, expected ${maxMessageBytes} or fewer (maxMessageBytes): clients give up at a longer one`,
    );
  }

  #writeBatch(batch: Batch): SendResult {
    const waitingBytes = this.#outlet.bufferedBytes;
    this.#largestBytes = Math.max(waitingBytes === 0 ? 0 : this.#largestBytes, batch.length);
    if (waitingBytes + batch.length - this.#largestBytes > this.#limits.maxBufferedBytes) {
      this.cut("slow");
      return "closed";
    }
    return this.#account(batch.length, this.#outlet.write(batch)) ? "sent" : "queued";
  }

  #account(bytes: number, taken: boolean): boolean {
    this.#lastWriteMs = performance.now();
    this.#sentBytes += bytes;
    // A write during which the peer was found to have left.
    if (taken || this.#isOver) return taken;
    if (this.#stalledSinceMs === undefined) {
      this.#stalledSinceMs = this.#wheel.awakeMs(this.#lastWriteMs);
      this.#takenBytes = this.#sentBytes - this.#outlet.bufferedBytes;
      this.#blockedBytes = 0;
      this.#blockedWrites = 0;
    }
    this.#blockedBytes += bytes;
    this.#blockedWrites += 1;
    this.#total.add(this, this.#limits.maxTotalBufferedBytes);
    return false;
  }

  /** Whether the peer has taken nothing of what waits, or of what was sent before the end, for too long. */
  #isStalled(awakeMs: number): boolean {
    const takenBytes = this.#sentBytes - this.#outlet.bufferedBytes;
    if (takenBytes > this.#takenBytes || this.#stalledSinceMs === undefined) {
      this.#takenBytes = takenBytes;
      this.#stalledSinceMs = awakeMs;
    }
    return awakeMs - this.#stalledSinceMs >= this.#limits.stallMs;
  }

  /** @internal Called by the outlet. */
  onDrain(): void {
    this.#total.remove(this);
    this.#release();
  }

  /** Lets go of those who wait for `ready`. */
  #release(): void {
    this.#stalledSinceMs = undefined;
    this.#ready?.resolve();
    this.#ready = undefined;
  }

  /** @internal Called by the outlet. */
  onClose(): void {
    this.#isOver = true;
    this.#wheel.remove(this);
    this.#total.remove(this);
    if (this.#end === undefined) this.#decide("peer-left");
    this.#ended?.resolve(this.#reason());
  }

  /** @internal Called by the outlet. `ended` says why. */
  onFailed(error: unknown): void {
    this.#decide("peer-left", error);
  }

  #decide(code: EndCode, cause?: unknown): void {
    this.#end ??= { code, cause };
    // What it holds counts on until it has left.
    this.#release();
    this.#abort?.abort(this.#reason());
  }

  #reason(): StreamEnded {
    return new StreamEnded(this.#end!.code, this.#end!.cause);
  }
}

class Deferred<Value> {
  resolve!: (value: Value) => void;
  readonly promise = new Promise<Value>((resolve) => void (this.resolve = resolve));
}

/** A loop that waits for `ready` after each message gives way to others after this many: its peer may take all at once. */
const MOST_IN_A_TURN = 128;
/** What a wrapped response, a compressor or a Fetch server holds leaves some turns after it was written. */
const CUT_AFTER_MS = 20;
/** That a write costs beside its bytes while it waits, measured in Node: `npm run bench memory`. */
const WRITE_BYTES = 256;
const HEARTBEAT = Batch.of(encodeComment(""));
