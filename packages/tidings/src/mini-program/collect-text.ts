/**
 * Keeps the start of a refusal's body, so that an error can show what the server said.
 * This module is browser compatible.
 */
import { createUtf8Decoder } from "../wire/utf8.ts";

/** As much of a body as an error is worth. */
export const LONGEST_TEXT_BYTES = 65_536;

export interface TextCollector {
  push(chunk: Uint8Array | string): void;
  /** No more will come. */
  end(): void;
  /** What came, at the end or at 64 KiB. */
  readonly text: Promise<string>;
}

export function collectText(): TextCollector {
  const decoder = createUtf8Decoder();
  let text = "";
  let left = LONGEST_TEXT_BYTES;
  let resolve: (text: string) => void;
  const promise = new Promise<string>((resolvePromise) => {
    resolve = resolvePromise;
  });

  return {
    push(chunk) {
      if (left <= 0) return;
      text += typeof chunk === "string" ? chunk.slice(0, left) : decoder.decode(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) end();
    },
    end,
    text: promise,
  };

  function end(): void {
    left = 0;
    resolve(text);
  }
}
