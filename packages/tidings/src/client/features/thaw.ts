/**
 * What a page does with its stream when the browser froze it and lets it run again, for clients that doubt no stream for other reasons:
 * Chromium gives it no bytes any more, and reports no end.
 * This module is browser compatible; where there is no page it does nothing.
 */
import { streamError } from "../core/event-stream-error.ts";
import type { Core, Hooks } from "../core/feature.ts";

/** How long the stream may be silent then. */
const DOUBT_MS = 20_000;

interface Listened {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/** Replaces a stream over which nothing comes within 20 seconds of the page's return. */
export function thaw({ clock, lose }: Pick<Core, "clock" | "lose">): Hooks {
  const { document } = globalThis as { document?: Listened };
  let timer: unknown;
  const stop = () => clock.clearTimeout(timer);
  const doubt = () => {
    stop();
    timer = clock.setTimeout(
      () => lose(streamError("network", undefined, "Nothing came since the page was frozen")),
      DOUBT_MS,
    );
  };
  return {
    heard: stop,
    state({ state: { phase } }) {
      stop();
      document?.[phase === "open" ? "addEventListener" : "removeEventListener"]?.("resume", doubt);
    },
  };
}
