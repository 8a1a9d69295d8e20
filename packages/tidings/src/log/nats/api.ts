/**
 * Asks JetStream: each question is repeated until one attempt is answered or its time is up, and none is left unsettled.
 */
import { LogError } from "../log.ts";
import type { NatsConnection, NatsMessage } from "./connection.ts";

export interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

interface Reply {
  readonly error?: ApiError;
}

interface Timed {
  /** When the attempt was sent that this answers, by the monotonic clock. */
  readonly askedMs: number;
}

export interface ApiOptions {
  readonly connection: NatsConnection;
  readonly prefix: string;
  readonly deadlineMs: number;
}

export interface AskOptions<Answer> {
  /** Errors that are answers as well, by their `code`. */
  readonly accept?: readonly number[] | undefined;
  /** Until when it may be tried, by the monotonic clock. Default: `deadlineMs` from now. */
  readonly endsMs?: number | undefined;
  /** Receives what comes for one attempt after another was answered: what it made is to be removed. */
  readonly onLate?: ((answer: Answer) => void) | undefined;
}

/** An attempt is forgotten then. */
const ATTEMPT_MS = 3_000;
/** After so long without an answer, the same is asked beside it: a leader that is elected now did not hear what was asked before. */
const SILENCE_MS = 300;
/** After a refusal that may pass. */
const RETRY_MS = [20, 500] as const;
/** No room: for the account or the server, or for one more stream. */
const FULL = new Set([10_002, 10_023, 10_027, 10_028, 10_047]);
const SEALED = 10_109;
/** A message with that id was sent before, and copies of it are being made. Since 2.12. */
const IN_PROCESS = 10_158;
/** The stream could not store it, for the reason that it gives. */
const STORE_FAILED = 10_077;

