/**
 * One tab of a share: it follows, and stands for election by asking for a lock that only one tab can have. The browser hands the lock on
 * when the tab that had it is gone; a tab that has it and is silent loses it.
 * This module is browser compatible.
 */
import type { ConnectOptions, Connection } from "../connect.ts";
import { follow, type FollowerHost } from "./follower.ts";
import { lead, type Leader, readInto } from "./leader.ts";
import type { Recent } from "./recent.ts";
import { pack, type Told, unpack } from "./words.ts";

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
  const channel = openChannel(name);
  let leader: Leader | undefined;
  let release = nothing;
  let candidacy: AbortController;
  let left = false;
  let alone = false;

  const follower = follow(
    {
      ...host,
      me,
      ask(ask) {
        if (left) return;
        if (leader) leader.answer(ask);
        else channel.postMessage(ask);
      },
      takeOver() {
        if (!leader) stand(true);
      },
      catchUp(pass, onEpoch) {
        const connection = host.connect({ ...readInto(recent, pass, onEpoch), onError: host.onError });
        void connection.ended.then((verdict) => verdict.reason === "closed" || left || host.onEnd(verdict));
        return connection;
      },
    },
    recent,
  );
  channel.onmessage = ({ data }) => {
    if (left) return;
    const said = unpack(data);
    if (!said) return;
    if (!("ask" in said)) follower.hear(said);
    else if (leader) leader.answer(said);
  };
  page?.addEventListener("freeze", freeze);
  page?.addEventListener("resume", thaw);
  host.onRole("follower");
  stand();
  return leave;

  function stand(steal = false): void {
    candidacy?.abort();
    const mine = (candidacy = new AbortController());
    const { signal } = mine;
    const hold = () =>
      new Promise<void>((resolve) => {
        if (signal.aborted) return resolve();
        release = resolve;
        take();
      });
    locks.request(name, steal ? { steal } : { signal }, hold).catch((error: Error) => {
      if (signal.aborted) return;
      if (error.name !== "AbortError") return beAlone();
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
    if (!alone && told.to !== me) channel.postMessage(pack(told));
    if (!left && (!told.to || told.to === me)) follower.hear(told);
  }

  /** The platform refuses locks to this page, as to one that is sandboxed. */
  function beAlone(): void {
    alone = true;
    channel.close();
    take();
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
    if (!candidacy.signal.aborted) return;
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
    if (last) void last.then(() => channel.close());
    else channel.close();
  }
}

function newName(): string {
  return Math.random().toString(36).slice(2) + Date.now().toString(36);
}

function nothing(): void {}
