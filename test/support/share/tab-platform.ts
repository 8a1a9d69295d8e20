/** What the tabs of a machine share: locks and channels, that deliver in the order that the standards promise and no other. */
import type { SharePlatform } from "../../../packages/tidings/src/client/share/member.ts";
import type { Owner, Pipe, Pipes } from "./pipes.ts";

/** How the platform of a tab misbehaves, if it does. */
export type PlatformKind =
  | "sharing"
  | "none"
  | "no locks"
  | "locks that throw"
  | "locks that reject with nothing"
  | "locks that never settle"
  | "no channel"
  | "a channel that throws";

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

export class TabPlatforms {
  readonly #pipes: Pipes;
  readonly #channels = new Set<Channel>();
  readonly #locks = new Map<string, { holder?: Wanted | undefined; queue: Wanted[] }>();

  constructor(pipes: Pipes) {
    this.#pipes = pipes;
  }

  /** Locks that are held or wanted. */
  get locks(): number {
    return [...this.#locks.values()].reduce(
      (sum, { queue, holder }) => sum + queue.length + (holder ? 1 : 0),
      0,
    );
  }

  get channels(): number {
    return this.#channels.size;
  }

  platformOf(owner: Owner, page: EventTarget): SharePlatform {
    const fromLocks: Pipe = { to: owner, queue: [] };
    const request = (name: string, options: LockOptions, hold: () => Promise<unknown>): Promise<unknown> =>
      new Promise<unknown>((resolve, reject) => {
        if (owner.dead) return;
        this.#want(name, options, { owner, pipe: fromLocks, hold, resolve, reject });
      });
    return {
      page,
      locks: { request } as unknown as SharePlatform["locks"],
      openChannel: (name) => this.#openChannel(name, owner),
    };
  }

  crash(owner: Owner): void {
    for (const channel of this.#channels) if (channel.owner === owner) this.#channels.delete(channel);
    for (const [name, lock] of this.#locks) {
      lock.queue = lock.queue.filter((wanted) => wanted.owner !== owner);
      if (lock.holder?.owner === owner) lock.holder = undefined;
      this.#grant(name);
    }
  }

  #want(name: string, { steal, signal }: LockOptions, wanted: Wanted): void {
    const lock = this.#locks.get(name) ?? { queue: [] };
    this.#locks.set(name, lock);
    const abortError = (): DOMException => new DOMException("aborted", "AbortError");
    if (steal) {
      const robbed = lock.holder;
      if (robbed) this.#pipes.put(robbed.pipe, () => robbed.reject(abortError()));
      this.#give(name, wanted);
      return;
    }
    signal?.addEventListener("abort", () => {
      const at = lock.queue.indexOf(wanted);
      if (at >= 0) lock.queue.splice(at, 1);
      wanted.reject(abortError());
    });
    lock.queue.push(wanted);
    this.#grant(name);
  }

  #grant(name: string): void {
    const lock = this.#locks.get(name)!;
    while (!lock.holder && lock.queue.length > 0) {
      const next = lock.queue.shift()!;
      if (next.owner.dead) continue;
      this.#give(name, next);
    }
    if (!lock.holder) this.#locks.delete(name);
  }

  #give(name: string, wanted: Wanted): void {
    this.#locks.get(name)!.holder = wanted;
    this.#pipes.put(wanted.pipe, () => {
      void wanted.hold().then((value) => {
        wanted.resolve(value);
        if (this.#locks.get(name)?.holder !== wanted) return;
        this.#locks.get(name)!.holder = undefined;
        this.#grant(name);
      });
    });
  }

  #openChannel(name: string, owner: Owner): Channel {
    const channel: Channel = {
      name,
      owner,
      pipes: new Map<Owner, Pipe>(),
      onmessage: null,
      postMessage: (said) => {
        if (owner.dead) return;
        for (const other of this.#channels) {
          if (other === channel || other.name !== name) continue;
          const pipe = channel.pipes.get(other.owner) ?? { to: other.owner, from: owner, queue: [] };
          channel.pipes.set(other.owner, pipe);
          const data: unknown = structuredClone(said);
          this.#pipes.put(pipe, () => other.onmessage?.({ data } as MessageEvent));
        }
      },
      close: () => void this.#channels.delete(channel),
    };
    this.#channels.add(channel);
    return channel;
  }
}

/** Makes a platform misbehave. @returns Undefined for one that shares nothing. */
export function misbehaving(platform: SharePlatform, kind: PlatformKind): SharePlatform | undefined {
  const refuse = (): never => {
    throw new DOMException("denied", "SecurityError");
  };
  const { openChannel } = platform;
  if (kind === "none") return undefined;
  if (kind === "no locks") platform.locks.request = async () => refuse();
  if (kind === "locks that throw") platform.locks.request = refuse;
  if (kind === "locks that reject with nothing") platform.locks.request = () => Promise.reject();
  if (kind === "locks that never settle") platform.locks.request = () => new Promise(() => undefined);
  if (kind === "no channel") Object.assign(platform, { openChannel: refuse });
  if (kind === "a channel that throws") {
    const silent = (name: string) => Object.assign(openChannel(name), { postMessage: refuse });
    Object.assign(platform, { openChannel: silent });
  }
  return platform;
}
