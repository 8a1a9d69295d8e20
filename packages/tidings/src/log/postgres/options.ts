/** The options of `postgresLog`, and their defaults. */
import { checkOptionNames } from "../../guard/option-names.ts";
import { positive } from "../../guard/positive.ts";
import type { PostgresClient } from "./client.ts";
import type { PostgresSchemaOptions } from "./names.ts";

export interface PostgresLogOptions extends PostgresSchemaOptions {
  /**
   * Whether the log creates its tables and functions when they are missing. With `false`, run {@link postgresSchema} before.
   * Default: true.
   */
  create?: boolean | undefined;
  /**
   * The client for LISTEN, if the first one cannot: PgBouncer in transaction mode keeps no connection for longer than a transaction.
   * With `false`, the log does not listen and polls every `pollMs`. Default: the first client.
   */
  listen?: PostgresClient | false | undefined;
  /** Milliseconds between checks for messages without a notification. Default: 1,000; with `listen: false` 100. */
  pollMs?: number | undefined;
  /** Milliseconds after which an append or a read that is not done is rejected, however many wait before it. Default: 10,000. */
  deadlineMs?: number | undefined;
  /**
   * Bytes that may wait to be written, and 1,000 for each message; beyond that, `append` rejects with `busy`. Default: 67,108,864
   * (64 MiB). At most 96 MiB.
   */
  pendingBytes?: number | undefined;
  /** Milliseconds for which an idempotency key is remembered; with presence, 120,000 or more. Default: 300,000 (five minutes). */
  idempotencyAgeMs?: number | undefined;
  /**
   * Topics whose losses are remembered, the newest ones. Default: 100,000. Beyond that, a subscriber with an old cursor may get a
   * gap although it lost nothing. At most 100,000 rows, in Postgres.
   */
  lostTopics?: number | undefined;
  /** Milliseconds since 1970. What is ahead of the clock of Postgres is not believed. Default: that clock. */
  now?: (() => number) | undefined;
}

export interface PostgresLimits {
  readonly pollMs: number;
  readonly deadlineMs: number;
  readonly pendingBytes: number;
  readonly idempotencyAgeMs: number;
  readonly lostTopics: number;
}

const LIMITS: PostgresLimits = {
  pollMs: 1_000,
  deadlineMs: 10_000,
  pendingBytes: 64 * 2 ** 20,
  idempotencyAgeMs: 300_000,
  lostTopics: 100_000,
};
/** Where nothing says that there is something new. */
const POLL_ALONE_MS = 100;

const KNOWN = { known: ["schema", "table", "create", "listen", "now", ...Object.keys(LIMITS)] };

/**
 * @throws {TypeError} If there is no such option.
 * @throws {RangeError} If a number is not above 0.
 */
export function limitsOf(options: PostgresLogOptions): PostgresLimits {
  checkOptionNames("make log", options, KNOWN);
  const defaults = options.listen === false ? { ...LIMITS, pollMs: POLL_ALONE_MS } : LIMITS;
  const limit = (name: keyof PostgresLimits): number =>
    positive("make log", name, options[name] === undefined ? defaults[name] : options[name]);
  return {
    pollMs: limit("pollMs"),
    deadlineMs: limit("deadlineMs"),
    pendingBytes: limit("pendingBytes"),
    idempotencyAgeMs: limit("idempotencyAgeMs"),
    lostTopics: limit("lostTopics"),
  };
}
