/**
 * The cursor that a client keeps, so that it outlives a reload or a process.
 * This module is browser compatible.
 */
import { ask, isThenable, reportUncaught } from "../../../guard/foreign.ts";
import type { Feature } from "../../core/feature.ts";

/** Where an application keeps the cursor. */
export interface CursorStore {
  /**
   * Where to continue; nothing for the beginning, and neither is what cannot be sent: more than 2,048 characters, or control
   * characters. The first request waits for a promise, for ten seconds.
   */
  get(): string | null | undefined | PromiseLike<string | null | undefined>;
  /** Called with each new one, in order. */
  set(cursor: string): unknown;
}

/** As much of `localStorage` and `sessionStorage` as is used here. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/**
 * When the cursor is stored: after the message was `"handled"`, so that a crash loses none and may repeat the last one, or when it was
 * `"received"`. A message is handled when its handlers and their promises are done, or the loop asks for the next message. If a handler
 * fails, the connection ends rather than skip the message.
 */
export type Acknowledge = "handled" | "received";

/** Keeps the cursor in `store`. A request with a stored cursor may be repeated, with any method. */
export function cursor(store: CursorStore, ack: Acknowledge = "handled"): Feature {
  return (core) => {
    const { clock } = core;
    let stored = "";
    let timer: unknown;
    /** A loop has a message and has not asked for the next one. */
    let isOut = false;
    const set = (id: string) => {
      if (id === stored) return;
      stored = id;
      ask(() => store.set(id), nothing, reportUncaught);
    };
    return {
      canRepeat: () => true,
      restore() {
        const got: unknown = store.get();
        if (!isThenable(got)) return usable(got);
        return new Promise<string | undefined>((resolve) => {
          const giveUp = () => resolve(undefined);
          timer = clock.setTimeout(giveUp, PATIENCE_MS);
          ask(
            () => got,
            (id) => resolve(usable(id)),
            (thrown) => {
              reportUncaught(thrown);
              giveUp();
            },
          );
        });
      },
      // To start, or to close meanwhile.
      state: () => clock.clearTimeout(timer),
      mustHandle: () => ack === "handled",
      request() {
        if (!stored) stored = core.lastEventId;
      },
      // An id without a message moves the cursor too, once the messages before it are handled.
      heard() {
        if (ack === "received" || !(isOut || core.pressure())) set(core.lastEventId);
      },
      handed() {
        isOut = true;
      },
      handled({ id }) {
        isOut = false;
        if (ack === "handled") set(id);
      },
    };
  };
}

/**
 * Keeps the cursor in `sessionStorage` (one tab and its reloads) or `localStorage`: for the `cursor` option, or among the features.
 * If the storage is full or forbidden, or what it holds cannot be sent, the stream continues, and the page starts without a cursor.
 * @param storage - A function is called for it each time, since a browser that blocks storage throws where it is named:
 *   `() => localStorage`.
 * @param key - One for each stream. Two streams with one key overwrite each other's cursor.
 */
export function storedCursor(
  storage: StorageLike | (() => StorageLike),
  key: string,
  ack?: Acknowledge,
): CursorStore & Feature {
  const found = () => (typeof storage === "function" ? storage() : storage);
  const store: CursorStore = {
    get() {
      try {
        return found().getItem(key);
      } catch {
        return null;
      }
    },
    set(cursor) {
      try {
        found().setItem(key, cursor);
      } catch {}
    },
  };
  return Object.assign(cursor(store, ack), store);
}

/** A storage may hold anything: another program wrote it, or an earlier version. What no request can carry would be carried by none. */
function usable(id: unknown): string | undefined {
  return SENDABLE.test(id as string) ? (id as string) : undefined;
}

const SENDABLE = /^[\t -~\x80-\uffff]{1,2048}$/;
/** How long a storage may think. */
const PATIENCE_MS = 10_000;

function nothing(): void {}