export class Api {
  readonly #options: ApiOptions;
  #closed = false;
  #connected = true;
  /** Makes each question that is open ask again now. */
  readonly #open = new Set<() => void>();
  #refused: { readonly atMs: number; readonly error: Error } | undefined;
  /** How long an answer takes, about. Over a network where that is long, nothing is asked twice for it. */
  #usualMs = 0;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /**
   * @param what - For errors: "append to", "read".
   * @param question - Or what makes one, where each attempt needs its own; an error that it throws is the end of it.
   * @throws {LogError} `full`, `closed` or `failed`.
   */
  ask<Answer>(
    what: string,
    subject: string,
    question: object | (() => object) = {},
    { accept = [], endsMs = this.endsMs(), onLate }: AskOptions<Answer> = {},
  ): Promise<Answer & Reply & Timed> {
    const { connection, prefix, deadlineMs } = this.#options;
    return new Promise((resolve, reject) => {
      const silenceMs = Math.min(ATTEMPT_MS, Math.max(SILENCE_MS, 3 * this.#usualMs));
      let retryMs: number = RETRY_MS[0];
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isOver = false;
      let underWay = 0;
      let reason = "";
      let cause: unknown;
      const over = (): void => {
        isOver = true;
        clearTimeout(timer);
        this.#open.delete(again);
      };
      const fail = (error: unknown): void => {
        over();
        reject(error);
      };
      const tooLate = (): void => {
        const forbidden = this.#forbiddenSince(endsMs - deadlineMs);
        if (forbidden !== undefined) [reason, cause] = [forbidden.message, forbidden];
        const remedy = /no responders/i.test(reason)
          ? `. Expected a server with JetStream: nats-server -js, and its API at ${prefix} (apiPrefix)`
          : "";
        fail(late(what, deadlineMs, reason || "no answer", { remedy, cause }));
      };
      const next = (afterMs: number): void => {
        clearTimeout(timer);
        timer = setTimeout(attempt, Math.max(0, Math.min(afterMs, endsMs - performance.now())));
      };
      const refused = (): void => {
        if (underWay === 0 && endsMs - performance.now() <= retryMs) return tooLate();
        next(retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_MS[1]);
      };
      const answered = ({ data }: NatsMessage, askedMs: number): void => {
        const reply = JSON.parse(new TextDecoder().decode(data)) as Answer & Reply;
        const { error } = reply;
        if (isOver) {
          if (error === undefined) onLate?.(reply);
          return;
        }
        this.#usualMs += (performance.now() - askedMs - this.#usualMs) / 8;
        if (error === undefined || accept.includes(error.code)) {
          over();
          return resolve({ ...reply, askedMs });
        }
        if (!mayPass(error)) return fail(refusal(what, error));
        reason = `${error.description}`;
        cause = undefined;
        refused();
      };
      const failed = (failure: unknown, askedMs: number, timeout: number): void => {
        if (isOver) return;
        if (this.#closed) {
          return fail(new LogError("closed", `Cannot ${what} log: it is closed`, { cause: failure }));
        }
        if (connection.isClosed()) {
          const message = `Cannot ${what} log: the connection to NATS is closed`;
          return fail(new LogError("failed", message, { cause: failure }));
        }
        reason = (failure as Error).message;
        cause = failure;
        // Of one that was silent, another attempt is under way.
        if (performance.now() - askedMs < timeout) refused();
      };
      const attempt = (): void => {
        if (this.#closed) return fail(new LogError("closed", `Cannot ${what} log: it is closed`));
        const leftMs = endsMs - performance.now();
        if (leftMs <= 0) return tooLate();
        next(silenceMs);
        // It would lie in the client, and be sent with all others.
        if (!this.#connected && !connection.isClosed()) return;
        let body: string;
        try {
          body = JSON.stringify(typeof question === "function" ? (question as () => object)() : question);
        } catch (error) {
          return fail(error);
        }
        const askedMs = performance.now();
        const timeout = Math.max(1, Math.min(ATTEMPT_MS, leftMs));
        underWay += 1;
        const ended = (): void => void (underWay -= 1);
        let asking: Promise<NatsMessage>;
        try {
          asking = connection.request(`${prefix}.${subject}`, body, { timeout });
        } catch (failure) {
          asking = Promise.reject(failure);
        }
        asking
          .finally(ended)
          .then((message) => answered(message, askedMs))
          .catch((failure: unknown) => failed(failure, askedMs, timeout));
      };
      const again = (): void => {
        retryMs = RETRY_MS[0];
        attempt();
      };
      this.#open.add(again);
      if (endsMs <= performance.now()) {
        reason = "there are more questions than time";
        return tooLate();
      }
      attempt();
    });
  }

  /** The connection is lost, or there again: then what is open is asked at once, over the connection that is there now. */
  connected(yes: boolean): void {
    this.#connected = yes;
    if (yes) for (const again of this.#open) again();
  }

  /** What the server did not let the user publish, and says to the connection alone. */
  forbidden(subject: string, error: Error): void {
    if (subject.startsWith(`${this.#options.prefix}.`)) this.#refused = { atMs: performance.now(), error };
  }

  #forbiddenSince(sinceMs: number): Error | undefined {
    return this.#refused !== undefined && this.#refused.atMs >= sinceMs ? this.#refused.error : undefined;
  }

  /** When the time of what begins now is up. */
  endsMs(): number {
    return performance.now() + this.#options.deadlineMs;
  }

  /** Asks, whatever comes of it. */
  tell(subject: string): void {
    try {
      this.#options.connection.publish(`${this.#options.prefix}.${subject}`);
    } catch {
      // The connection is closed, and what was to be removed goes by itself.
    }
  }

  close(): void {
    this.#closed = true;
  }
}

function late(
  what: string,
  deadlineMs: number,
  reason: string,
  { remedy = "", cause }: { remedy?: string; cause?: unknown } = {},
): LogError {
  const message = `Cannot ${what} log: NATS did not answer within ${deadlineMs} ms (${reason})${remedy}`;
  return new LogError("failed", message, { cause });
}

/** Whether the same may be answered otherwise soon: there is no leader, say, or the first attempt is not decided yet. */
export function mayPass(error: ApiError): boolean {
  if (error.err_code === IN_PROCESS) return true;
  return (error.code === 503 || error.code === 408) && !isFull(error);
}

export function isFull({ err_code = 0, description = "" }: ApiError): boolean {
  return FULL.has(err_code) || (err_code === STORE_FAILED && /maximum|exceeded|no space/.test(description));
}

/** What JetStream says, as an error of the log. */
export function refusal(what: string, error: ApiError): LogError {
  const { code, err_code = 0, description = "" } = error;
  if (isFull(error)) {
    return new LogError("full", `Cannot ${what} log: JetStream has no room left (${description})`);
  }
  const remedy = err_code === SEALED ? ", which nobody can undo: expected another name for the log" : "";
  return new LogError(
    "failed",
    `Cannot ${what} log: JetStream says ${code} ${description} (${err_code})${remedy}`,
  );
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
