/**
 * What answers may cost: how many there are, how long each may be, how long it is kept.
 * This module is browser compatible.
 */
import type { Given } from "../../guard/given.ts";
import { show } from "../../guard/show.ts";

export interface AnswerLimits {
  /** Milliseconds that an answer is kept after its end. Default: 300,000 (five minutes). */
  readonly keepMs: number;
  /**
   * Messages of one answer. One more ends it with the reason `"too-long"`. Default: 100,000. At most 12 MiB, of that of
   * `totalBytes`.
   */
  readonly messages: number;
  /** Bytes of one answer. Default: 8,388,608 (8 MiB). At most 12 MiB, of that of `totalBytes`. */
  readonly bytes: number;
  /** Milliseconds without a reader after which the generator is stopped. Default: false, for never. */
  readonly abandonMs: number | false;
  /**
   * Answers that this process keeps. For one more, the one that ended first goes; when all are running, it is refused with 503.
   * Default: 1,000. At most 4 MiB beside their bytes.
   */
  readonly answers: number;
  /**
   * Bytes of all answers that this process keeps, by the same rule. Default: 134,217,728 (128 MiB). At most 184 MiB, where
   * messages are small.
   */
  readonly totalBytes: number;
  /** Answers of one `subscriber` that run at once. One more is refused with 429. Default: 20. At most 184 MiB: `totalBytes`. */
  readonly answersPerSubscriber: number;
  /** Open streams of one `subscriber`. One more is refused with 429. Default: 100. At most 1 MiB, of that of `streams`. */
  readonly streamsPerSubscriber: number;
  /** Open streams in all. One more is refused with 503. Default: 10,000. At most 100 MiB. */
  readonly streams: number;
}

const DEFAULTS: AnswerLimits = {
  keepMs: 300_000,
  messages: 100_000,
  bytes: 8 * 2 ** 20,
  abandonMs: false,
  answers: 1_000,
  totalBytes: 128 * 2 ** 20,
  answersPerSubscriber: 20,
  streamsPerSubscriber: 100,
  streams: 10_000,
};

/** @throws {RangeError} If a limit is not a number above 0. */
export function checkAnswerLimits(given: Given<AnswerLimits>): AnswerLimits {
  const limits = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof AnswerLimits)[]) {
    const value: unknown = given[name];
    if (value === undefined || (name === "abandonMs" && value === false)) continue;
    if (typeof value !== "number" || !(value > 0)) {
      throw new RangeError(`Cannot keep answers: ${name} is ${show(value)}, expected a number above 0`);
    }
    Object.assign(limits, { [name]: value });
  }
  return limits;
}
