/**
 * What runs in each tab: a shared stream of numbers, or one that it does not share.
 */
import { connect, EventSource as OwnEventSource, storedCursor } from "tidings/client";
import { share, type SharedConnection } from "tidings/client/share";

declare global {
  interface Window {
    numbers: number[];
    errors: string[];
    connection?: SharedConnection;
    source?: EventSource;
    /** Once more: anew. @param pauseMs - How long it may be hidden before it pauses; without it, it does not. */
    startSharing(takeoverMs: number, pauseMs?: number): void;
    startAlone(): void;
    /** With the package's EventSource instead of the browser's. */
    startOwn(): void;
    /** A connection with its cursor in the browser's storage, which may be refused. @returns What of it the browser refuses. */
    startStoring(): string[];
    /** Does nothing but this, from soon on. */
    hang(ms: number): void;
    /** As another script of the origin: says what no tab says, on the channel of the share. */
    speakNonsense(): Promise<void>;
    /** As another script of the origin: takes the lock of the share, and never gives it back. */
    stealLock(): Promise<void>;
  }
}

window.numbers = [];
window.errors = [];
window.addEventListener("error", (event) => void window.errors.push((event as ErrorEvent).message));
window.addEventListener(
  "unhandledrejection",
  (event) => void window.errors.push(String((event as PromiseRejectionEvent).reason)),
);

window.startSharing = (takeoverMs, pauseMs) => {
  window.connection?.close();
  window.connection = share("/numbers", {
    takeoverMs,
    ...(pauseMs !== undefined && { whenHidden: pauseMs }),
    retry: { baseMs: 100 },
    // So that a tab that joins makes no request of its own, and the connections can be counted.
    begin: "now",
    onMessage: ({ data }) => void window.numbers.push(Number(data)),
    onError: (error) => void window.errors.push(error.message),
  });
};

window.startAlone = () => {
  window.source = new EventSource("/numbers");
  window.source.addEventListener("message", ({ data }) => window.numbers.push(Number(data)));
};

window.startOwn = () => {
  const source = new OwnEventSource("/numbers");
  source.onmessage = ({ data }) => void window.numbers.push(Number(data));
};

window.startStoring = () => {
  connect("/numbers", {
    cursor: storedCursor(() => localStorage, "numbers"),
    onMessage: ({ data }) => void window.numbers.push(Number(data)),
    onError: (error) => void window.errors.push(error.message),
  });
  const refused: string[] = [];
  try {
    void localStorage.length;
  } catch {
    refused.push("localStorage");
  }
  return refused;
};

window.hang = (ms) => {
  setTimeout(() => {
    for (const end = Date.now() + ms; Date.now() < end;);
  });
};

async function lockName(): Promise<string> {
  const { held = [] } = await navigator.locks.query();
  return held.find(({ name }) => name?.startsWith("tidings.share"))!.name!;
}

window.speakNonsense = async () => {
  const channel = new BroadcastChannel(await lockName());
  const told = { term: "x", seq: 0, id: "" };
  for (const said of [
    null,
    undefined,
    "text",
    {},
    { ask: {} },
    told,
    { ...told, lead: true },
    { ...told, lead: true, state: "sideways", response: {} },
    { ...told, error: null },
    { ...told, verdict: {} },
    { ...told, resigned: true },
    { ...told, entry: null },
    { ...told, tail: [null] },
  ]) {
    channel.postMessage(said);
  }
  channel.close();
};

window.stealLock = async () => {
  const name = await lockName();
  void navigator.locks.request(name, { steal: true }, () => new Promise(() => {})).catch(() => {});
};
