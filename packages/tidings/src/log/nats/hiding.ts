/**
 * Bounds of topics. JetStream has one bound for all subjects of a stream, and does not say what it discarded by it: so what is
 * beyond the bounds of a topic stays, and is hidden from readers. They meet it all the same, which tells them of the loss.
 */
import type { Entry, TopicRetention } from "../log.ts";
import { count, pull, type PullOptions } from "./pull.ts";
import { subjectOf } from "./subjects.ts";

export interface HidingOptions extends PullOptions {
  readonly boundsOf: (topic: string) => Partial<TopicRetention> | undefined;
  /** Whether the server's time is that much later. */
  readonly isOlder: (entry: Pick<Entry, "offset" | "atMs">, ageMs: number) => boolean;
}

interface Met {
  readonly offset: number;
  /** Of the body and the key. */
  readonly size: number;
  readonly atMs: number;
}

/** Topics that are asked about at once. */
const AT_ONCE = 16;
/** Messages whose sizes are asked for at once. */
const SIZES = 1_000;

/** Of one read, which meets the messages of each topic in their order. */
export class Hiding {
  readonly #options: HidingOptions;
  readonly #subjects: string;
  /** By topic: how many from here on are too many. */
  readonly #excess = new Map<string, number>();

  constructor(options: HidingOptions, subjects: string) {
    this.#options = options;
    this.#subjects = subjects;
  }

  /** Undefined where the topic has no bounds: then there is nothing to wait for. */
  hides(entry: Entry): Promise<boolean> | undefined {
    const bounds = this.#options.boundsOf(entry.topic);
    return bounds === undefined ? undefined : this.#isBeyond(entry, bounds);
  }

  /** The newest hidden offset of these topics behind one; 0 where nothing is hidden there. */
  async newest(topics: readonly string[], after: number): Promise<number> {
    const bounded = topics.filter((topic) => this.#options.boundsOf(topic) !== undefined);
    let newest = 0;
    for (let i = 0; i < bounded.length; i += AT_ONCE) {
      const some = bounded.slice(i, i + AT_ONCE).map((topic) => this.#newestOf(topic, after));
      newest = Math.max(newest, ...(await Promise.all(some)));
    }
    return newest;
  }

  async #isBeyond(entry: Entry, bounds: Partial<TopicRetention>): Promise<boolean> {
    const { topic, offset } = entry;
    const excess = this.#excess.get(topic) ?? (await this.#excessFrom(topic, offset, bounds));
    this.#excess.set(topic, excess - 1);
    return excess > 0 || this.#isOld(entry, bounds);
  }

  async #newestOf(topic: string, after: number): Promise<number> {
    const bounds = this.#options.boundsOf(topic) ?? {};
    const excess = await this.#excessFrom(topic, after + 1, bounds);
    const { ageMs = Infinity } = bounds;
    const met = await this.#meet(topic, after + 1, ageMs === Infinity ? excess : Infinity);
    const hidden = met.filter((one, i) => i < excess || this.#isOld(one, bounds));
    return hidden.at(-1)?.offset ?? 0;
  }

  #isOld(met: Pick<Entry, "offset" | "atMs">, { ageMs = Infinity }: Partial<TopicRetention>): boolean {
    return ageMs !== Infinity && this.#options.isOlder(met, ageMs);
  }

  /** How many of a topic's messages, from one on, are too many or too large. */
  async #excessFrom(
    topic: string,
    from: number,
    { messages = Infinity, bytes = Infinity }: Partial<TopicRetention>,
  ): Promise<number> {
    const filter = subjectOf(this.#subjects, topic);
    let excess = 0;
    if (messages !== Infinity) excess = (await count(this.#options, { from, filter })) - messages;
    if (bytes === Infinity) return excess;
    const met = await this.#meet(topic, from, Infinity);
    let beyond = met.length;
    for (let kept = 0; beyond > 0; beyond -= 1) {
      kept += met[beyond - 1]!.size;
      if (kept > bytes) break;
    }
    return Math.max(excess, beyond);
  }

  /** A topic's messages from one on, without their bodies. */
  async #meet(topic: string, from: number, most: number): Promise<Met[]> {
    // In front of key and body: see frames.ts.
    const frame = 4 + Buffer.byteLength(topic);
    const met: Met[] = [];
    for (let known = -1; known < met.length && met.length < most;) {
      known = met.length;
      await pull(this.#options, {
        from: (met.at(-1)?.offset ?? from - 1) + 1,
        filter: subjectOf(this.#subjects, topic),
        most: Math.min(SIZES, most - known),
        headersOnly: true,
        take: ({ headers }, { offset, atMs }) => {
          met.push({ offset, atMs, size: Number(headers?.get("Nats-Msg-Size") ?? 0) - frame });
          return false;
        },
      });
    }
    return met;
  }
}
