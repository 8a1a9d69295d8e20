/**
 * A world for the hub in which everything happens by a seed: when its work runs, what its log takes its time over, what its
 * peers take, and when they break. `simulate` returns what went wrong, judged by a model that knows all that was accepted.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Followed, Log, OpenLogOptions, Tail } from "../../packages/tidings/src/log/log.ts";
import { memoryLog } from "../../packages/tidings/src/log/memory/memory-log.ts";
import { OpenHub } from "../../packages/tidings/src/server/hub/open-hub.ts";
import { TimerWheel } from "../../packages/tidings/src/server/time/timer-wheel.ts";
import { createRandom } from "../../packages/tidings/src/testing/random.ts";
import { createParser, type Parser } from "../../packages/tidings/src/wire/parser.ts";
import type { DiagnosticsMessages } from "../../packages/tidings/src/server/observe/diagnostics.ts";
import type { Subscription } from "../../packages/tidings/src/server/streams/subscription.ts";
import type { TopicSelector } from "../../packages/tidings/src/server/topics/topic-selection.ts";
import type { SubscribeOptions } from "../../packages/tidings/src/server/subscribe/subscribe-options.ts";

/** `updates`: the topics of open streams change. */
export type Weather =
  | "calm"
  | "slow readers"
  | "cuts"
  | "small retention"
  | "everything"
  | "another process"
  | "updates";

export interface SimulationResult {
  readonly problems: string[];
  readonly deliveries: number;
  readonly gaps: number;
}

const TOPICS = ["a", "b", "c/1", "c/2"];
const SELECTIONS: { topics: SubscribeOptions["topics"]; wants: (topic: string) => boolean }[] = [
  { topics: ["a"], wants: (topic) => topic === "a" },
  { topics: ["a", "b"], wants: (topic) => topic === "a" || topic === "b" },
  { topics: [{ pattern: "c/:n" }], wants: (topic) => topic.startsWith("c/") },
  { topics: [{ pattern: "*" }, "a", { pattern: "c/*" }], wants: () => true },
];
const filteredBy =
  (filtered: boolean, wants: (topic: string) => boolean): Wants =>
  (topic, n) =>
    wants(topic) && (!filtered || n % 2 === 0);
const even = ({ data }: { data: string }): boolean => Number(data) % 2 === 0;

export async function simulate(seed: number, weather: Weather): Promise<SimulationResult> {
  const random = createRandom(seed * 7919 + weather.length);
  const chance = (share: number): boolean => random() < share;
  const updating = weather === "updates";
  const stormy = weather === "everything" || (updating && seed % 3 === 1);
  const shared = weather === "another process" || (updating && seed % 3 === 2);
  const slow = stormy || shared || weather === "slow readers" || weather === "small retention";
  const cutting = stormy || shared || weather === "cuts" || weather === "small retention";
  const problems: string[] = [];

  const work: (() => void)[] = [];
  let clock = 0;
  const published: { topic: string; n: number }[] = [];
  const hub = new OpenHub(
    {
      log: shared ? followingLog(random) : stormy ? unhurriedLog(random) : memoryLog(),
      retention: weather === "small retention" || stormy ? { messages: 30 } : {},
      recent: { messages: slow ? 8 : 1_000 },
      writeBytes: slow ? 200 : 65_536,
      heartbeatMs: false,
      stallMs: false,
      onError: (error) => problems.push(String(error)),
    },
    // Each look at the clock takes half a slice, so that walks are cut into batches.
    { schedule: (run) => void work.push(run), now: () => (clock += 0.25), wheel: () => new TimerWheel() },
  );

  const peers = Array.from({ length: 12 }, (_, i) => {
    const { topics, wants } = SELECTIONS[i % SELECTIONS.length]!;
    const filtered = i % 5 === 4;
    return new Peer(`peer ${i}`, filteredBy(filtered, wants), {
      topics,
      onGap: i % 2 === 0 ? "live" : "earliest",
      ...(filtered ? { filter: even } : {}),
    });
  });
  // Published where it happens, so that the cursor is the border.
  const onUpdate = (message: unknown): void => {
    const { subscription } = message as DiagnosticsMessages["tidings:stream:update"];
    for (const peer of peers) peer.updated(subscription);
  };
  subscribe("tidings:stream:update", onUpdate);
  let publishing: Promise<unknown>[] = [];
  const turn = async (): Promise<void> => {
    for (let i = 0; i < 6; i += 1) await Promise.resolve();
    for (const run of work.splice(0)) run();
    // Broad reads of the log have a turn each.
    await new Promise(setImmediate);
  };

  for (let step = 0; step < 400; step += 1) {
    if (chance(0.5)) {
      const count = chance(0.1) ? 20 : 1 + Math.floor(random() * 3);
      const messages = Array.from({ length: count }, () => {
        published.push({ topic: TOPICS[Math.floor(random() * TOPICS.length)]!, n: published.length + 1 });
        return { topic: published.at(-1)!.topic, data: published.length };
      });
      publishing.push(hub.publish(messages));
    }
    const peer = peers[Math.floor(random() * peers.length)]!;
    if (!peer.connected) {
      if (chance(0.7)) await peer.connect(hub);
    } else if (updating && chance(0.3)) {
      const { topics, wants } = SELECTIONS[Math.floor(random() * SELECTIONS.length)]!;
      publishing.push(peer.update({ topics, wants: filteredBy(peer.filtered, wants) }));
    } else if (cutting && chance(0.15)) {
      peer.cut(chance(0.5));
    } else if (slow && chance(0.4)) {
      peer.taking = !peer.taking;
      if (peer.taking) peer.take();
    }
    await turn();
  }
  // The weather clears: everybody returns and reads.
  for (const peer of peers) {
    peer.taking = true;
    peer.take();
    if (!peer.connected) await peer.connect(hub);
  }
  for (let quiet = 0; quiet < 30;) {
    quiet = work.length === 0 ? quiet + 1 : 0;
    await turn();
  }
  await Promise.all(publishing);
  publishing = [];
  unsubscribe("tidings:stream:update", onUpdate);
  let gaps = 0;
  for (const peer of peers) {
    problems.push(...peer.judge(published));
    gaps += peer.gaps.length;
  }
  const { deliveries } = hub.stats();
  for (const peer of peers) peer.cut(false);
  const { streams, subscriberGroups, routes } = hub.stats();
  if (streams + subscriberGroups + routes > 0)
    problems.push(`left behind: ${streams} streams, ${subscriberGroups} groups, ${routes} routes`);
  return { problems, deliveries, gaps };
}

