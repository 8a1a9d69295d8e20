/**
 * One answer: a generator that runs once, a log of what it yields, and the streams that read it.
 */
import { memoryLog } from "../../log/memory/memory-log.ts";
import { parseCursor } from "../../log/cursor.ts";
import type { ContractOptions } from "../message/check-data.ts";
import { system } from "../hub/environment.ts";
import { OpenHub } from "../hub/open-hub.ts";
import type { HubOptions } from "../hub/hub-options.ts";
import type { Publication } from "../publish/publication.ts";
import type { SubscribeOptions } from "../subscribe/subscribe-options.ts";
import type { EventMap } from "../../wire/contract.ts";

/**
 * Makes the messages of an answer; called once. `signal` aborts when the answer is cancelled or abandoned.
 * A message has no `id` of its own: the answer gives it one.
 */
export type Generate<Events extends object = EventMap> = (context: {
  readonly signal: AbortSignal;
}) => Messages<Events> | Promise<Messages<Events>>;

type Messages<Events extends object> = AsyncIterable<Publication<Events>> | Iterable<Publication<Events>>;

/**
 * How an answer ended, as its readers are told: `event: end`, `data: {"complete":true}` or `{"complete":false,"reason":…}`.
 * - `"failed"`: the generator threw.
 * - `"too-long"`: it made more than is kept.
 * - `"cancelled"`: the application stopped it.
 * - `"abandoned"`: nobody read it for `abandonMs`.
 */
export type AnswerEnd = "failed" | "too-long" | "cancelled" | "abandoned";

export interface AnswerLimits {
  /** Milliseconds that an answer is kept after its end, 300,000 unless told. */
  readonly keepMs: number;
  /** Messages of one answer, 100,000 unless told. One more ends it with the verdict `too-long`. */
  readonly messages: number;
  /** Bytes of one answer, 8,388,608 unless told. */
  readonly bytes: number;
  /** Milliseconds without a reader after which a generator that runs is stopped; never, unless told. */
  readonly abandonMs: number | false;
}

const TOPIC = "answer";

export class Answer {
  readonly hub: OpenHub;
  readonly subscription: SubscribeOptions = { topics: [TOPIC], from: "earliest", onGap: "earliest" };
  readonly #limits: AnswerLimits;
  readonly #log = memoryLog();
  readonly #abort = new AbortController();
  readonly #events: { onError: (error: unknown) => void; onForgotten: () => void };
  /** The cursor of the verdict, once it is there. */
  #end: string | undefined;
  #stopped: AnswerEnd | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unreadSinceMs = 0;

  constructor(
    generate: Generate,
    limits: AnswerLimits,
    options: ContractOptions & Pick<HubOptions, "compression">,
    events: { onError: (error: unknown) => void; onForgotten: () => void },
  ) {
    this.#limits = limits;
    this.#events = events;
    const { messages, bytes } = limits;
    // One more of each, for the verdict.
    const history = { messages: messages + 1, bytes: bytes + 1_024, ageMs: Number.MAX_SAFE_INTEGER };
    this.hub = new OpenHub({ ...options, log: this.#log, history, onError: events.onError }, system);
    if (limits.abandonMs !== false) this.#watch(limits.abandonMs);
    void this.#run(generate);
  }

  /** Whether a reader with this cursor has the verdict. */
  isRead(cursor: string): boolean {
    if (this.#end === undefined) return false;
    const given = parseCursor(cursor);
    const end = parseCursor(this.#end)!;
    return given?.epoch === end.epoch && given.offset >= end.offset;
  }

  /** Has the generator stop. @returns Whether it was running. */
  stop(why: AnswerEnd): boolean {
    if (this.#stopped !== undefined || this.#end !== undefined) return false;
    this.#stopped = why;
    this.#abort.abort(new Error(`Answer was stopped: ${why}`));
    return true;
  }

  async forget(): Promise<void> {
    this.stop("cancelled");
    clearTimeout(this.#timer);
    this.#events.onForgotten();
    await this.hub.drain({ overMs: 0 });
  }

  async #run(generate: Generate): Promise<void> {
    let why: AnswerEnd | undefined;
    try {
      await this.#generate(generate);
    } catch (error) {
      why = "failed";
      if (this.#stopped === undefined) this.#events.onError(error);
    }
    why = this.#stopped ?? why;
    const data = why === undefined ? { complete: true } : { complete: false, reason: why };
    try {
      await this.hub.publish(TOPIC, { event: "end", data });
      this.#end = await this.hub.finish();
    } catch {
      // It was forgotten meanwhile, and nobody is left to be told.
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.forget(), this.#limits.keepMs);
    unref(this.#timer);
  }

  async #generate(generate: Generate): Promise<void> {
    const { signal } = this.#abort;
    const messages = await generate({ signal });
    const iterator =
      Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    let count = 0;
    let bytes = 0;
    for (;;) {
      // A generator that does not look at its signal must not hold up the verdict.
      const result = await Promise.race([iterator.next(), stopped]);
      if (result === undefined || this.#stopped !== undefined) break;
      if (result.done === true) return;
      await this.hub.publish(TOPIC, result.value);
      count += 1;
      ({ bytes } = await this.#log.stats());
      if (count > this.#limits.messages || bytes > this.#limits.bytes) this.stop("too-long");
    }
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }

  #watch(abandonMs: number): void {
    const look = Math.max(10, Math.min(1_000, abandonMs / 4));
    this.#unreadSinceMs = performance.now();
    const tick = (): void => {
      const now = performance.now();
      if (this.hub.stats().streams > 0) this.#unreadSinceMs = now;
      if (now - this.#unreadSinceMs >= abandonMs) this.stop("abandoned");
      else this.#timer = unref(setTimeout(tick, look));
    };
    this.#timer = unref(setTimeout(tick, look));
  }
}

function unref(timer: ReturnType<typeof setTimeout>): ReturnType<typeof setTimeout> {
  // A number in browsers and Workers.
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
