/**
 * The cursor that a client keeps: where it is stored, how it travels, and what it says of a message that came before.
 * This module is browser compatible.
 */

/** Where an application keeps the cursor, so that it outlives a reload or a process. */
export interface CursorStore {
  /** Where to go on; nothing for the beginning. */
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
 * Keeps the cursor in `sessionStorage` (a tab and its reloads) or `localStorage`. A storage that is full or forbidden is
 * as good as none: the stream goes on, and the next page starts without a cursor.
 * @param key - One for each stream: what two streams share, both spoil.
 */
export function storedCursor(storage: StorageLike, key: string): CursorStore {
  return {
    get() {
      try {
        return storage.getItem(key);
      } catch {
        return null;
      }
    },
    set(cursor) {
      try {
        storage.setItem(key, cursor);
      } catch {}
    },
  };
}

// A hub's own: a random epoch with a letter in it, so that nobody's timestamps or versions look like one.
const CURSOR = /^(?=[^.]*[A-Za-z_-])([\w-]{8,64})\.(0|[1-9]\d{0,15})$/;

/** Whether `id` is a hub's cursor that the stream had reached when it stood at `lastEventId`: the message came before. */
export function isBehind(id: string, lastEventId: string): boolean {
  const one = CURSOR.exec(id);
  const other = one && CURSOR.exec(lastEventId);
  return !!other && one[1] === other[1] && Number(one[2]) <= Number(other[2]);
}
