/**
 * A machine with tabs, for a share under test: locks and channels that deliver when chance says so, in the order that the standards
 * promise and no other; tabs that freeze and die; and a server that numbers its messages. Time moves when it is moved.
 */
import type { Clock } from "../../../packages/tidings/src/client/core/clock.ts";
import {
  type ShareOptions,
  shareOver,
  type SharedConnection,
} from "../../../packages/tidings/src/client/share.ts";
import type { ParsedMessage } from "../../../packages/tidings/src/wire/message.ts";
import { type Ids, NumberedServer } from "./numbered-server.ts";
import { type Chance, type Owner, Pipes, settle } from "./pipes.ts";
import { misbehaving, type PlatformKind, TabPlatforms } from "./tab-platform.ts";

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
  open(options?: ShareOptions, platform?: PlatformKind, how?: "handles" | "reads"): Promise<Tab>;
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

export function createShareWorld(chance: Chance, ids: Ids = "cursors"): ShareWorld {
  let nowMs = 1_000_000;
  const tabs: Tab[] = [];
  const timers = new Set<{ owner: Owner; run: () => void; dueMs: number }>();
  const pipes = new Pipes(chance);
  const server = new NumberedServer(pipes, chance, ids);
  const platforms = new TabPlatforms(pipes);

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

  async function open(
    options: ShareOptions = {},
    kind: PlatformKind = "sharing",
    how = "handles",
  ): Promise<Tab> {
    const owner = { frozen: false, dead: false };
    const page = new EventTarget();
    const seen: number[] = [];
    let letGo: (() => void) | undefined;
    let held: Promise<void> | undefined;
    const platform = misbehaving(platforms.platformOf(owner, page), kind);
    const all: ShareOptions = {
      clock: clockOf(owner),
      transport: server.transportOf(owner),
      idleMs: 0,
      ...options,
      ...(how === "handles" && { onMessage: note }),
    };
    const connection: SharedConnection = shareOver(platform, "https://a.example/", all);
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
        server.crash(owner);
        pipes.crash(owner);
        // The locks that it held go to others, which is under way from here on.
        platforms.crash(owner);
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

  return {
    tabs,
    cursorOf: (number) => server.cursorOf(number),
    get head() {
      return server.head;
    },
    get connections() {
      return server.connections;
    },
    get mostConnections() {
      return server.mostConnections;
    },
    get locks() {
      return platforms.locks;
    },
    get channels() {
      return platforms.channels;
    },
    open,
    publish: (count = 1) => server.publish(count),
    cut: () => server.cut(),
    say: (text) => server.say(text),
    refuse(status) {
      server.refusal = status;
    },
    run: (steps) => pipes.run(steps),
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      await pipes.run(Infinity);
      for (;;) {
        const due = [...timers]
          .filter(({ dueMs, owner }) => dueMs <= untilMs && !owner.frozen)
          .sort((a, b) => a.dueMs - b.dueMs)[0];
        if (!due) break;
        timers.delete(due);
        nowMs = Math.max(nowMs, due.dueMs);
        due.run();
        await settle();
        await pipes.run(Infinity);
      }
      nowMs = untilMs;
    },
  };
}
