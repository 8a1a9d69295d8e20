/**
 * Runs the steps of the log in Redis: each is repeated until it is answered or its time is up, and none is left unsettled,
 * whatever the client does with its connection.
 */
import { createHash } from "node:crypto";
import { LogError } from "../log.ts";
import type { Argument, RedisConnection } from "./link.ts";
import { scriptOf, type Step } from "./script/script.ts";

export interface StepsOptions {
  readonly connection: RedisConnection;
  /** What all keys begin with. */
  readonly prefix: string;
  /** Random, of this instance. */
  readonly instance: string;
  readonly deadlineMs: number;
}

/** One attempt; then the same is sent again, over the connection that is there then. */
const ATTEMPT_MS = 3_000;
const RETRY_MS = [20, 500] as const;
/** It may yet come to answer. */
const PASSING = /^-?(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS|MISCONF)\b/;
/** What Redis itself says begins with a word in capitals. */
const REPLY = /^-?[A-Z]{3,}\b/;

export class Steps {
  readonly #options: StepsOptions;
  #generation = 0;
  readonly #scripts = new Map<Step, { readonly text: string; readonly sha: string }>();
  #closed = false;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  /**
   * @param what - For errors: "append to", "read".
   * @param args - After whether the server has to be looked at, which is said here.
   * @throws {LogError} `full`, `closed` or `failed`.
   */
  async run(what: string, step: Step, args: readonly Argument[]): Promise<readonly unknown[]> {
    const { deadlineMs } = this.#options;
    const endsMs = performance.now() + deadlineMs;
    for (let waitMs: number = RETRY_MS[0]; ; waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      const leftMs = endsMs - performance.now();
      try {
        if (this.#closed) throw new LogError("closed", `Cannot ${what} log: it is closed`);
        const attempt = this.#attempt(step, args);
        return (await within(attempt, Math.min(ATTEMPT_MS, leftMs))) as readonly unknown[];
      } catch (cause) {
        if (cause instanceof LogError) throw cause;
        const { message } = cause as Error;
        if (/^-?OOM\b/.test(message)) {
          throw new LogError("full", `Cannot ${what} log: Redis has no memory left (maxmemory)`, { cause });
        }
        const isReply = REPLY.test(message);
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
        // Whichever server answers next is looked at.
        if (!isReply) this.#renew();
        if (endsMs - performance.now() <= waitMs) {
          throw new LogError(
            "failed",
            `Cannot ${what} log: Redis did not do it within ${deadlineMs} ms, and may still do it (${message})${this.#remedyOf(message)}`,
            { cause },
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
    if (/^-?READONLY\b/.test(message)) return ". Expected a client of the primary";
    if (!/user_script|^-?WRONGTYPE\b/.test(message)) return "";
    return `. What the keys ${this.#options.prefix}:… hold is not of this log, expected another name`;
  }

  #renew(): void {
    this.#generation += 1;
    this.#scripts.clear();
  }

  /** Only this instance's connection has run this script, so that a server that does not know it is a new one. */
  #scriptOf(step: Step): { readonly text: string; readonly sha: string } {
    const known = this.#scripts.get(step);
    if (known !== undefined) return known;
    const text = scriptOf(step, `${this.#options.instance}.${this.#generation}`);
    const made = { text, sha: createHash("sha1").update(text).digest("hex") };
    this.#scripts.set(step, made);
    return made;
  }

  async #attempt(step: Step, args: readonly Argument[]): Promise<unknown> {
    const { connection, prefix } = this.#options;
    const { text, sha } = this.#scriptOf(step);
    try {
      return await connection.send(["EVALSHA", sha, "1", prefix, "0", ...args]);
    } catch (error) {
      if (!/NOSCRIPT/.test((error as Error).message)) throw error;
      return connection.send(["EVAL", text, "1", prefix, "1", ...args]);
    }
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${Math.round(ms)} ms`)), Math.max(0, ms));
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
