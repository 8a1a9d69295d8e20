/**
 * One question whether a stream may be served. The application may take long, or never answer: then the time is up, or the peer leaves, and
 * what it says later is not heard.
 * This module is browser compatible.
 */
import { ask, isThenable } from "../../guard/foreign.ts";
import type { WatchPeer } from "../request/peer.ts";
import { withTimeLimit } from "../time/time-limit.ts";

export class AskedAuthorization {
  readonly #authorize: () => unknown;
  readonly #timeoutMs: number;
  readonly #watchPeer: WatchPeer;
  /** Made when it is asked for: most answers are there at once. */
  #controller: AbortController | undefined;
  #unwatch: (() => void) | undefined;
  #over: { readonly reason: unknown } | undefined;

  constructor(authorize: () => unknown, timeoutMs: number, watchPeer: WatchPeer) {
    this.#authorize = authorize;
    this.#timeoutMs = timeoutMs;
    this.#watchPeer = watchPeer;
  }

  /** The application's: aborts when the result is no longer needed. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#over !== undefined) this.#controller.abort(this.#over.reason);
    return this.#controller.signal;
  }

  /**
   * Calls one of the two, or none when the peer has left.
   * @param read - Returns what to do with the answer. What it throws goes to `fail` as well.
   */
  decide(read: (answer: unknown) => () => void, fail: (error: unknown) => void): void {
    const failed = (error: unknown): void => {
      if (this.#end(error)) fail(error);
    };
    ask(
      () => {
        const answer = this.#authorize();
        if (!isThenable(answer)) return answer;
        this.#unwatch = this.#watchPeer(() => this.#end(new Error("The peer left")));
        return withTimeLimit(answer, this.#timeoutMs, "authorize", "authorize", this.signal);
      },
      (answer) => {
        let act: () => void;
        try {
          act = read(answer);
        } catch (error) {
          return failed(error);
        }
        // Not aborted: the application has given what it was asked for.
        if (this.#over !== undefined) return;
        this.#unwatch?.();
        act();
      },
      failed,
    );
  }

  /** @returns False if it was over before. */
  #end(reason: unknown): boolean {
    if (this.#over !== undefined) return false;
    this.#over = { reason };
    this.#unwatch?.();
    this.#controller?.abort(reason);
    return true;
  }
}
