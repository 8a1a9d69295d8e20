/**
 * Tells any number of responses that their connection is over, with one listener on it: Node warns of a leak from the eleventh
 * on, and a peer may send as many requests over one connection as it likes.
 * This module is browser compatible.
 */
export interface Closing {
  on?(name: "close", listener: () => void): unknown;
  removeListener?(name: "close", listener: () => void): unknown;
}

const heard = new WeakMap<Closing, { readonly listeners: Set<() => void>; readonly onClose: () => void }>();

/** @returns A function that stops hearing. */
export function hearClose(connection: Closing, listener: () => void): () => void {
  let entry = heard.get(connection);
  if (entry === undefined) {
    const listeners = new Set<() => void>();
    entry = { listeners, onClose: () => [...listeners].forEach((each) => each()) };
    heard.set(connection, entry);
    connection.on?.("close", entry.onClose);
  }
  const { listeners, onClose } = entry;
  listeners.add(listener);
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    heard.delete(connection);
    connection.removeListener?.("close", onClose);
  };
}
