/**
 * A subscriber for a simulation: takes what it is sent or lets it wait, is cut off, returns, and judges what it got.
 */
import type { OpenHub } from "../../packages/tidings/src/server/hub/open-hub.ts";
import type { Subscription } from "../../packages/tidings/src/server/streams/subscription.ts";
import type { SubscribeOptions } from "../../packages/tidings/src/server/subscribe/subscribe-options.ts";
import type { TopicSelector } from "../../packages/tidings/src/server/topics/topic-selection.ts";
import { createParser, type Parser } from "../../packages/tidings/src/wire/parser.ts";

export type Wants = (topic: string, n: number) => boolean;
type Selection = { readonly topics: SubscribeOptions["topics"]; readonly wants: Wants };

/** One subscriber over all its connections. */
export class Peer {
  taking = true;
  connected = false;
  readonly gaps: { from: number; to: number }[] = [];
  readonly seen: number[] = [];
  readonly #problems: string[] = [];
  readonly #name: string;
  /** Which topics it selects after each offset. */
  readonly #wants: { readonly after: number; readonly wants: Wants }[];
  /** The selections that it asked for in turn, before they are made. */
  readonly #asked: Selection[] = [];
  #options: SubscribeOptions;
  #selection: Selection | undefined;
  #subscription: Subscription | undefined;
  readonly #parser: Parser;
  #pending: Uint8Array[] = [];
  #response: SimulatedResponse | undefined;
  #first = 0;

  constructor(name: string, wants: Wants, options: SubscribeOptions) {
    this.#name = name;
    this.#wants = [{ after: -1, wants }];
    this.#options = options;
    this.#parser = createParser({
      onMessage: ({ event, data, id }) => {
        if (event !== "gap") {
          this.seen.push(Number(data));
          if (id.split(".")[1] !== data) this.#problems.push(`${data} came with the id ${id}`);
          return;
        }
        const gap = JSON.parse(data) as { from: string; to: string };
        this.gaps.push({ from: Number(gap.from.split(".")[1]), to: Number(gap.to.split(".")[1]) });
      },
    });
  }

  async connect(hub: OpenHub): Promise<void> {
    this.connected = true;
    this.#pending = [];
    const { lastEventId } = this.#parser;
    if (this.#selection !== undefined) {
      // It returns with the topics it asked for last, which hold from its cursor on.
      const after = Number(lastEventId.split(".")[1] ?? -1);
      while (this.#wants.at(-1)!.after > after) this.#wants.pop();
      this.#wants.push({ after, wants: this.#selection.wants });
      this.#options = { ...this.#options, topics: this.#selection.topics };
    }
    this.#asked.length = 0;
    const headers = lastEventId === "" ? {} : { "last-event-id": lastEventId };
    const socket = new SimulatedResponse(this);
    this.#response = socket;
    const request = { method: "GET", httpVersionMajor: 2, headers, socket: undefined };
    const subscription = await hub.subscribe(request, socket, this.#options);
    this.#subscription = subscription;
    if (subscription === undefined) this.#problems.push(`was refused with ${socket.statusCode}`);
    else if (this.#first === 0) this.#first = Number(subscription.cursor.split(".")[1]) + 1;
  }

  get filtered(): boolean {
    return this.#options.filter !== undefined;
  }

  /** Asks for other topics. They hold from where {@link updated} is called. */
  async update(selection: Selection): Promise<void> {
    const subscription = this.#subscription!;
    const before = (this.#selection ?? this.#options).topics;
    // Nothing would change.
    if (before === selection.topics) return;
    this.#selection = selection;
    this.#asked.push(selection);
    const name = (selector: TopicSelector): string => JSON.stringify(selector);
    const wanted = new Set(selection.topics.map(name));
    const remove = before.filter((selector) => !wanted.has(name(selector)));
    const result = await subscription.update({ add: selection.topics, remove });
    if (result === "updated" || (result === "ended" && subscription.closed)) return;
    this.#problems.push(`its update was ${result}`);
  }

  updated(subscription: Subscription): void {
    if (subscription !== this.#subscription) return;
    const border = Number(subscription.cursor.split(".")[1]);
    this.#wants.push({ after: border, wants: this.#asked.shift()!.wants });
  }

  /** @returns False when the bytes have to wait. */
  receive(bytes: Uint8Array): boolean {
    this.#pending.push(bytes);
    if (!this.taking) {
      const waiting = this.#pending.reduce((sum, { length }) => sum + length, 0);
      if (waiting > 3_000) this.#problems.push(`${waiting} bytes are kept for it`);
      return false;
    }
    this.take();
    return true;
  }

  take(): void {
    if (!this.connected) return;
    for (const bytes of this.#pending.splice(0)) this.#parser.push(bytes);
    this.#response?.drained();
  }

  /** Breaks the connection; what is pending may be lost on the way. */
  cut(withPending: boolean): void {
    if (!this.connected) return;
    this.connected = false;
    if (withPending) for (const bytes of this.#pending) this.#parser.push(bytes);
    this.#pending = [];
    this.#parser.reset();
    this.#response?.close();
  }

  judge(published: readonly { topic: string; n: number }[]): string[] {
    const problems = [...this.#problems];
    for (let i = 1; i < this.seen.length; i += 1) {
      if (this.seen[i]! <= this.seen[i - 1]!) problems.push(`${this.seen[i]} came after ${this.seen[i - 1]}`);
    }
    const seen = new Set(this.seen);
    for (const { topic, n } of published) {
      if (n < this.#first) continue;
      const wanted = this.#wants
        .filter(({ after }) => n > after)
        .at(-1)!
        .wants(topic, n);
      if (wanted && !seen.has(n) && !this.gaps.some(({ from, to }) => n > from && n <= to)) {
        problems.push(`${n} is missing, and nobody said so`);
      }
      if (!wanted && seen.has(n)) problems.push(`${n} came though it was not selected`);
    }
    return problems.map((problem) => `${this.#name}: ${problem}`);
  }
}

/** An HTTP/2-like response: `write` is all there is. */
class SimulatedResponse {
  statusCode = 0;
  headersSent = false;
  writableEnded = false;
  destroyed = false;
  readonly socket = undefined;
  readonly #peer: Peer;
  readonly #listeners = new Map<string, (() => void)[]>();
  #blocked = false;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  setHeader(): void {}
  removeHeader(): void {}
  flushHeaders(): void {
    this.headersSent = true;
  }

  write(bytes: Uint8Array): boolean {
    const took = this.#peer.receive(bytes);
    this.#blocked = !took;
    return took;
  }

  end(): void {
    this.writableEnded = true;
    this.close();
  }

  destroy(): void {
    this.close();
  }

  on(name: string, listener: () => void): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  drained(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    for (const listener of this.#listeners.get("drain") ?? []) listener();
  }

  close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#peer.connected = false;
    for (const listener of this.#listeners.get("close") ?? []) listener();
  }
}
