/**
 * Appends in groups: one step is under way, and what comes meanwhile goes together with the next. Where one comes after another,
 * a group waits a little for more: a step costs Redis as much as a dozen messages do. Each has a number, so that one that is sent
 * twice is done once.
 */
import { inNextTurn } from "../../guard/in-next-turn.ts";
import { AppendQueue, type QueuedAppend } from "../appending/append-queue.ts";
import { idempotencyScope } from "../appending/idempotency.ts";
import type { Appended, Draft, Retention, TopicRetention } from "../log.ts";
import { doubles, encodeBlocks } from "./frames.ts";
import type { Argument } from "./link.ts";
import { isUndone } from "./steps.ts";

export interface AppenderOptions {
  readonly instance: string;
  readonly lostTopics: number;
  readonly idempotencyAgeMs: number;
  readonly deadlineMs: number;
  readonly pendingBytes: number;
  /** From one step to the next, while appends come by themselves. */
  readonly lingerMs: number;
  readonly retention: () => Retention;
  readonly run: (args: readonly Argument[], withinMs: number) => Promise<readonly unknown[]>;
}

/**
 * Runs a function when all promises that are settled have been gone on from, and before anything else comes: what other connections
 * bring in the same turn of the event loop did not wait for the answer.
 */
const { process } = globalThis as { process?: { nextTick?: (run: () => void) => void } };
const afterPromises: (run: () => void) => void = process?.nextTick?.bind(process) ?? inNextTurn;

/** Topics whose bounds are remembered. */
const MOST_BOUNDS = 10_000;

/** Of so few messages, a call for each costs Redis little more, and the first of them would wait for the last. */
const LEAST_JOINED = 5;
/** After so long without a message, what came before says nothing. */
const QUIET_MS = 100;

export class Appender {
  readonly #options: AppenderOptions;
  readonly #queue: AppendQueue;
  readonly #bounds = new Map<string, Partial<TopicRetention> | undefined>();
  #steppedMs = -Infinity;
  /** Messages of the last steps, some twenty of them, and the time that they took. */
  #lately = { messages: 0, ms: 0 };
  /** Since an answer, while what waited for it goes on. */
  #isAnswering = false;
  /** Somebody waited for the answer before this: more will come only after the next. */
  #isAwaited = false;
  #go: (() => void) | undefined;
  #isWriting = false;
  #number = 0;

  constructor(options: AppenderOptions) {
    const { deadlineMs, pendingBytes } = options;
    this.#options = options;
    this.#queue = new AppendQueue({ writer: "Redis", deadlineMs, pendingBytes });
  }

