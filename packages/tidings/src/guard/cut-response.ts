/**
 * Cuts a response that cannot be gone on with, whatever middleware has made of it.
 * This module is browser compatible.
 */
import { ignore } from "./ignore.ts";
import { isThenable } from "./foreign.ts";

interface Destroyable {
  destroy(): unknown;
}

/** What responses have to be cut by; each part may be missing in an imitation. */
interface Cuttable {
  readonly destroyed?: unknown;
  readonly socket?: unknown;
  readonly stream?: unknown;
  destroy?: unknown;
}

/**
 * Cuts the stream of HTTP/2, the response, or its connection: the first that takes it. Never throws.
 * @param socket - Its connection, where that is its own.
 */
export function cutResponse(response: object, socket?: Destroyable, error?: unknown): void {
  const given = response as Cuttable;
  if (attempt(() => cutStream(given)) || attempt(() => destroy(given, error))) return;
  attempt(() => (socket ?? (given.socket as Destroyable | null | undefined))?.destroy());
}

/** Handles what a method gave that should give nothing: a promise, where middleware is asynchronous. */
export function handleRejection(given: unknown, fail: (error: unknown) => void): void {
  if (typeof given !== "object" || given === null || !isThenable(given)) return;
  Promise.resolve(given).then(undefined, fail);
}

/** @returns Whether it is one of HTTP/2. CANCEL rather than no error, or the peer takes what it has for the whole. */
function cutStream({ stream }: Cuttable): boolean {
  const { close } = Object(stream) as { close?: unknown };
  if (typeof close !== "function") return false;
  (stream as { close(code: number): void }).close(HTTP2_CANCEL);
  (stream as Destroyable).destroy();
  return true;
}

function destroy(response: Cuttable, error: unknown): boolean {
  if (typeof response.destroy !== "function") return false;
  handleRejection((response as { destroy(error?: unknown): unknown }).destroy(error), ignore);
  // An imitation may not say.
  return response.destroyed !== false;
}

function attempt(run: () => unknown): boolean {
  try {
    return run() === true;
  } catch {
    // It is cut otherwise.
    return false;
  }
}

const HTTP2_CANCEL = 8;
