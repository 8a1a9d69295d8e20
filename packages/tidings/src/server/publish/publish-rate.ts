/**
 * Bounds how fast is published: a bucket that fills with `perSecond` tokens a second and holds as many.
 * This module is browser compatible.
 */
import { HubError } from "./hub-error.ts";

export class PublishRate {
  readonly #perSecond: number;
  #tokens: number;
  #atMs = -Infinity;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** @throws {HubError} `too-fast`, and nothing was taken. */
  take(messages: number, nowMs: number): void {
    const perSecond = this.#perSecond;
    const gained = this.#atMs === -Infinity ? 0 : ((nowMs - this.#atMs) / 1_000) * perSecond;
    this.#tokens = Math.min(perSecond, this.#tokens + gained);
    this.#atMs = nowMs;
    // A batch larger than a second's worth would never pass otherwise: it passes when the bucket is full, and empties it below zero.
    const needed = Math.min(messages, perSecond);
    if (this.#tokens < needed) {
      const retryAfterMs = Math.ceil(((needed - this.#tokens) / perSecond) * 1_000);
      throw new HubError(
        "too-fast",
        `Cannot publish: more than ${perSecond} messages a second (limits.publishesPerSecond), expected to wait ${retryAfterMs} ms`,
        retryAfterMs,
      );
    }
    this.#tokens -= messages;
  }
}
