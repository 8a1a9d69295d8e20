/**
 * What runs in each tab: a shared stream of numbers, or one that it does not share.
 */
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
    /** Does nothing but this, from soon on. */
    hang(ms: number): void;
  }
}

window.numbers = [];
window.errors = [];

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

window.hang = (ms) => {
  setTimeout(() => {
    for (const end = Date.now() + ms; Date.now() < end;);
  });
};
