/**
 * A machine with tabs, for a share under test: locks and channels that deliver when chance says so, in the order that the standards
 * promise and no other; tabs that freeze and die; and a server that numbers its messages. Time moves when it is moved.
 */
import type { Clock } from "../../packages/tidings/src/client/core/clock.ts";
import {
  type ShareOptions,
  shareOver,
  type SharedConnection,
} from "../../packages/tidings/src/client/share.ts";
import type { SharePlatform } from "../../packages/tidings/src/client/share/member.ts";
import type { ParsedMessage } from "../../packages/tidings/src/wire/message.ts";
import type { Transport, TransportSink } from "../../packages/tidings/src/client/transports/transport.ts";

/** From 0 up to `below`, a whole number. */
export type Chance = (below: number) => number;

export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export interface Tab {
  readonly connection: SharedConnection;
  /** The numbers that its handler was given. */
  readonly numbers: number[];
  readonly frozen: boolean;
  readonly dead: boolean;
  /** What it may still do. */
  readonly timers: number;
  /** @param politely - Whether the page is told. */
  freeze(politely: boolean): void;
  thaw(): void;
  /** Ends at once; a part of what it has said may never arrive. */
  crash(): void;
  /** While it is held, its handler does not finish. */
  hold(): void;
  letGo(): void;
}

export interface ShareWorld {
  readonly tabs: Tab[];
  /** What the server has said so far: the last number. */
  readonly head: number;
  /** The connections that are open at the server. */
  readonly connections: number;
  /** As many as were open at once. */
  readonly mostConnections: number;
  /** Locks that are held or wanted. */
  readonly locks: number;
  readonly channels: number;
  cursorOf(number: number): string;
  /** @param how - Whether it has a handler, which notes the numbers, or is left to be read. */
  open(
    options?: ShareOptions,
    platform?: "sharing" | "none" | "no locks",
    how?: "handles" | "reads",
  ): Promise<Tab>;
  publish(count?: number): void;
  /** The server cuts a connection. */
  cut(): void;
  /** The server says this on each of its connections. */
  say(text: string): void;
  /** Answers each further request with this status instead of a stream. */
  refuse(status: number): void;
  /** Lets some of what is under way happen, as chance has it. */
  run(steps: number): Promise<void>;
  /** Moves time, and lets everything happen that is due. */
  advance(ms: number): Promise<void>;
}

interface Owner {
  frozen: boolean;
  dead: boolean;
}

interface Pipe {
  readonly to: Owner;
  readonly from?: Owner;
  readonly queue: (() => void)[];
}

interface Channel {
  readonly name: string;
  readonly owner: Owner;
  /** To each other tab, so that what one says arrives in its order. */
  readonly pipes: Map<Owner, Pipe>;
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(said: unknown): void;
  close(): void;
}

