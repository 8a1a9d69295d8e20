/**
 * Calls the functions of the log in the database: each call is repeated until it is answered or its time is up, and none is left
 * unsettled, whatever the client does with its connections. Creates the tables where they are missing.
 */
import { LogError } from "../log.ts";
import type { Listener, PostgresLink, SqlValue } from "./link.ts";
import type { SqlNames } from "./names.ts";

export interface CallsOptions {
  readonly link: PostgresLink;
  readonly names: SqlNames;
  readonly deadlineMs: number;
  /** What creates the tables. Undefined where the application does that. */
  readonly schema: string | undefined;
}

/** One attempt; then the same is asked again, over another connection. */
const ATTEMPT_MS = 3_000;
const RETRY_MS = [20, 500] as const;
/** What Postgres says has a code like this; what the client says has none, or one of another form. */
const SQLSTATE = /^[0-9A-Z]{5}$/;
/**
 * It may yet come to answer: it starts, ends, takes over, has no connection left, was cancelled, or chose one of two that waited
 * for each other.
 */
const PASSING = /^(?:08|40|57)|^(?:25006|53300|55P03|XX000)$/;
/** Tables or functions are missing. */
const MISSING = /^(?:42P01|42883|3F000)$/;

export class Calls {
  readonly #options: CallsOptions;
  #closed = false;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /**
   * @param what - For errors: "append to", "read".
   * @param withinMs - Until when it may be tried. Default: `deadlineMs`.
   * @param listener - Whose connection is asked first, where it is there.
   * @returns What the function returned, parsed.
   * @throws {LogError} `full`, `closed` or `failed`.
   */
  async call<T>(
    what: string,
    name: string,
    values: readonly SqlValue[],
    withinMs: number = this.#options.deadlineMs,
    listener?: Pick<Listener, "run">,
  ): Promise<T | null> {
    const { link, names, deadlineMs, schema } = this.#options;
    const types = values.map((value, i) => `$${i + 1}::${typeof value === "string" ? "text" : "bytea"}`);
    const text = `SELECT ${names.call(name)}(${types.join(", ")}) AS reply`;
    const endsMs = performance.now() + withinMs;
    let created = false;
    for (let waitMs: number = RETRY_MS[0]; ; waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      try {
        if (this.#closed) throw new LogError("closed", `Cannot ${what} log: it is closed`);
        const attemptMs = Math.min(ATTEMPT_MS, endsMs - performance.now());
        const reply = await (listener?.run?.(text, values, attemptMs) ?? link.run(text, values, attemptMs));
        return reply === null || reply === "" ? null : (JSON.parse(reply) as T);
      } catch (cause) {
        if (cause instanceof LogError) throw cause;
        const { message } = cause as Error;
        const code = sqlStateOf(cause);
        const left = endsMs - performance.now() > waitMs;
        if (code !== undefined && MISSING.test(code) && schema !== undefined && !created && left) {
          created = await this.#create(schema, what);
          continue;
        }
        if (code !== undefined && !PASSING.test(code)) throw refusal(what, code, message, cause);
        if (!left) {
          throw new LogError(
            "failed",
            `Cannot ${what} log: Postgres did not do it within ${deadlineMs} ms, and may still do it (${message})`,
            { cause },
          );
        }
        await new Promise((resolve) => void setTimeout(resolve, waitMs));
      }
    }
  }

  close(): void {
    this.#closed = true;
  }

  /** @returns Whether it was done; otherwise it is tried again. */
  async #create(schema: string, what: string): Promise<boolean> {
    try {
      await this.#options.link.script(schema, this.#options.deadlineMs);
      return true;
    } catch (cause) {
      const code = sqlStateOf(cause);
      if (code === undefined || PASSING.test(code)) return false;
      throw new LogError(
        "failed",
        `Cannot ${what} log: its tables are missing and cannot be created: ${(cause as Error).message}. Run postgresSchema() as their owner`,
        { cause },
      );
    }
  }
}

function refusal(what: string, code: string, message: string, cause: unknown): LogError {
  // 53100: no space on the disk.
  if (code === "53100") {
    return new LogError("full", `Cannot ${what} log: the disk of Postgres is full (${message})`, { cause });
  }
  const remedy = MISSING.test(code) ? ". Run postgresSchema(), or leave out create: false" : "";
  return new LogError("failed", `Cannot ${what} log: Postgres says ${message} (${code})${remedy}`, { cause });
}

function sqlStateOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && SQLSTATE.test(code) ? code : undefined;
}