  append(drafts: readonly Draft[], idempotencyKey: string | undefined): Promise<Appended> {
    const appended = this.#queue.append(drafts, idempotencyScope(drafts, idempotencyKey));
    this.#isAwaited ||= this.#isAnswering;
    if (!this.#isWriting) void this.#write();
    if (this.#isDue()) this.#go?.();
    return appended;
  }

  /** Resolves when everything that was appended is settled. */
  settled(): Promise<void> {
    return this.#queue.settled();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    // What is appended in the same turn goes with it.
    await Promise.resolve();
    const queue = this.#queue;
    while (!queue.isEmpty) {
      await this.#linger();
      const group = queue.take();
      if (queue.isEmpty) this.#isAwaited = false;
      // The time of all of them was up meanwhile.
      if (group.length === 0) break;
      this.#stepped(group);
      await this.#send(group);
      queue.end();
      this.#isAnswering = true;
      afterPromises(() => (this.#isAnswering = false));
    }
    this.#isWriting = false;
  }

  async #send(group: readonly QueuedAppend[]): Promise<void> {
    const parts = partsOf(group);
    const args = this.#argumentsOrError(parts);
    // One that cannot be written, such as for a topic that is too long, is rejected alone.
    if (args instanceof Error && group.length > 1) {
      for (const one of group) await this.#send([one]);
      return;
    }
    const queue = this.#queue;
    try {
      if (args instanceof Error) throw args;
      const [, , , , ...replies] = (await this.#options.run(args, queue.leftMs(group))) as number[];
      const results: Appended[] = [];
      for (const [i, { appends }] of parts.entries()) {
        let first = replies[i * 3]!;
        for (const { drafts } of appends) {
          results.push({ first, last: first + drafts.length - 1, repeated: replies[i * 3 + 2] === 1 });
          first += drafts.length;
        }
      }
      queue.resolve(group, results);
    } catch (error) {
      // One whose key holds something else is rejected alone, too.
      if (group.length > 1 && isUndone(error)) for (const one of group) await this.#send([one]);
      else queue.reject(group, error);
    }
  }

  #stepped(group: readonly QueuedAppend[]): void {
    const nowMs = performance.now();
    const passedMs = nowMs - this.#steppedMs;
    this.#steppedMs = nowMs;
    const { messages, ms } = this.#lately;
    const added = group.reduce((sum, { drafts }) => sum + drafts.length, 0);
    this.#lately =
      passedMs > this.#options.lingerMs + QUIET_MS
        ? { messages: 0, ms: 0 }
        : { messages: messages * 0.95 + added, ms: ms * 0.95 + passedMs };
  }

  /**
   * Until enough time has passed since the step before, where enough comes meanwhile. Who waits for an answer before the next append is
   * not held.
   */
  async #linger(): Promise<void> {
    const { lingerMs } = this.#options;
    const restMs = this.#steppedMs + lingerMs - performance.now();
    if (restMs <= 0 || this.#isDue()) return;
    const { messages, ms } = this.#lately;
    if (messages * lingerMs < LEAST_JOINED * ms || ms === 0) return;
    await new Promise<void>((resolve) => {
      // A timer drops what is not a whole millisecond.
      const timer = setTimeout(resolve, Math.round(restMs));
      this.#go = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#go = undefined;
  }

  #isDue(): boolean {
    return this.#isAwaited || this.#queue.isFull;
  }

  #argumentsOrError(parts: readonly Part[]): Argument[] | Error {
    try {
      return this.#arguments(parts);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error), { cause: error });
    }
  }

  #arguments(parts: readonly Part[]): Argument[] {
    const { instance, idempotencyAgeMs, lostTopics } = this.#options;
    const retention = this.#options.retention();
    this.#number += 1;
    const bounds = [retention.messages, retention.bytes, retention.ageMs].map((bound) =>
      Math.min(bound, Number.MAX_SAFE_INTEGER),
    );
    const bounded = new Map<string, Partial<TopicRetention>>();
    if (retention.forTopic !== undefined) {
      for (const { topic } of parts.flatMap(({ appends }) => appends.flatMap(({ drafts }) => drafts))) {
        const own = bounded.get(topic) ?? this.#boundsOf(topic);
        if (own !== undefined) bounded.set(topic, own);
      }
    }
    const numbers = [this.#number, idempotencyAgeMs, lostTopics, ...bounds, bounded.size, parts.length];
    const args: Argument[] = [instance, doubles(...numbers)];
    for (const [topic, own] of bounded) {
      args.push(topic, ...[own.messages, own.bytes, own.ageMs].map(optional));
    }
    for (const { appends, key = "" } of parts) {
      const drafts = appends.flatMap((append) => append.drafts);
      args.push(key, ...encodeBlocks(drafts, (topic) => bounded.has(topic)));
    }
    return args;
  }

  #boundsOf(topic: string): Partial<TopicRetention> | undefined {
    const retention = this.#options.retention();
    if (retention.forTopic === undefined) return undefined;
    if (this.#bounds.has(topic)) return this.#bounds.get(topic);
    if (this.#bounds.size >= MOST_BOUNDS) this.#bounds.clear();
    const bounds = retention.forTopic(topic);
    this.#bounds.set(topic, bounds);
    return bounds;
  }
}

/** Appends without a key that follow each other are one to the script. */
interface Part {
  readonly key: string | undefined;
  readonly appends: QueuedAppend[];
}

function partsOf(group: readonly QueuedAppend[]): Part[] {
  const parts: Part[] = [];
  for (const append of group) {
    const last = parts.at(-1);
    if (last !== undefined && last.key === undefined && append.key === undefined) last.appends.push(append);
    else parts.push({ key: append.key, appends: [append] });
  }
  return parts;
}

/** No bound is empty. */
function optional(bound: number | undefined): string {
  return bound === undefined || bound === Infinity ? "" : String(bound);
}
