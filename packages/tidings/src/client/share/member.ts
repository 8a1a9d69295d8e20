/**
 * One tab of a share: it follows, and stands for election by asking for a lock that only one tab can have. The browser hands the lock on
 * when the tab that had it is gone; a tab that has it and is silent loses it.
 * This module is browser compatible.
 */
import type { ConnectOptions, Connection } from "../connect.ts";
import { follow, type FollowerHost } from "./follower.ts";
import { lead, type Leader, readInto } from "./leader.ts";
import type { Recent } from "./recent.ts";
import { type Ask, pack, type Told, unpack } from "./words.ts";

/** What a share needs of its platform: https://w3c.github.io/web-locks/ and a BroadcastChannel. */
export interface SharePlatform {
  // As much as is used, since a program for Node has no types of the DOM.
  readonly locks: {
    request(
      name: string,
      options: { signal?: AbortSignal; ifAvailable?: boolean; steal?: boolean },
      granted: (lock: unknown) => unknown,
    ): Promise<unknown>;
  };
  openChannel(
    this: void,
    name: string,
  ): {
    postMessage(message: unknown): void;
    close(): void;
    onmessage: ((event: MessageEvent) => unknown) | null;
  };
  /** Tells of the page being frozen and thawed, where the platform does. */
  readonly page?: Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined;
}

export type Role = "leader" | "follower" | "alone";

export interface MemberHost extends Omit<FollowerHost, "me" | "ask" | "catchUp" | "takeOver"> {
  /** Opens a connection to the server. */
  connect(this: void, options: Partial<ConnectOptions>): Connection;
  onRole(role: Role): void;
}

/** @returns How to leave. */
export function joinShare(
  { locks, openChannel, page }: SharePlatform,
  name: string,
  host: MemberHost,
  recent: Recent,
): () => void {
  const me = newName();
  let channel: ReturnType<SharePlatform["openChannel"]> | undefined;
  let leader: Leader | undefined;
  let release = nothing;
  let candidacy = new AbortController();
  let stealing = false;
  let left = false;
  let alone = false;
  try {
    channel = openChannel(name);
  } catch {
    // Refused, as locks may be.
  }

  const follower = follow(
    {
      ...host,
      me,
      ask(ask) {
        if (left) return;
        if (leader) leader.answer(ask);
        else post(ask);
      },
      takeOver() {
        if (leader) return;
        // A lock that cannot be had by force either is not given here.
        if (stealing) beAlone();
        else stand(true);
      },
      catchUp(pass, onEpoch) {
        const connection = host.connect({ ...readInto(recent, pass, onEpoch), onError: host.onError });
        void connection.ended.then((verdict) => verdict.reason === "closed" || left || host.onEnd(verdict));
        return connection;
      },
    },
    recent,
  );
  page?.addEventListener("freeze", freeze);
  page?.addEventListener("resume", thaw);
  if (channel) {
    channel.onmessage = ({ data }) => {
      if (left || alone) return;
      const said = unpack(data);
      if (!said) return;
      if (!("ask" in said)) follower.hear(said);
      else if (leader) leader.answer(said);
    };
    host.onRole("follower");
    stand();
  } else beAlone();
  return leave;

  function stand(steal = false): void {
    candidacy.abort();
    stealing = steal;
    const { signal } = (candidacy = new AbortController());
    const hold = () =>
      new Promise<void>((resolve) => {
        if (signal.aborted) return resolve();
        release = resolve;
        take();
      });
    const request = async () => locks.request(name, steal ? { steal } : { signal }, hold);
    request().catch((error?: Error) => {
      if (signal.aborted) return;
      if (error?.name !== "AbortError") return beAlone();
      // Robbed: this tab was taken for dead.
      void resign(true);
      stand();
    });
  }

  function take(): void {
    host.onRole(alone ? "alone" : "leader");
    leader = lead({ term: newName(), connect: host.connect, tell }, recent.copy());
    leader.start();
  }

  function tell(told: Told): void {
    if (told.to !== me) post(told);
    if (!left && (!told.to || told.to === me)) follower.hear(told);
  }

  function post(said: Ask | Told): void {
    try {
      if (!alone) channel?.postMessage(pack(said));
    } catch {
      void Promise.resolve().then(beAlone);
    }
  }

  /** The platform refuses locks or channels to this page: it is sandboxed, or the person has blocked what sites store. */
  function beAlone(): void {
    if (alone || left) return;
    alone = true;
    candidacy.abort();
    channel?.close();
    if (!leader) return take();
    // It has the lock, which others can lead with.
    host.onRole("alone");
    release();
  }

  function resign(replaced = false): Promise<void> | undefined {
    const former = leader;
    const free = release;
    leader = undefined;
    release = nothing;
    host.onRole(alone ? "alone" : "follower");
    return former?.stop(replaced).then(free);
  }

  function freeze(): void {
    candidacy.abort();
    void resign();
  }

  function thaw(): void {
    if (alone && !leader) take();
    if (alone || !candidacy.signal.aborted) return;
    stand();
    follower.ask();
  }

  function leave(): void {
    left = true;
    page?.removeEventListener("freeze", freeze);
    page?.removeEventListener("resume", thaw);
    follower.stop();
    candidacy.abort();
    const last = resign();
    if (last) void last.then(() => channel?.close());
    else channel?.close();
  }
}

function newName(): string {
  return Math.random().toString(36).slice(2) + Date.now().toString(36);
}

function nothing(): void {}
