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
    startSharing(takeoverMs: number): void;
    startAlone(): void;
    /** Does nothing but this, from soon on. */
    hang(ms: number): void;
  }
}

window.numbers = [];
window.errors = [];

window.startSharing = (takeoverMs) => {
  window.connection = share("/numbers", {
    takeoverMs,
    retry: { baseMs: 100 },
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
