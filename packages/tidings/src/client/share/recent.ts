/**
 * The last messages of a stream, bounded: what a tab knows of the way behind it, and can hand to a tab that is further back.
 * This module is browser compatible.
 */
import type { ParsedMessage } from "../../wire/message.ts";

/** One step of a stream: a message, or an id by itself that moves the cursor. */
export interface Entry {
  /** The cursor after it. */
  readonly id: string;
  readonly message?: ParsedMessage;
}

export interface Recent {
  /** Where the stream stands. */
  readonly cursor: string;
  /** Where it stood before the first entry that is kept. */
  readonly base: string;
  add(entry: Entry): void;
  /** What came after a cursor; `undefined` when it is not known here, as none (`""`) never is. */
  after(id: string): Entry[] | undefined;
  copy(): Recent;
}

/** Of all that is kept, in characters: older messages are dropped, and a tab that is further behind asks the server. */
const MAX_CHARACTERS = 2 ** 20;

/** @param maxEntries - As many are kept, or fewer if they are large. */
export function createRecent(base: string, maxEntries: number, kept: readonly Entry[] = []): Recent {
  const entries: Entry[] = [];
  let characters = 0;
  const recent: Recent = {
    get cursor() {
      return entries.length > 0 ? entries[entries.length - 1]!.id : base;
    },
    get base() {
      return base;
    },
    add(entry) {
      entries.push(entry);
      characters += sizeOf(entry);
      while (entries.length > maxEntries || characters > MAX_CHARACTERS) {
        const oldest = entries.shift()!;
        characters -= sizeOf(oldest);
        base = oldest.id;
      }
    },
    after(id) {
      if (!id) return;
      // From the end: messages without an id of their own carry the one before, and count with it.
      for (let at = entries.length; at > 0; at--) if (entries[at - 1]!.id === id) return entries.slice(at);
      if (id === base) return entries.slice();
    },
    copy: () => createRecent(base, maxEntries, entries),
  };
  kept.forEach((entry) => recent.add(entry));
  return recent;
}

function sizeOf({ id, message }: Entry): number {
  return id.length + (message ? message.event.length + message.data.length : 0);
}
