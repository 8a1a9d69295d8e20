/**
 * Runs the steps of the log in Redis: each is repeated until it is answered or its time is up, and none is left unsettled,
 * whatever the client does with its connection.
 */
import { LONGEST_TIMER_MS } from "../../guard/timer.ts";
import { LogError } from "../log.ts";
import type { Argument, RedisConnection } from "./link.ts";
import { scriptOf, type Step } from "./script/script.ts";

export interface StepsOptions {
  readonly connection: RedisConnection;
  /** What all keys begin with. */
  readonly prefix: string;
  readonly deadlineMs: number;
}

/** One attempt; then the same is sent again, over the connection that is there then. */
const ATTEMPT_MS = 3_000;
const RETRY_MS = [20, 500] as const;
/** It may yet come to answer. */
const PASSING = /^-?(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS|MISCONF)\b/;
/** Behind the arguments of an append: Redis was told of the process. What it remembers of it tells whether it was done. */
export const KNOWN = "known";
/** What it remembers of a process is gone. */
const FORGOTTEN = /^-?FORGOTTEN\b/;
/** What the step had stored was removed again. */
const UNDONE = /^-?UNDONE\b/;
/** Of a command in a script, and of the script. */
const REFUSED = /^-?NOPERM\b|user executing the script/;
/** What Redis itself says begins with a word in capitals. */
const REPLY = /^-?[A-Z]{3,}\b/;

export function isForgotten(error: unknown): boolean {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error && FORGOTTEN.test(cause.message);
}

/** Not done, because of what some key holds: that of one append, perhaps, of the many in a group. */
export function isUndone(error: unknown): boolean {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error && UNDONE.test(cause.message) && /\bWRONGTYPE\b/.test(cause.message);
}

export class Steps {
  readonly #options: StepsOptions;
  #closed = false;
  /** Any Redis, ever. */
  #hasAnswered = false;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  /**
   * @param what - For errors: "append to", "read".
   * @param withinMs - Until when it may be tried. Default: `deadlineMs`.
   * @throws {LogError} `full`, `closed` or `failed`.
   */
  async run(
    what: string,
    step: Step,
    args: readonly Argument[],
    withinMs: number = this.#options.deadlineMs,
  ): Promise<readonly unknown[]> {
    const { deadlineMs } = this.#options;
    const endsMs = performance.now() + withinMs;
    const lost = this.#options.connection.lost();
    let sent = args;
    /** What was in the way last. */
    let said: Error | undefined;
    for (let waitMs: number = RETRY_MS[0]; ; waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      const leftMs = endsMs - performance.now();
      try {
        if (this.#closed) throw new LogError("closed", `Cannot ${what} log: it is closed`);
        const attempt = this.#attempt(step, sent);
        const reply = (await within(attempt, Math.min(ATTEMPT_MS, leftMs))) as readonly unknown[];
        this.#hasAnswered = true;
        return reply;
      } catch (cause) {
        if (cause instanceof LogError) throw cause;
        if (this.#closed) throw new LogError("closed", `Cannot ${what} log: it is closed`, { cause });
        // What was sent once only was not done.
        if (said === undefined && isForgotten({ cause }) && lost === this.#options.connection.lost()) {
          sent = args.slice(0, -1);
          continue;
        }
        // The last attempt may have had no time to hear more.
        if (said === undefined || !(cause instanceof Late)) said = cause as Error;
        const { message } = cause as Error;
        if (/^-?OOM\b/.test(message)) {
          throw new LogError("full", `Cannot ${what} log: Redis has no memory left (maxmemory)`, { cause });
        }
        const isReply = REPLY.test(message);
        this.#hasAnswered ||= isReply;
        if (isReply && !PASSING.test(message)) {
          throw new LogError(
            "failed",
            `Cannot ${what} log: Redis says ${message}${this.#remedyOf(message)}`,
            {
              cause,
            },
          );
        }
        if (this.#options.connection.isClosed()) {
          throw new LogError(
            "failed",
            `Cannot ${what} log: the Redis client is closed, and Redis may have done it before (${message}). Close the client after the hub has drained`,
            { cause },
          );
        }
        if (endsMs - performance.now() <= waitMs) {
          // An append has waited for its turn before.
          const isAppend = what === "append to";
          const until = isAppend ? `${deadlineMs} ms, and may still do it` : `${Math.round(withinMs)} ms`;
          throw new LogError(
            "failed",
            this.#hasAnswered
              ? `Cannot ${what} log: Redis did not do it within ${until} (${said.message})${this.#remedyOf(said.message)}`
              : `Cannot ${what} log: no Redis answered within ${Math.round(withinMs)} ms (${said.message}). Does one run where the client connects to?`,
            { cause: said },
          );
        }
        await sleep(waitMs);
      }
    }
  }

  close(): void {
    this.#closed = true;
  }

  #remedyOf(message: string): string {
    if (FORGOTTEN.test(message)) return ". Expected maxmemory-policy noeviction";
    if (/^-?READONLY\b/.test(message)) return ". Expected a client of the primary";
    if (/^-?FORMAT\b/.test(message))
      return ". Expected one version of Tidings in all processes, or another name";
    if (REFUSED.test(message)) {
      return `. Expected a user that may run what a log does, with the keys and channels ${this.#options.prefix}*`;
    }
    if (!/user_script|\bWRONGTYPE\b/.test(message)) return "";
    return `. What the keys ${this.#options.prefix}:… hold is not of this log, expected another name`;
  }

  async #attempt(step: Step, args: readonly Argument[]): Promise<unknown> {
    const { connection, prefix } = this.#options;
    const { text, sha } = scriptOf(step);
    try {
      return await connection.send(["EVALSHA", sha, "1", prefix, ...args]);
    } catch (error) {
      if (!/NOSCRIPT/.test((error as Error).message)) throw error;
      return connection.send(["EVAL", text, "1", prefix, ...args]);
    }
  }
}

class Late extends Error {}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Late(`no answer within ${Math.round(ms)} ms`)),
      Math.min(Math.max(0, ms), LONGEST_TIMER_MS),
    );
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
