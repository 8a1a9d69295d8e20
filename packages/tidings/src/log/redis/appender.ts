/**
 * Appends in groups: one step is under way, and what comes meanwhile goes together with the next. Where one comes after another,
 * a group waits a little for more: a step costs Redis as much as a dozen messages do. Each has a number, so that one that is sent
 * twice is done once.
 */
import { inNextTurn } from "../../guard/in-next-turn.ts";
import { idempotencyScope } from "../idempotency.ts";
import { LogError, type Appended, type Draft, type Retention, type TopicRetention } from "../log.ts";
import { doubles, encodeDrafts } from "./frames.ts";
import type { Argument } from "./link.ts";

export interface AppenderOptions {
  readonly instance: string;
  readonly lostTopics: number;
  readonly idempotencyAgeMs: number;
  readonly pendingBytes: number;
  /** From one step to the next, while appends come by themselves. */
  readonly lingerMs: number;
  readonly retention: () => Retention;
  readonly run: (args: readonly Argument[]) => Promise<readonly unknown[]>;
}

interface Waiting {
  readonly drafts: readonly Draft[];
  readonly key: string | undefined;
  readonly bytes: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** In one step: Redis does nothing else meanwhile. */
const GROUP_MESSAGES = 500;
const GROUP_BYTES = 2 ** 20;
/** Topics whose bounds are remembered. */
const MOST_BOUNDS = 10_000;

export class Appender {
  readonly #options: AppenderOptions;
  readonly #bounds = new Map<string, Partial<TopicRetention> | undefined>();
  #waiting: Waiting[] = [];
  /** With those that are under way. */
  #pendingBytes = 0;
  #waitingMessages = 0;
  #waitingBytes = 0;
  #steppedMs = -Infinity;
  /** Since an answer, in the turn of the event loop in which it came. */
  #isAnswering = false;
  /** Somebody waited for the answer before this: more will come only after the next. */
  #isAwaited = false;
  #go: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #number = 0;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  append(drafts: readonly Draft[], idempotencyKey: string | undefined): Promise<Appended> {
    const bytes = drafts.reduce((sum, { body }) => sum + body.length, 0);
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#options.pendingBytes) {
      throw new LogError(
        "busy",
        `Cannot append to log: ${this.#pendingBytes} bytes wait to be written (pendingBytes)`,
      );
    }
    this.#pendingBytes += bytes;
    this.#waitingBytes += bytes;
    this.#waitingMessages += drafts.length;
    this.#isAwaited ||= this.#isAnswering;
    const key = idempotencyScope(drafts, idempotencyKey);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ drafts, key, bytes, resolve, reject });
      this.#writing ??= this.#write();
      if (this.#isDue()) this.#go?.();
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    // What is appended in the same turn goes with it.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      await this.#linger();
      const group = this.#takeGroup();
      this.#steppedMs = performance.now();
      try {
        const parts = partsOf(group);
        const [, , , , ...results] = (await this.#options.run(this.#arguments(parts))) as number[];
        for (const [i, { appends }] of parts.entries()) {
          let first = results[i * 3]!;
          for (const { drafts, resolve } of appends) {
            resolve({ first, last: first + drafts.length - 1, repeated: results[i * 3 + 2] === 1 });
            first += drafts.length;
          }
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      } finally {
        for (const { bytes } of group) this.#pendingBytes -= bytes;
        this.#isAnswering = true;
        inNextTurn(() => (this.#isAnswering = false));
      }
    }
    this.#writing = undefined;
  }

  /** Until enough time has passed since the step before. Who waits for an answer before the next append is not held. */
  async #linger(): Promise<void> {
    const restMs = this.#steppedMs + this.#options.lingerMs - performance.now();
    if (restMs <= 0 || this.#isDue()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, restMs);
      this.#go = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#go = undefined;
  }

  #isDue(): boolean {
    return this.#isAwaited || this.#waitingMessages >= GROUP_MESSAGES || this.#waitingBytes >= GROUP_BYTES;
  }

  #takeGroup(): Waiting[] {
    let messages = 0;
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      messages += one.drafts.length;
      bytes += one.bytes;
      if (count > 0 && (messages > GROUP_MESSAGES || bytes > GROUP_BYTES)) break;
      count += 1;
    }
    const group = this.#waiting.splice(0, count);
    for (const one of group) {
      this.#waitingMessages -= one.drafts.length;
      this.#waitingBytes -= one.bytes;
    }
    if (this.#waiting.length === 0) this.#isAwaited = false;
    return group;
  }

  #arguments(parts: readonly Part[]): Argument[] {
    const { instance, idempotencyAgeMs, lostTopics } = this.#options;
    const retention = this.#options.retention();
    this.#number += 1;
    const bounds = [retention.messages, retention.bytes, retention.ageMs].map((bound) =>
      Math.min(bound, Number.MAX_SAFE_INTEGER),
    );
    const args: Argument[] = [instance, doubles(this.#number, idempotencyAgeMs, lostTopics, ...bounds)];
    args.push(String(parts.length));
    const topics = new Set<string>();
    for (const { appends, key } of parts) {
      const drafts = appends.flatMap((append) => append.drafts);
      const bytes = appends.reduce((sum, append) => sum + append.bytes, 0);
      args.push(key ?? "", String(drafts.length), String(bytes), encodeDrafts(drafts));
      for (const { topic } of drafts) topics.add(topic);
    }
    const bounded = [...topics].flatMap((topic) => {
      const bounds = this.#boundsOf(topic);
      return bounds === undefined
        ? []
        : [topic, ...[bounds.messages, bounds.bytes, bounds.ageMs].map(optional)];
    });
    args.push(String(bounded.length / 4), ...bounded);
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
  readonly appends: Waiting[];
}

function partsOf(group: readonly Waiting[]): Part[] {
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
