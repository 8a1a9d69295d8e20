/**
 * Asks JetStream: each question is repeated until it is answered or its time is up, and none is left unsettled.
 */
import { LogError } from "../log.ts";
import type { NatsConnection } from "./connection.ts";

export interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

interface Reply {
  readonly error?: ApiError;
}

export interface ApiOptions {
  readonly connection: NatsConnection;
  readonly prefix: string;
  readonly deadlineMs: number;
}

/** One attempt; then the same is asked again, over the connection that is there then. */
const ATTEMPT_MS = 3_000;
const RETRY_MS = [20, 500] as const;
/** No room: for the account or the server. */
const FULL = new Set([10_002, 10_023, 10_028, 10_047]);
/** The stream could not store it, for the reason that it gives. */
const STORE_FAILED = 10_077;

export class Api {
  readonly #options: ApiOptions;
  #closed = false;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /**
   * @param what - For errors: "append to", "read".
   * @param accept - Errors that are answers as well, by their `code`.
   * @throws {LogError} `full`, `closed` or `failed`.
   */
  async ask<Answer>(
    what: string,
    subject: string,
    question: object = {},
    accept: readonly number[] = [],
  ): Promise<Answer & Reply> {
    const { connection, prefix, deadlineMs } = this.#options;
    const endsMs = performance.now() + deadlineMs;
    const body = JSON.stringify(question);
    for (let waitMs: number = RETRY_MS[0]; ; waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      if (this.#closed) throw new LogError("closed", `Cannot ${what} log: it is closed`);
      const leftMs = endsMs - performance.now();
      let reason: string;
      let cause: unknown;
      try {
        const timeout = Math.max(1, Math.min(ATTEMPT_MS, leftMs));
        const { data } = await within(connection.request(`${prefix}.${subject}`, body, { timeout }), timeout);
        const reply = JSON.parse(new TextDecoder().decode(data)) as Answer & Reply;
        const { error } = reply;
        if (error === undefined || accept.includes(error.code)) return reply;
        if (!mayPass(error)) throw refusal(what, error);
        reason = `${error.description}`;
      } catch (failure) {
        if (failure instanceof LogError) throw failure;
        if (connection.isClosed()) {
          throw new LogError("failed", `Cannot ${what} log: the connection to NATS is closed`, {
            cause: failure,
          });
        }
        cause = failure;
        reason = (failure as Error).message;
      }
      if (endsMs - performance.now() <= waitMs) {
        const remedy = /no responders/i.test(reason)
          ? `. Expected a server with JetStream: nats-server -js, and its API at ${prefix} (apiPrefix)`
          : "";
        const message = `Cannot ${what} log: NATS did not answer within ${deadlineMs} ms (${reason})${remedy}`;
        throw new LogError("failed", message, { cause });
      }
      await sleep(waitMs);
    }
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

/** Whether the same may be answered otherwise soon: there is no leader, say. */
export function mayPass(error: ApiError): boolean {
  return (error.code === 503 || error.code === 408) && !isFull(error);
}

function isFull({ err_code = 0, description = "" }: ApiError): boolean {
  return FULL.has(err_code) || (err_code === STORE_FAILED && /maximum|exceeded|no space/.test(description));
}

/** What JetStream says, as an error of the log. */
export function refusal(what: string, error: ApiError): LogError {
  const { code, err_code = 0, description = "" } = error;
  if (isFull(error)) {
    return new LogError("full", `Cannot ${what} log: JetStream has no room left (${description})`);
  }
  return new LogError("failed", `Cannot ${what} log: JetStream says ${code} ${description} (${err_code})`);
}

export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    // Later than the client's own time limit, which says more.
    timer = setTimeout(() => reject(new Error(`no answer within ${Math.round(ms)} ms`)), ms + 100);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