type Wants = (topic: string, n: number) => boolean;
type Selection = { readonly topics: SubscribeOptions["topics"]; readonly wants: Wants };

/** One subscriber over all its connections. */
class Peer {
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

/** A log in another process: its tail hands on what is followed, when it pleases, and now and then not at all. */
function followingLog(random: () => number): Log {
  const inner = memoryLog();
  const followed = new Map<string, number>();
  const isFollowed = (topic: string): boolean => (followed.get(topic) ?? 0) + (followed.get("") ?? 0) > 0;
  const late = async (): Promise<void> => {
    for (let i = Math.floor(random() * 40); i > 0; i -= 1) await Promise.resolve();
  };
  const count = (topics: Followed, by: 1 | -1): void => {
    for (const topic of topics === "all" ? [""] : topics)
      followed.set(topic, (followed.get(topic) ?? 0) + by);
  };
  let through = 0;
  let handOn: (part: Tail) => void = () => undefined;
  let tail: Promise<unknown> = Promise.resolve();
  return {
    open: (options: OpenLogOptions) => {
      handOn = (part) => {
        ({ through } = part);
        const entries = part.entries.filter(({ topic }) => isFollowed(topic));
        options.onTail({ ...part, entries });
      };
      const onTail = (part: Tail): void => {
        const missed = random() < 0.05;
        tail = tail
          .then(late)
          .then(() => handOn(missed ? { after: part.through, through: part.through, entries: [] } : part));
      };
      return inner.open({ ...options, onTail });
    },
    follow: async (topics) => {
      await late();
      count(topics, 1);
      const from = through;
      await late();
      return from;
    },
    unfollow: (topics) => count(topics, -1),
    append: (drafts, options) => inner.append(drafts, options),
    read: async (request) => {
      await late();
      return inner.read(request);
    },
    head: () => inner.head(),
    stats: () => inner.stats(),
    close: () => inner.close(),
  };
}

/** A log whose answers and whose tail come when it pleases, as those of another machine do. */
function unhurriedLog(random: () => number): Log {
  const inner = memoryLog();
  const late = async <T>(value: Promise<T>): Promise<T> => {
    const result = await value;
    for (let i = Math.floor(random() * 60); i > 0; i -= 1) await Promise.resolve();
    return result;
  };
  let tail: Promise<unknown> = Promise.resolve();
  return {
    open: (options: OpenLogOptions) => {
      const onTail = (part: Tail): void => {
        tail = late(tail).then(() => options.onTail(part));
      };
      return inner.open({ ...options, onTail });
    },
    append: (drafts, options) => late(inner.append(drafts, options)),
    read: (request) => late(inner.read(request)),
    head: () => late(inner.head()),
    stats: () => late(inner.stats()),
    close: () => inner.close(),
  };
}
