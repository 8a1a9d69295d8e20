/**
 * The body of a response that comes from no network: what is written is read in order, chunk by chunk, and a cut comes in its place.
 * This module is browser compatible.
 */
import type { Outlet } from "./answer.ts";

/** How much is written before the writer waits for the reader, as a socket's buffers would have it. */
const BUFFERED_BYTES = 65_536;

export interface Body extends Omit<Outlet, "head"> {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The reader is gone. @param reason - What a read that is under way rejects with. */
  leave(reason?: unknown): void;
}

export function createBody(): Body {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const writers: (() => void)[] = [];
  let buffered = 0;
  let state: Outlet["state"] = "open";
  // The reader may go after all was said, and before all was read.
  let gone = false;
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let wake = nothing;
  let close = nothing;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });

  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(given) {
        controller = given;
      },
      async pull() {
        while (state === "open" && chunks.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const chunk = chunks.shift();
        if (gone) return;
        if (chunk) {
          buffered -= chunk.length;
          controller.enqueue(chunk);
          if (buffered < BUFFERED_BYTES) release();
        } else if (state === "ended") controller.close();
        else controller.error(new TypeError("terminated"));
      },
      cancel: () => leave(),
    },
    // Nothing is taken before it is read.
    { highWaterMark: 0 },
  );

  return {
    stream,
    closed,
    get state() {
      return state;
    },
    write(bytes) {
      if (state !== "open" || bytes.length === 0) return Promise.resolve();
      chunks.push(bytes.slice());
      buffered += bytes.length;
      wake();
      if (buffered < BUFFERED_BYTES) return Promise.resolve();
      return new Promise((resolve) => writers.push(resolve));
    },
    end: () => finish("ended"),
    cut: () => finish("cut"),
    leave,
  };

  function leave(reason?: unknown): void {
    if (gone) return;
    gone = true;
    finish("left");
    chunks.length = 0;
    if (reason !== undefined) controller.error(reason);
  }

  function finish(how: "ended" | "cut" | "left"): void {
    if (state !== "open") return;
    state = how;
    wake();
    release();
    close();
  }

  function release(): void {
    for (const resolve of writers.splice(0)) resolve();
  }
}

function nothing(): void {}
