/** The options of a log in LMDB. */
import type { LogOptionNames } from "../log-options.ts";

export interface LmdbLogOptions {
  /** The name of the log. Use different names for several logs in one environment. Default: `"tidings"`. */
  name?: string | undefined;
  /**
   * Milliseconds between checks for what other processes appended, if the system does not report it (Linux, macOS and
   * Windows do, by a file `tidings.bell` beside the environment). Default: 20. False if there are never other processes.
   */
  pollMs?: number | false | undefined;
  /**
   * Milliseconds after which an append that is not on disk is rejected: another process is in the middle of a write and does not go
   * on, say. Default: 10,000.
   */
  deadlineMs?: number | undefined;
  /**
   * Bytes that may wait to be written, and 1,000 for each message; beyond that, `append` rejects with `busy`. Default: 67,108,864
   * (64 MiB). At most 96 MiB.
   */
  pendingBytes?: number | undefined;
  /** The number of idempotency keys that are remembered, the newest ones. Default: 100,000. At most 100,000 entries, on disk. */
  idempotencyKeys?: number | undefined;
  /** Milliseconds for which an idempotency key is remembered; with presence, 120,000 or more. Default: 300,000 (five minutes). */
  idempotencyAgeMs?: number | undefined;
  /**
   * The number of topics without a retained entry that are remembered. Default: 1,000,000, at about 150 bytes each on disk. Beyond
   * that, a subscriber may get a gap although it lost nothing.
   * At most 150 MiB, on disk.
   */
  emptyTopics?: number | undefined;
  /** Milliseconds since 1970. Default: `Date.now`. */
  now?: (() => number) | undefined;
}

export const LMDB_OPTIONS: LogOptionNames<LmdbLogOptions> = {
  name: "other",
  pollMs: "number",
  deadlineMs: "number",
  pendingBytes: "number",
  idempotencyKeys: "number",
  idempotencyAgeMs: "number",
  emptyTopics: "number",
  now: "other",
};