interface Wanted {
  readonly owner: Owner;
  readonly pipe: Pipe;
  readonly hold: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** @param ids - As a hub's, which tell their order, or of no meaning to anybody but the server. */
export function createShareWorld(chance: Chance, ids: "cursors" | "opaque" | "none" = "cursors"): ShareWorld {
  let nowMs = 1_000_000;
  let head = 0;
  let refusal = 0;
  let mostConnections = 0;
  const tabs: Tab[] = [];
  /** Those in which something is under way. */
  const pipes = new Set<Pipe>();
  const timers = new Set<{ owner: Owner; run: () => void; dueMs: number }>();
  const channels = new Set<Channel>();
  const connections = new Set<{ owner: Owner; pipe: Pipe; sink: TransportSink }>();
  const locks = new Map<string, { holder?: Wanted | undefined; queue: Wanted[] }>();
  const encoder = new TextEncoder();

  const cursorOf = (number: number) =>
    ids === "cursors" ? `Ep0ch-epoch.${number}` : `m${((number * 7919) % 100_003).toString(36)}`;
  const numberOf = (cursor: string) => {
    for (let number = 0; number < head; number++) if (cursorOf(number) === cursor) return number;
    return head;
  };
  const put = (pipe: Pipe, run: () => void) => {
    pipe.queue.push(run);
    pipes.add(pipe);
  };
  const settle = async () => {
    for (let turn = 0; turn < 30; turn++) await Promise.resolve();
  };

  function clockOf(owner: Owner): Clock {
    return {
      nowMs: () => nowMs,
      random: () => chance(1000) / 1000,
      setTimeout(run, ms) {
        const timer = { owner, run, dueMs: nowMs + ms };
        // What is under way in a tab that crashed runs on here, and nowhere else.
        if (!owner.dead) timers.add(timer);
        return timer;
      },
      clearTimeout: (timer) => void timers.delete(timer as never),
    };
  }

  function transportOf(owner: Owner): Transport {
    return {
      name: "numbered",
      open({ headers }, sink) {
        if (owner.dead) return { abort() {} };
        const from = headers["last-event-id"];
        const pipe = { to: owner, queue: [] as (() => void)[] };
        const connection = { owner, pipe, sink };
        const text = (of: string) => put(pipe, () => void sink.onBytes(encoder.encode(of)));
        connections.add(connection);
        mostConnections = Math.max(mostConnections, connections.size);
        const status = refusal || 200;
        put(pipe, () =>
          sink.onResponse({
            status,
            url: "https://a.example/",
            header: (name) => (name === "content-type" ? "text/event-stream" : null),
          }),
        );
        if (status === 200 && ids === "cursors") text(":epoch Ep0ch-epoch\n");
        if (status !== 200) put(pipe, () => sink.onEnd());
        else if (from === undefined && ids !== "none") text(`id: ${cursorOf(head)}\n\n`);
        else if (from !== undefined)
          for (let number = numberOf(from) + 1; number <= head; number++) text(blockOf(number));
        return {
          abort() {
            pipe.queue.length = 0;
            connections.delete(connection);
          },
        };
      },
    };
  }

  const blockOf = (number: number) => `id: ${cursorOf(number)}\ndata: ${number}\n\n`;

  function grant(name: string): void {
    const lock = locks.get(name)!;
    while (!lock.holder && lock.queue.length > 0) {
      const next = lock.queue.shift()!;
      if (next.owner.dead) continue;
      give(name, next);
    }
    if (!lock.holder) locks.delete(name);
  }

  function give(name: string, wanted: Wanted): void {
    locks.get(name)!.holder = wanted;
    put(wanted.pipe, () => {
      void wanted.hold().then((value) => {
        wanted.resolve(value);
        if (locks.get(name)?.holder !== wanted) return;
        locks.get(name)!.holder = undefined;
        grant(name);
      });
    });
  }

  function platformOf(owner: Owner, page: EventTarget): SharePlatform {
    const fromLocks = { to: owner, queue: [] as (() => void)[] };
    const request = (name: string, options: LockOptions, hold: () => Promise<unknown>) =>
      new Promise<unknown>((resolve, reject) => {
        if (owner.dead) return;
        const wanted: Wanted = { owner, pipe: fromLocks, hold, resolve, reject };
        const lock = locks.get(name) ?? { queue: [] };
        locks.set(name, lock);
        const abortError = () => new DOMException("aborted", "AbortError");
        if (options.steal) {
          const robbed = lock.holder;
          if (robbed) put(robbed.pipe, () => robbed.reject(abortError()));
          give(name, wanted);
          return;
        }
        options.signal?.addEventListener("abort", () => {
          const at = lock.queue.indexOf(wanted);
          if (at >= 0) lock.queue.splice(at, 1);
          reject(abortError());
        });
        lock.queue.push(wanted);
        grant(name);
      });
    return {
      page,
      locks: { request } as unknown as SharePlatform["locks"],
      openChannel(name) {
        const channel: Channel = {
          name,
          owner,
          pipes: new Map<Owner, Pipe>(),
          onmessage: null,
          postMessage(said: unknown) {
            if (owner.dead) return;
            for (const other of channels) {
              if (other === channel || other.name !== name) continue;
              const pipe = channel.pipes.get(other.owner) ?? { to: other.owner, from: owner, queue: [] };
              channel.pipes.set(other.owner, pipe);
              const data: unknown = structuredClone(said);
              put(pipe, () => other.onmessage?.({ data } as MessageEvent));
            }
          },
          close: () => void channels.delete(channel),
        };
        channels.add(channel);
        return channel;
      },
    };
  }

  async function open(options: ShareOptions = {}, kind = "sharing", how = "handles"): Promise<Tab> {
    const owner = { frozen: false, dead: false };
    const page = new EventTarget();
    const seen: number[] = [];
    let letGo: (() => void) | undefined;
    let held: Promise<void> | undefined;
    const platform = platformOf(owner, page);
    if (kind === "no locks") {
      platform.locks.request = () => Promise.reject(new DOMException("denied", "SecurityError"));
    }
    const all: ShareOptions = {
      clock: clockOf(owner),
      transport: transportOf(owner),
      idleMs: 0,
      ...options,
      ...(how === "handles" && { onMessage: note }),
    };
    const sharing = kind === "none" ? undefined : platform;
    const connection: SharedConnection = shareOver(sharing, "https://a.example/", all);
    function note({ data }: ParsedMessage): Promise<void> | undefined {
      if (owner.dead) return;
      seen.push(Number(data));
      return held;
    }
    const tab: Tab = {
      connection,
      numbers: seen,
      get frozen() {
        return owner.frozen;
      },
      get dead() {
        return owner.dead;
      },
      get timers() {
        return [...timers].filter((timer) => timer.owner === owner).length;
      },
      freeze(politely) {
        if (politely) page.dispatchEvent(new Event("freeze"));
        owner.frozen = true;
      },
      thaw() {
        owner.frozen = false;
        page.dispatchEvent(new Event("resume"));
      },
      crash() {
        owner.dead = true;
        for (const timer of timers) if (timer.owner === owner) timers.delete(timer);
        for (const channel of channels) if (channel.owner === owner) channels.delete(channel);
        for (const one of connections) if (one.owner === owner) connections.delete(one);
        for (const pipe of pipes) {
          if (pipe.to === owner) pipe.queue.length = 0;
          if (pipe.from === owner) pipe.queue.length = chance(pipe.queue.length + 1);
        }
        for (const [name, lock] of locks) {
          lock.queue = lock.queue.filter((wanted) => wanted.owner !== owner);
          if (lock.holder?.owner === owner) lock.holder = undefined;
          grant(name);
        }
      },
      hold() {
        held ??= new Promise((resolve) => {
          letGo = resolve;
        });
      },
      letGo() {
        letGo?.();
        held = undefined;
      },
    };
    tabs.push(tab);
    await settle();
    return tab;
  }

  async function run(steps: number): Promise<void> {
    await settle();
    for (let step = 0; step < steps; step++) {
      const ready = [...pipes].filter(({ to, queue }) => queue.length > 0 && !to.frozen && !to.dead);
      if (ready.length === 0) return;
      const pipe = ready[chance(ready.length)]!;
      pipe.queue.shift()!();
      if (pipe.queue.length === 0) pipes.delete(pipe);
      await settle();
    }
  }

  return {
    tabs,
    cursorOf,
    get head() {
      return head;
    },
    get connections() {
      return connections.size;
    },
    get mostConnections() {
      return mostConnections;
    },
    get locks() {
      return [...locks.values()].reduce((sum, { queue, holder }) => sum + queue.length + (holder ? 1 : 0), 0);
    },
    get channels() {
      return channels.size;
    },
    open,
    publish(count = 1) {
      for (let at = 0; at < count; at++) {
        const block = encoder.encode(blockOf(++head));
        for (const { pipe, sink } of connections) put(pipe, () => void sink.onBytes(block));
      }
    },
    cut() {
      const all = [...connections];
      const one = all[chance(all.length)];
      if (!one) return;
      connections.delete(one);
      put(one.pipe, () => one.sink.onError(new TypeError("cut")));
    },
    say(text) {
      const bytes = encoder.encode(text);
      for (const { pipe, sink } of connections) put(pipe, () => void sink.onBytes(bytes));
    },
    refuse(status) {
      refusal = status;
    },
    run,
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      await run(Infinity);
      for (;;) {
        const due = [...timers]
          .filter(({ dueMs, owner }) => dueMs <= untilMs && !owner.frozen)
          .sort((a, b) => a.dueMs - b.dueMs)[0];
        if (!due) break;
        timers.delete(due);
        nowMs = Math.max(nowMs, due.dueMs);
        due.run();
        await settle();
        await run(Infinity);
      }
      nowMs = untilMs;
    },
  };
}
