/**
 * Calls the functions of the log in the database: each call is repeated until it is answered or its time is up, and none is left
 * unsettled, whatever the client does with its connections. Creates the tables where they are missing.
 */
import { show } from "../../guard/show.ts";
import { LogError } from "../log.ts";
import type { Listener, PostgresLink, SqlValue } from "./link.ts";
import type { SqlNames } from "./names.ts";
import { LOCK_MS } from "./sql/settings.ts";

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
/** It cannot write: a replica, or a session that is said to only read. */
const READ_ONLY = "25006";
/** What stands under the names of the log is something else: a column, an operator or a type that is not there, say. */
const FOREIGN = /^42(?:703|804|809|883|P01)$/;
/** What the clients say once the application has closed them. */
const ENDED = /CONNECTION_ENDED|after calling end on the pool/;
/** What an attempt says that ran out of time: see link.ts. */
const LATE = /^no answer within/;
/** Tables or functions are missing. */
const MISSING = /^(?:42P01|42883|3F000)$/;

export class Calls {
  readonly #options: CallsOptions;
  #closed = false;
  /** Any Postgres, ever. */
  #hasAnswered = false;

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
    const types = values.map(
      (value, i) => `$${i + 1}::pg_catalog.${typeof value === "string" ? "text" : "bytea"}`,
    );
    const text = `SELECT ${names.call(name)}(${types.join(", ")}) AS reply`;
    const endsMs = performance.now() + withinMs;
    let created = false;
    /** What was in the way last. */
    let said: Error | undefined;
    /** With what Postgres stopped. */
    let panic: Error | undefined;
    for (let waitMs: number = RETRY_MS[0]; ; waitMs = Math.min(waitMs * 2, RETRY_MS[1])) {
      try {
        if (this.#closed) throw new LogError("closed", `Cannot ${what} log: it is closed`);
        const attemptMs = Math.min(ATTEMPT_MS, endsMs - performance.now());
        const reply = await (listener?.run?.(text, values, attemptMs) ?? link.run(text, values, attemptMs));
        this.#hasAnswered = true;
        if (reply === null || reply === "") return null;
        if (typeof reply !== "string") {
          throw new LogError(
            "failed",
            `Cannot ${what} log: the Postgres client made ${show(reply)} of a reply, expected its text: a client without parsers of its own for text, and without transform.row`,
          );
        }
        return JSON.parse(reply) as T;
      } catch (cause) {
        if (cause instanceof LogError) throw cause;
        if (this.#closed) throw new LogError("closed", `Cannot ${what} log: it is closed`, { cause });
        let error = cause as Error;
        const left = endsMs - performance.now() > waitMs;
        const isMissing = schema !== undefined && !created && MISSING.test(sqlStateOf(error) ?? "");
        if (isMissing && left) {
          const failure = await this.#create(schema, what, endsMs - performance.now());
          created = failure === undefined;
          if (failure === undefined) continue;
          error = failure;
        } else if (isMissing && said !== undefined) error = said;
        const code = sqlStateOf(error);
        this.#hasAnswered ||= code !== undefined;
        if (isPanic(error)) panic = error;
        else if (code !== undefined && !PASSING.test(code)) {
          throw refusal(what, code, { error, creates: schema !== undefined });
        }
        // The last attempt may have had no time to hear more.
        if (said === undefined || !LATE.test(error.message)) said = error;
        const { message } = panic === undefined || panic === said ? said : withPanic(panic, said);
        if (ENDED.test(message)) {
          throw new LogError(
            "failed",
            `Cannot ${what} log: the Postgres client is closed, and Postgres may have done it before (${message}). Close the client after the hub has drained`,
            { cause: said },
          );
        }
        if (!left) {
          const isReadOnly = sqlStateOf(said) === READ_ONLY;
          // An append has waited for its turn before.
          const isAppend = what === "append to";
          const until = isAppend ? `${deadlineMs} ms, and may still do it` : `${Math.round(withinMs)} ms`;
          const remedy = isReadOnly ? ". Expected connections to the primary that may write" : "";
          throw new LogError(
            "failed",
            this.#hasAnswered
              ? `Cannot ${what} log: Postgres did not do it within ${until} (${message})${remedy}`
              : `Cannot ${what} log: no Postgres answered within ${Math.round(withinMs)} ms (${message}). Does one run where the client connects to?`,
            { cause: said },
          );
        }
        await new Promise((resolve) => void setTimeout(resolve, waitMs));
      }
    }
  }

  close(): void {
    this.#closed = true;
  }

  /** @returns Why it was not done, where it can be tried again. */
  async #create(schema: string, what: string, withinMs: number): Promise<Error | undefined> {
    try {
      await this.#options.link.script(`SET LOCAL lock_timeout = '${LOCK_MS}ms';\n${schema}`, withinMs);
      return undefined;
    } catch (cause) {
      const code = sqlStateOf(cause);
      if (code === undefined || PASSING.test(code)) return cause as Error;
      if (FOREIGN.test(code)) throw refusal(what, code, { error: cause as Error, creates: true });
      throw new LogError(
        "failed",
        `Cannot ${what} log: its tables, or the functions of this version, are missing and cannot be created: ${(cause as Error).message}. Run postgresSchema() as their owner`,
        { cause },
      );
    }
  }
}

function refusal(
  what: string,
  code: string,
  { error, creates }: { error: Error; creates: boolean },
): LogError {
  const { message } = error;
  // 53100: no space on the disk.
  if (code === "53100") {
    return new LogError("full", `Cannot ${what} log: the disk of Postgres is full (${message})`, {
      cause: error,
    });
  }
  let remedy = "";
  if (!creates && MISSING.test(code))
    remedy =
      ". Run postgresSchema(), or leave out create: false. Tables of an earlier version need the functions of this one";
  else if (FOREIGN.test(code))
    remedy = ". What has its names is not of this log, expected another table or schema";
  else if (code === "42501")
    remedy = ". Grant its role what postgresSchema() made, which row-level security must not hide from it";
  return new LogError("failed", `Cannot ${what} log: Postgres says ${message} (${code})${remedy}`, {
    cause: error,
  });
}

/**
 * Postgres stopped all its processes, and starts again if it can. What was asked for may be done all the same: the server that has no space
 * for more of its write-ahead log stops after it wrote what it had, which may include the commit.
 */
function isPanic(error: Error): boolean {
  // The severity is in the language of the server.
  const { severity } = error as { severity?: unknown };
  return severity === "PANIC" || (sqlStateOf(error) !== undefined && /pg_wal/.test(error.message));
}

function withPanic(panic: Error, since: Error): { message: string } {
  return { message: `it stopped with: ${panic.message}; since then: ${since.message}` };
}

function sqlStateOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && SQLSTATE.test(code) ? code : undefined;
}
